"""``gallop accounts``: the DashScope accounts that make the videos. Their keys are read without being shown."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop import settings
from gallop.cli import placing, show
from gallop.cli.show import refuse
from gallop.cli.target import StackOption, opened
from gallop.domain import prices, regions
from gallop.domain.accounts import Account, InvalidAccounts
from gallop.domain.budget import Period
from gallop.domain.placement import Placement
from gallop.domain.prices import Scope
from gallop.services import account_caps, account_list, vendor_accounts

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(help="Show and change the DashScope accounts that make the videos.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="The account's name: a-z, 0-9 and hyphens.", metavar="NAME")]
UrlOption = Annotated[str, typer.Option("--base-url", help="The host of the key, as https://.../api/v1.")]
TagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", help="What requests and keys may ask for, as region=eu. Repeat it for more.", metavar="NAME=VALUE"
    ),
]
ModelOption = Annotated[list[str] | None, typer.Option("--model", help="A model that it may make. Default: all.")]
InFlightOption = Annotated[
    int | None, typer.Option(help="Maximum tasks per model at a time. Default: the stack's MaxInFlight.")
]
WeightOption = Annotated[int | None, typer.Option(help="Its share of the jobs, relative to the other accounts.")]
ScopeOption = Annotated[
    str | None,
    typer.Option(help=f"Whose prices it has: {' or '.join(f'{one}' for one in Scope)}. Default: those of its region."),
]
DayCapOption = Annotated[float | None, typer.Option(help="Its maximum cost per day (UTC), in USD. 0 removes the cap.")]
MonthCapOption = Annotated[float | None, typer.Option(help="Its maximum cost per month (UTC), in USD.")]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Change an account that exists: its key, and the options given.")
]


@app.command(name="list")
def list_accounts(json: show.JsonOption = False, stack: StackOption = "") -> None:
    """List the accounts: host, models, limits, money, state, and the jobs that belong to each. Never a key."""
    with _secret_of(stack) as secret:
        rows = [_view(account) for account in account_list.read(secret).values()]
    if json:
        show.as_json(rows)
        return
    limits = ("MODELS", "IN FLIGHT", "WEIGHT", "PRICES", "DAY", "MONTH")
    head = ("ACCOUNT", "BASE URL", "REGION", "TAGS", *limits, "STATE", "JOBS")
    show.as_table(head, [tuple(str(cell) for cell in {**row, **_cells(row)}.values()) for row in rows])


@app.command()
def add(  # noqa: PLR0913, PLR0917 - one parameter per option
    name: NameArgument,
    base_url: UrlOption = "",
    tag: TagOption = None,
    model: ModelOption = None,
    in_flight: InFlightOption = None,
    weight: WeightOption = None,
    price_scope: ScopeOption = None,
    day_cap: DayCapOption = None,
    month_cap: MonthCapOption = None,
    replace_it: ReplaceOption = False,
    stack: StackOption = "",
) -> None:
    """Add an account. Its key comes from a prompt, or from standard input: it must not be an argument."""
    with _secret_of(stack) as secret:
        listed = account_list.read(secret)
        if (name in listed) is not replace_it:
            refuse(f"There is {'no' if replace_it else 'already an'} account {name!r}. Run `gallop accounts list`.")
        before = listed.get(name, Account(name=name))
        changed = replace(
            before,
            key=_key(),
            base_url=base_url or before.base_url,
            tags=placing.tags_of(tag) if tag else before.tags,
            models=tuple(model) if model else before.models,
            in_flight=before.in_flight if in_flight is None else in_flight,
            weight=before.weight if weight is None else weight,
            price_scope=before.price_scope if price_scope is None else price_scope,
            day_cap=before.day_cap if day_cap is None else _usd(day_cap),
            month_cap=before.month_cap if month_cap is None else _usd(month_cap),
        )
        account_list.store(secret, {**listed, name: changed})
    show.remark(f"Account {name!r} {'is changed' if replace_it else 'takes jobs now'}. {_LATER}")


@app.command()
def pause(name: NameArgument, stack: StackOption = "") -> None:
    """Let an account take no more jobs. Those that belong to it end there; what waits goes to the others."""
    with _secret_of(stack) as secret:
        _set_paused(secret, name, is_paused=True)
        left = len(account_list.jobs_of(name))
    show.remark(f"Account {name!r} is paused. {left} jobs still belong to it.")


@app.command()
def resume(name: NameArgument, stack: StackOption = "") -> None:
    """Let a paused account take jobs again."""
    with _secret_of(stack) as secret:
        _set_paused(secret, name, is_paused=False)
    show.remark(f"Account {name!r} takes jobs again, within a minute.")


@app.command()
def remove(name: NameArgument, stack: StackOption = "") -> None:
    """Remove a paused account, with its key, once no job belongs to it."""
    with _secret_of(stack) as secret:
        listed = account_list.read(secret)
        if not _known(listed, name).paused:
            refuse(f"Account {name!r} takes jobs. First run `gallop accounts pause {name}`, and let its jobs end.")
        if left := account_list.jobs_of(name):
            refuse(f"{len(left)} jobs still belong to account {name!r} and need its key. Wait until they have ended.")
        if len(listed) == 1:
            refuse(f"Account {name!r} is the only one. Add another before you remove it.")
        account_list.store(secret, {other: account for other, account in listed.items() if other != name})
    show.remark(f"Account {name!r} is removed.")


_LATER = "Functions that run already keep a replaced key for up to 5 minutes."


@contextmanager
def _secret_of(stack: str) -> Iterator[str]:
    """Connect to a stack and yield the name of its secret; a fault of the list is a message, not an error."""
    with opened(stack) as target:
        target.use_settings_of("ReconcileFunction")
        if not (secret := settings.known_secret_arn()):
            refuse(f"Stack {target.stack!r} is too old for this command. Update the stack.")
        try:
            yield secret
        except InvalidAccounts as error:
            refuse(str(error))


def _set_paused(secret: str, name: str, *, is_paused: bool) -> None:
    listed = account_list.read(secret)
    account_list.store(secret, {**listed, name: replace(_known(listed, name), paused=is_paused)})


def _known(listed: dict[str, Account], name: str) -> Account:
    if name not in listed:
        refuse(f"There is no account {name!r}. Run `gallop accounts list` to see the names.")
    return listed[name]


def _usd(amount: float) -> Decimal | None:
    return Decimal(str(amount)) if amount else None


def _key() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("DashScope API key", hide_input=True)).strip()
    return sys.stdin.readline().strip()


def _view(account: Account) -> dict[str, Any]:
    url = vendor_accounts.base_url(account)
    money = {use.period: {"cap": use.view()["cap"], "used": use.view()["used"]} for use in account_caps.uses([account])}
    return {
        "account": account.name,
        "base_url": url,
        "region": regions.region_of(url),
        "tags": dict(account.tags),
        "models": list(account.models),
        "in_flight": account.in_flight or settings.max_in_flight(),
        "weight": account.weight,
        "price_scope": prices.scope_of(url, account.price_scope).value,
        **{period: money.get(period) for period in Period},
        "state": "paused" if account.paused else "open",
        "jobs": len(account_list.jobs_of(account.name)),
    }


def _cells(row: dict[str, Any]) -> dict[str, str]:
    """Return what a table shows of lists and of caps."""
    money = {
        period.value: f"${row[period]['used']:.2f} of ${row[period]['cap']:.2f}" for period in Period if row[period]
    }
    words = {"tags": Placement(tags=row["tags"]).text or "-", "models": ", ".join(row["models"]) or "all"}
    return {**words, **dict.fromkeys(Period, "-"), **money}
