"""The callers: access keys of users and of assumed roles, kept where moto keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from moto.iam.models import Role, User

_SESSION_S = 43_200
_DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: a role in a session, or a user."""

    kind: str
    name: str
    arn: str
    """As AWS writes it in refusals: the session of a role, or the user."""
    policy_arn: str
    """As policies write it: the role, or the user."""
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys for signing calls."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)

    def variables(self) -> dict[str, str]:
        """Return them as the variables that SDKs read."""
        token = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        return {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key, **token}

    def arguments(self) -> dict[str, str]:
        """Return them as boto3's arguments."""
        return {name.lower(): value for name, value in self.variables().items()}


@dataclass(slots=True)
class Identities:
    """Issues credentials and finds their owners."""

    region: str
    _principals: dict[str, Principal] = field(init=False, default_factory=dict)
    _sessions: dict[tuple[str, str], Credentials] = field(init=False, default_factory=dict)
    _lock: Lock = field(init=False, default_factory=Lock)

    def administrator(self, name: str) -> Credentials:
        """Create a user with full permissions: the testbed's driver."""
        iam = iam_backends[ACCOUNT]["aws"]
        iam.create_user(self.region, name)
        iam.put_user_policy(name, "administrator", _DOCUMENT)
        key = iam.create_access_key(name)
        return Credentials(key.access_key_id, key.secret_access_key, None)

    def assume(self, role_arn: str, session: str) -> Credentials:
        """Return a session of a role; the same one for the same role and name."""
        with self._lock:
            if (role_arn, session) not in self._sessions:
                self._sessions[role_arn, session] = self._assume(role_arn, session)
            return self._sessions[role_arn, session]

    def principal(self, access_key_id: str) -> Principal | None:
        """Return the owner of a key; None if it is unknown."""
        known = self._principals.get(access_key_id)
        if known is None:
            known = _user(access_key_id) or _session(access_key_id)
            if known is not None:
                self._principals[access_key_id] = known
        return known

    def _assume(self, role_arn: str, session: str) -> Credentials:
        made = sts_backends[ACCOUNT]["aws"].assume_role(
            region_name=self.region,
            role_session_name=session,
            role_arn=role_arn,
            policy="",
            duration=_SESSION_S,
            external_id="",
        )
        return Credentials(made.access_key_id, made.secret_access_key, made.session_token)


def role(name: str) -> Role:
    """Return a role by its name; raise moto's own error if there is none."""
    return iam_backends[ACCOUNT]["aws"].get_role(name)


def user(name: str) -> User:
    """Return a user by name; raise moto's own error if there is none."""
    return iam_backends[ACCOUNT]["aws"].get_user(name)


def _user(access_key_id: str) -> Principal | None:
    for found in iam_backends[ACCOUNT]["aws"].users.values():
        for key in found.access_keys:
            if key.access_key_id == access_key_id:
                return Principal("user", found.name, found.arn, found.arn, key.secret_access_key)
    return None


def _session(access_key_id: str) -> Principal | None:
    found = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(access_key_id)
    if found is None:
        return None
    name = found.role_arn.rsplit("/", 1)[1]
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{found.session_name}"
    return Principal("role", name, arn, found.role_arn, found.secret_access_key)


def role_principal(role_arn: str) -> Principal:
    """Return a role as the caller when AWS itself acts with it."""
    return Principal("role", role_arn.rsplit("/", 1)[1], role_arn, role_arn, secret="")
