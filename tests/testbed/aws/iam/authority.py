"""Decide whether a call is allowed: collect and evaluate the policies of caller and resource, and audit the result."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from moto.iam.models import AWSManagedPolicy

from tests.testbed.aws.account import ACCOUNT

from . import identities, lookup
from .audit import Audit, Entry
from .policy import Statement, Verdict, evaluate, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moto.iam.models import ManagedPolicy

    from .ask import Ask
    from .identities import Principal


class Refused(Exception):
    """The policies do not allow the call; the message is AWS's own."""

    def __init__(self, principal_arn: str, ask: Ask, *, denied: bool, kind: str = "identity-based") -> None:
        """Create AWS's message; ``denied`` says that a policy forbids it, rather than that none allows it."""
        why = (
            f"with an explicit deny in an {kind} policy"
            if denied
            else f"because no {kind} policy allows the {ask.action} action"
        )
        super().__init__(
            f"User: {principal_arn} is not authorized to perform: {ask.action} on resource: {ask.resource} {why}"
        )
        self.ask = ask


@dataclass(slots=True)
class Authority:
    """IAM of one account."""

    region: str
    audit: Audit = field(default_factory=Audit)

    def require(self, principal: Principal, ask: Ask) -> None:
        """Check that a role or user may make a call; raise ``Refused`` if not."""
        own = identity_policies(principal.kind, principal.name)
        context = self._context(principal) | dict(ask.context)
        names = _names(principal)
        document = lookup.resource_policy(ask.resource) if ask.resource != "*" else None
        theirs = [statement for statement in _document(ask.resource, document) if statement.applies_to(names)]
        verdict = evaluate([*own, *theirs], ask.action, ask.resource, context)
        self._note(principal.name, ask, verdict)
        if not verdict.allowed:
            raise Refused(principal.arn, ask, denied=verdict.denied)

    def allows(self, principal: Principal, ask: Ask) -> bool:
        """Return whether a call would be allowed, and audit it."""
        try:
            self.require(principal, ask)
        except Refused:
            return False
        return True

    def role_allows(self, role_arn: str, ask: Ask) -> bool:
        """Return whether a role allows something to AWS itself."""
        return self.allows(identities.role_principal(role_arn), ask)

    def service_allows(self, service: str, source_arn: str, ask: Ask, policy: str | None) -> bool:
        """Return whether a resource's own policy lets an AWS service use it on behalf of another resource."""
        context = {
            "aws:sourcearn": [source_arn],
            "aws:sourceaccount": [ACCOUNT],
            "aws:securetransport": ["true"],
        }
        applicable = [
            statement for statement in _document(ask.resource, policy) if statement.applies_to([("Service", service)])
        ]
        verdict = evaluate(applicable, ask.action, ask.resource, context)
        self._note(service, ask, verdict)
        return verdict.allowed

    def _note(self, name: str, ask: Ask, verdict: Verdict) -> None:
        self.audit.record(Entry(name, ask.action, ask.resource, verdict.allowed), verdict.statements)

    def _context(self, principal: Principal) -> dict[str, list[str]]:
        """Return the condition keys of every call. The testbed's plain HTTP counts as TLS."""
        now = datetime.fromtimestamp(time.time(), UTC)
        return {
            "aws:currenttime": [now.isoformat(timespec="seconds")],
            "aws:epochtime": [str(int(now.timestamp()))],
            "aws:principalaccount": [ACCOUNT],
            "aws:principalarn": [principal.policy_arn],
            "aws:requestedregion": [self.region],
            "aws:securetransport": ["true"],
            "aws:sourceip": ["127.0.0.1"],
        }


def identity_policies(kind: str, name: str) -> Iterator[Statement]:
    """Yield all statements of a role or user, from its inline and its managed policies."""
    yield from own_policies(kind, name)
    for managed in _owner(kind, name).managed_policies.values():
        if isinstance(managed, AWSManagedPolicy):
            yield from _managed(managed)


def own_policies(kind: str, name: str) -> Iterator[Statement]:
    """Yield the statements of inline policies and of the account's own managed policies."""
    for policy, document in _owner(kind, name).policies.items():
        yield from _document(policy, document if isinstance(document, str) else json.dumps(document, default=str))
    for managed in _owner(kind, name).managed_policies.values():
        if not isinstance(managed, AWSManagedPolicy):
            yield from _managed(managed)


def _managed(policy: ManagedPolicy) -> tuple[Statement, ...]:
    current = next(version for version in policy.versions if version.is_default)
    return _document(policy.name, current.document)


def _owner(kind: str, name: str) -> Any:  # noqa: ANN401 - a role or a user of moto
    return identities.role(name) if kind == "role" else identities.user(name)


def _names(principal: Principal) -> list[tuple[str, str]]:
    account = [("AWS", ACCOUNT), ("AWS", f"arn:aws:iam::{ACCOUNT}:root")]
    return [("AWS", principal.arn), ("AWS", principal.policy_arn), *account]


@lru_cache(maxsize=512)
def _document(name: str, text: str | None) -> tuple[Statement, ...]:
    return tuple(statements(name, json.loads(text))) if text else ()
