"""Policies as IAM evaluates them: who may do what with which resource, under which conditions."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .conditions import holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Context = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, and where it stands."""

    source: str
    """The policy's name and the statement's Sid or number."""
    body: Mapping[str, Any] = field(repr=False)

    @property
    def denies(self) -> bool:
        """Whether it forbids."""
        return bool(self.body["Effect"] == "Deny")

    def elements(self, name: str) -> list[str]:
        """Give Action, Resource and the like as a list, whichever way they are written."""
        return as_list(self.body.get(name, []))

    def matches(self, action: str, resource: str, context: Context) -> bool:
        """Tell whether it speaks of this action on this resource, under these circumstances."""
        return (
            self._speaks_of("Action", action.lower(), lower=True)
            and self._speaks_of("Resource", resource, lower=False)
            and holds(self.body.get("Condition", {}), context)
        )

    def speaks_to(self, principals: Iterable[tuple[str, str]]) -> bool:
        """Tell whether a resource policy's statement is meant for one of the caller's names, such as an ARN."""
        meant = self.body.get("Principal", {})
        if meant == "*":
            return True
        allowed = {(kind, name) for kind, names in meant.items() for name in as_list(names)}
        return ("AWS", "*") in allowed or not allowed.isdisjoint(principals)

    def _speaks_of(self, element: str, value: str, *, lower: bool) -> bool:
        if f"Not{element}" in self.body:
            return not _any_matches(self.elements(f"Not{element}"), value, lower=lower)
        if element == "Resource" and element not in self.body:
            # The policy of a role's trust or of a function names no resource: it is its own.
            return True
        return _any_matches(self.elements(element), value, lower=lower)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies say, and which statements said so."""

    allowed: bool
    denied: bool
    statements: tuple[Statement, ...] = ()


def statements(name: str, document: Mapping[str, Any]) -> Iterator[Statement]:
    """Take a policy document apart."""
    for number, body in enumerate(as_list(document.get("Statement", []))):
        yield Statement(f"{name}/{body.get('Sid', number)}", body)


def evaluate(policies: Iterable[Statement], action: str, resource: str, context: Context) -> Verdict:
    """Evaluate: an explicit Deny wins, otherwise one Allow is enough."""
    matching = [statement for statement in policies if statement.matches(action, resource, context)]
    denials = tuple(statement for statement in matching if statement.denies)
    if denials:
        return Verdict(allowed=False, denied=True, statements=denials)
    return Verdict(allowed=bool(matching), denied=False, statements=tuple(matching))


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - whatever a policy holds
    """Give one or many as many."""
    return value if isinstance(value, list) else [value]


def wildcard_matches(pattern: str, value: str) -> bool:
    """Match with ``*`` and ``?``, the whole value, case and all."""
    return _expression(pattern).fullmatch(value) is not None


def _any_matches(patterns: Iterable[str], value: str, *, lower: bool) -> bool:
    return any(wildcard_matches(pattern.lower() if lower else pattern, value) for pattern in patterns)


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    # fnmatch also knows [...], which IAM does not.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.DOTALL)
