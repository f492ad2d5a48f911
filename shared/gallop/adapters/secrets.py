"""Secrets from Secrets Manager."""

from __future__ import annotations

from functools import lru_cache

from gallop import clock
from gallop.adapters import aws
from gallop.domain.errors import AwsTrouble

SECONDS_KEPT = 300


def dashscope_key(name: str) -> str:
    """Return the text of the secret of this name: DashScope's key, or a list of accounts with a key each.

    A rotated key is used within five minutes.
    """
    return _text(name, "The DashScope key")


def completion_token(name: str) -> str:
    """Return the token of completion events from the secret of this name; a new one is used within five minutes."""
    return _text(name, "The completion event token")


def signing_certificate(name: str) -> str:
    """Return the certificate and key of Content Credentials from the secret of this name, as ``dashscope_key`` does."""
    return _text(name, "The certificate of Content Credentials")


def clear_cache() -> None:
    """Forget the secrets that were read."""
    _read.cache_clear()


def _text(name: str, what: str) -> str:
    try:
        return _read(name, int(clock.now() // SECONDS_KEPT))
    except AwsTrouble as error:
        raise AwsTrouble(f"{what} cannot be read: {error}") from error


@lru_cache(maxsize=8)
@aws.guarded
def _read(name: str, _moment: int) -> str:
    return aws.secretsmanager().get_secret_value(SecretId=name).get("SecretString", "").strip()
