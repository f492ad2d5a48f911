"""The permissions that a template grants and its functions never use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .authority import own_policies
from .policy import wildcard_matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .audit import Audit, Grant
    from .policy import Statement


def unused(audit: Audit, roles: Iterable[str]) -> list[str]:
    """Return what the roles' own policies grant and nobody used: ``role: policy/Sid: action`` (or resource)."""
    return [
        f"{role}: {statement.source}: {element}"
        for role in roles
        for statement in own_policies("role", role)
        if not statement.denies
        for element in _unused_elements(statement, audit.grants(role))
    ]


def _unused_elements(statement: Statement, grants: Iterable[Grant]) -> Iterator[str]:
    used = [grant for grant in grants if grant.statement == statement.source]
    for action in statement.elements("Action"):
        if not any(wildcard_matches(action.lower(), grant.action.lower()) for grant in used):
            yield action
    for resource in statement.elements("Resource"):
        if not any(wildcard_matches(resource, grant.resource) for grant in used):
            yield resource
