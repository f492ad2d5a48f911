"""Where a job may run: on one account of DashScope, or on those with certain tags, as its request or its key says."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TAGS = 8
# In the text of a placement the account comes first; so no tag has this name.
ACCOUNT = "account"
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class Contradiction(ValueError):
    """A request may not run where it wants to. ``part`` is ``account``, or the tag; ``bound`` is what applies."""

    def __init__(self, part: str, bound: str) -> None:
        super().__init__(f"{part} must be {bound}")
        self.part, self.bound = part, bound


@frozen
class Placement:
    """The account on which a job must run, if any, and the tags that its account must have."""

    account: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether it excludes any account."""
        return bool(self.account or self.tags)

    @property
    def text(self) -> str:
        """The placement as text, ``account=two,region=eu``: equal ones have the same; empty for any account."""
        account = [(ACCOUNT, self.account)] if self.account else []
        return ",".join(f"{name}={value}" for name, value in [*account, *sorted(self.tags.items())])

    def view(self) -> dict[str, Any] | None:
        """Return the placement as a JSON object; None for any account."""
        return {"account": self.account or None, "tags": dict(self.tags)} if self else None

    def allows(self, account: str, tags: Mapping[str, str]) -> bool:
        """Return whether a job may run on an account with these tags."""
        is_account = self.account in ("", account)
        return is_account and all(tags.get(name) == value for name, value in self.tags.items())

    def within(self, bound: Placement) -> Placement:
        """Return what both this placement and that of a client's key allow.

        Raises:
            Contradiction: nothing would be allowed by both.

        """
        if self.account and bound.account and self.account != bound.account:
            raise Contradiction(ACCOUNT, bound.account)
        for name, value in bound.tags.items():
            if self.tags.get(name, value) != value:
                raise Contradiction(name, value)
        return Placement(self.account or bound.account, {**self.tags, **bound.tags})


ANYWHERE = Placement()


def placement_from(text: str) -> Placement:
    """Read the text of a placement."""
    found = dict(part.split("=", 1) for part in text.split(",") if part)
    return Placement(found.pop(ACCOUNT, ""), found)


def is_word(text: object) -> bool:
    """Return whether a value may be the name of an account, or the name or value of a tag."""
    return isinstance(text, str) and bool(_WORD.fullmatch(text))


def are_tags(value: object) -> bool:
    """Return whether a value is a valid set of tags: names and values by the same rule."""
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_TAGS or ACCOUNT in value:
        return False
    return all(is_word(name) and is_word(one) for name, one in value.items())
