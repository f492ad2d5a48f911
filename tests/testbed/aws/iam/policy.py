"""Policies as IAM evaluates them: actions, resources, principals and conditions."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One statement, and where it comes from; equal only to itself, so that what it covers can be remembered."""

    source: str
    """The policy's name and the statement's Sid or number."""
    body: Mapping[str, Any] = field(repr=False)

    @property
    def denies(self) -> bool:
        """Whether it forbids."""
        return bool(self.body["Effect"] == "Deny")

    def elements(self, name: str) -> list[str]:
        """Return Action, Resource and the like as a list, in whichever form they are written.

        Moto leaves a null in a list where the template has ``AWS::NoValue``.
        """
        return [element for element in as_list(self.body.get(name, [])) if element is not None]

    def matches(self, action: str, resource: str, context: Context) -> bool:
        """Return whether the statement covers this action on this resource in this context."""
        return (
            _covers(self, "Action", action.lower(), lower=True)
            and _covers(self, "Resource", resource, lower=False)
            and holds(self.body.get("Condition", {}), context)
        )

    def applies_to(self, principals: Iterable[tuple[str, str]]) -> bool:
        """Return whether a resource policy's statement applies to one of the caller's names, such as an ARN."""
        named = self.body.get("Principal", {})
        if named == "*":
            return True
        allowed = {(kind, name) for kind, names in named.items() for name in as_list(names)}
        return ("AWS", "*") in allowed or not allowed.isdisjoint(principals)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision of the policies, and the statements that decided."""

    allowed: bool
    denied: bool
    statements: tuple[Statement, ...] = ()


def statements(name: str, document: Mapping[str, Any]) -> Iterator[Statement]:
    """Yield the statements of a policy document."""
    for number, body in enumerate(as_list(document.get("Statement", []))):
        yield Statement(f"{name}/{body.get('Sid', number)}", body)


def evaluate(policies: Iterable[Statement], action: str, resource: str, context: Context) -> Verdict:
    """Evaluate statements: an explicit Deny wins, otherwise one Allow is enough."""
    matching = [statement for statement in policies if statement.matches(action, resource, context)]
    denials = tuple(statement for statement in matching if statement.denies)
    if denials:
        return Verdict(allowed=False, denied=True, statements=denials)
    return Verdict(allowed=bool(matching), denied=False, statements=tuple(matching))


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    """Return a list as it is, and anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def wildcard_matches(pattern: str, value: str) -> bool:
    """Return whether ``*`` and ``?`` in a pattern match the whole value, case-sensitively."""
    return _expression(pattern).fullmatch(value) is not None


@lru_cache(maxsize=16_384)
def _covers(statement: Statement, element: str, value: str, *, lower: bool) -> bool:
    if f"Not{element}" in statement.body:
        return not _any_matches(statement.elements(f"Not{element}"), value, lower=lower)
    if element == "Resource" and element not in statement.body:
        # A role's trust policy and a function's policy name no resource: it is their own.
        return True
    return _any_matches(statement.elements(element), value, lower=lower)


def _any_matches(patterns: Iterable[str], value: str, *, lower: bool) -> bool:
    return any(wildcard_matches(pattern.lower() if lower else pattern, value) for pattern in patterns)


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    # fnmatch also supports [...], which IAM does not.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.DOTALL)
