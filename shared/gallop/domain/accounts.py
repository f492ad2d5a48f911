"""DashScope accounts as the stack's secret holds them: one bare key, or a JSON list of several accounts.

A bare key is the account ``default`` at the stack's base URL. The JSON is
``{"accounts": {"<name>": {"base_url": "https://…/api/v1", "key": "sk-…", "in_flight": 5, …}}}``.
"""

from __future__ import annotations

import json
import re
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop.domain import budget, models
from gallop.domain.budget import Period
from gallop.domain.dashscope.addresses import is_base_url
from gallop.domain.frozen import frozen
from gallop.domain.lanes import DEFAULT_ACCOUNT
from gallop.domain.placement import MAX_TAGS, are_tags, is_word
from gallop.domain.prices import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gallop.domain.budget import Cap

DEFAULT = DEFAULT_ACCOUNT
MAX_ACCOUNTS, MAX_IN_FLIGHT, MAX_WEIGHT, MAX_CAP = 50, 100, 100, 1_000_000
_KEY = re.compile(r"[\x21-\x7e]+")


class InvalidAccounts(ValueError):
    """The list of accounts has a fault; the message names account and field, and never quotes a key."""


@frozen
class Account:
    """A DashScope account: its key and host, what it may make, and how many tasks of a model at a time.

    Without ``base_url`` and ``in_flight`` those of the stack apply; no ``models`` means all. Of two accounts with the
    same share of their slots in use, the one with the larger ``weight`` gets the next job. ``tags`` say what requests
    may ask for, such as a region. Prices are those of ``price_scope``, or without one those of the host's region. A
    ``paused`` account gets no jobs, and one with caps none that cost more per day or month (UTC), in USD.
    """

    name: str = DEFAULT
    key: str = field(default="", repr=False)
    base_url: str = ""
    models: tuple[str, ...] = ()
    in_flight: int | None = None
    weight: int = 1
    paused: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    price_scope: str = ""
    day_cap: Decimal | None = None
    month_cap: Decimal | None = None

    def makes(self, model: str) -> bool:
        """Return whether the account may make videos of a model."""
        return not self.models or model in self.models

    @property
    def caps(self) -> tuple[Cap, ...]:
        """The caps on what its jobs cost."""
        return budget.caps_of_account(self.name, {Period.DAY: self.day_cap, Period.MONTH: self.month_cap})

    def as_map(self) -> dict[str, Any]:
        """Return the account as the secret has it: what differs from a default, and its key."""
        empty = Account()
        values = {name: getattr(self, name) for name in _FIELDS}
        return {
            name: _WRITERS.get(name, lambda value: value)(value)
            for name, value in values.items()
            if name == "key" or value != getattr(empty, name)
        }


def is_list(text: str) -> bool:
    """Return whether a secret holds a list of accounts, and not a bare key, whatever is wrong with either."""
    return text.startswith("{") and '"accounts"' in text


def read(text: str) -> dict[str, Account]:
    """Read the text of the secret; return the accounts by name.

    Raises:
        InvalidAccounts: the list has a fault.

    """
    if not is_list(text):
        return {DEFAULT: Account(key=text)}
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_float=Decimal)
    except RecursionError:
        raise InvalidAccounts("The secret is nested too deeply. Store a list of accounts.") from None
    except json.JSONDecodeError as error:
        # Its message may not be shown: it could quote a key.
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidAccounts(f"The secret is not valid JSON ({place}). Store a key, or a list of accounts.") from None
    listed = found.get("accounts")
    if set(found) != {"accounts"} or not isinstance(listed, dict):
        raise InvalidAccounts('The secret must be {"accounts": {...}}, with nothing beside `accounts`.')
    if not 0 < len(listed) <= MAX_ACCOUNTS:
        raise InvalidAccounts(f"The secret must list 1 to {MAX_ACCOUNTS} accounts; it lists {len(listed)}.")
    accounts = {name: _account(name, fields) for name, fields in listed.items()}
    _check_apart(accounts.values())
    return accounts


def written(accounts: Iterable[Account]) -> str:
    """Return the text of the secret with these accounts: a bare key if it is the default one without a field."""
    listed = {account.name: account for account in accounts}
    alone = listed.get(DEFAULT)
    if len(listed) == 1 and alone == Account(key=alone.key if alone else ""):
        return alone.key
    text = json.dumps({"accounts": {name: account.as_map() for name, account in listed.items()}}, indent=2)
    read(text)
    return text


def is_account_name(name: str) -> bool:
    """Return whether a text is a valid name of an account."""
    return is_word(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise InvalidAccounts("The secret has a name twice in one object. Keep one of them.")
    return dict(pairs)


def _account(name: str, fields: object) -> Account:
    if not is_account_name(name):
        raise InvalidAccounts("An account's name is invalid. Use up to 32 characters: a-z, 0-9 and hyphens.")
    if not isinstance(fields, dict):
        raise InvalidAccounts(f"Account {name!r} must be an object with a `key`.")
    # A field that is not known is not quoted: it may be a key in the wrong place.
    if unknown := set(fields) - set(_FIELDS):
        known = ", ".join(_FIELDS)
        raise InvalidAccounts(f"Account {name!r} has {len(unknown)} unknown fields. Use only: {known}.")
    for one, (is_valid, wanted) in _FIELDS.items():
        if (one in fields or one == "key") and not is_valid(fields.get(one)):
            raise InvalidAccounts(f"Account {name!r}: `{one}` must be {wanted}.")
    if name != DEFAULT and not fields.get("base_url"):
        raise InvalidAccounts(f"Account {name!r} has no `base_url`. Add the host of its key, up to /api/v1.")
    caps = {one: Decimal(fields[one]) for one in ("day_cap", "month_cap") if one in fields}
    given: Mapping[str, Any] = {**fields, "models": tuple(fields.get("models", ())), **caps}
    return Account(name=name, **given)


def _check_apart(accounts: Iterable[Account]) -> None:
    """Refuse one key twice: two lanes of one account could take each other's tasks, and exceed its limits."""
    seen: dict[str, str] = {}
    for account in accounts:
        if account.key in seen:
            raise InvalidAccounts(
                f"Accounts {seen[account.key]!r} and {account.name!r} have the same key. "
                "Keep one entry per Alibaba Cloud account and region."
            )
        seen[account.key] = account.name


def _whole(least: int, most: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _is_cap(value: object) -> bool:
    """Return whether a value is an amount of money. Of one that is too large, no digits are looked at."""
    is_number = type(value) in (int, Decimal) and 0 < value <= MAX_CAP  # type: ignore[operator]
    return is_number and value == round(value, 2)  # type: ignore[call-overload]


_CAP = (_is_cap, f"US dollars: a number above 0, up to {MAX_CAP:,}, with two decimals at most")
_WRITERS: Mapping[str, Callable[[Any], Any]] = {"models": list, "day_cap": float, "month_cap": float}
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "key": (lambda value: isinstance(value, str) and bool(_KEY.fullmatch(value)), "a DashScope API key (sk-...)"),
    "base_url": (
        lambda value: isinstance(value, str) and is_base_url(value),
        "an https URL that ends in /api/v1",
    ),
    "models": (
        lambda value: isinstance(value, list) and bool(value) and all(one in models.MODELS for one in value),
        "a list of models that `GET /v1/models` names",
    ),
    "in_flight": (_whole(1, MAX_IN_FLIGHT), f"a whole number from 1 to {MAX_IN_FLIGHT}"),
    "weight": (_whole(1, MAX_WEIGHT), f"a whole number from 1 to {MAX_WEIGHT}"),
    "tags": (
        are_tags,
        f'1 to {MAX_TAGS} names with values, as {{"region": "eu"}}: a-z, 0-9 and hyphens; not `account`',
    ),
    "price_scope": (lambda value: value in list(Scope), " or ".join(f'"{scope}"' for scope in Scope)),
    "day_cap": _CAP,
    "month_cap": _CAP,
    "paused": (lambda value: isinstance(value, bool), "true or false"),
}
