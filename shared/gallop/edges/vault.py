"""The DashScope key, out of Secrets Manager."""

from __future__ import annotations

from aws_lambda_powertools.utilities import parameters

from gallop.errors import AwsTrouble

SECONDS_KEPT = 300


def dashscope_key(name: str) -> str:
    """Give the DashScope key in the secret of this name; a rotated one is seen within five minutes."""
    try:
        secret = parameters.get_secret(name, max_age=SECONDS_KEPT)
    except parameters.GetParameterError as error:
        raise AwsTrouble(f"The DashScope key cannot be read: {error}") from error
    return str(secret).strip()
