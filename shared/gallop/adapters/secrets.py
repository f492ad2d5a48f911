"""Secrets from Secrets Manager."""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider

from gallop.adapters import aws
from gallop.domain.errors import AwsTrouble

SECONDS_KEPT = 300


def dashscope_key(name: str) -> str:
    """Return the DashScope key from the secret of this name; a rotated key is used within five minutes."""
    return _text(name, "The DashScope key")


def completion_token(name: str) -> str:
    """Return the token of completion events from the secret of this name; a new one is used within five minutes."""
    return _text(name, "The completion event token")


def _text(name: str, what: str) -> str:
    try:
        secret = provider().get(name, max_age=SECONDS_KEPT)
    except GetParameterError as error:
        raise AwsTrouble(f"{what} cannot be read: {error}") from error
    return str(secret).strip()


@cache
def provider() -> SecretsProvider:
    """Return the cache of secrets. It uses our own client, because it would otherwise create a session."""
    return SecretsProvider(boto3_client=aws.secretsmanager())
