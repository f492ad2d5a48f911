"""The DashScope key, out of Secrets Manager."""

from __future__ import annotations

from aws_lambda_powertools.utilities import parameters

from gallop import settings
from gallop.errors import AwsTrouble

SECONDS_KEPT = 300


def dashscope_key() -> str:
    """Give the DashScope key; a rotated one is seen within five minutes."""
    try:
        secret = parameters.get_secret(settings.dashscope_secret_arn(), max_age=SECONDS_KEPT)
    except parameters.GetParameterError as error:
        raise AwsTrouble(f"The DashScope key cannot be read: {error}") from error
    return str(secret).strip()
