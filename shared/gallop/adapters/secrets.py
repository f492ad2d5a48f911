"""Secrets, out of Secrets Manager."""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider

from gallop.adapters import aws
from gallop.domain.errors import AwsTrouble

SECONDS_KEPT = 300


def dashscope_key(name: str) -> str:
    """Give the DashScope key in the secret of this name; a rotated one is seen within five minutes."""
    return _text(name, "The DashScope key")


def completion_token(name: str) -> str:
    """Give the token of completion events in the secret of this name; a new one is seen within five minutes."""
    return _text(name, "The token of completion events")


def _text(name: str, what: str) -> str:
    try:
        secret = provider().get(name, max_age=SECONDS_KEPT)
    except GetParameterError as error:
        raise AwsTrouble(f"{what} cannot be read: {error}") from error
    return str(secret).strip()


@cache
def provider() -> SecretsProvider:
    """Give what keeps secrets for a while; on our own client, because it would make a session for itself."""
    return SecretsProvider(boto3_client=aws.secretsmanager())
