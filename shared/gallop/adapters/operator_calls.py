"""Calls of AWS that only an operator's commands make, with the operator's own rights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from gallop.adapters import aws
from gallop.domain.diagnosis import AwsRefused, RightMissing
from gallop.domain.errors import AwsTrouble

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

# Calls whose right has another name, and services whose rights begin with another word.
_RIGHTS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:GetBucketCors": "s3:GetBucketCORS",
}
_PREFIXES = {"stepfunctions": "states"}
# Each service has its own spelling.
_DENIALS = ("AccessDenied", "AuthorizationError", "Unauthorized", "NotAuthorized")


def ask(service: str, operation: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - of any operation
    """Make a call and return the answer; ``operation`` is the client's method.

    Raises:
        RightMissing: The operator may not make it.
        AwsRefused: AWS returned another error, or did not answer.

    """
    client = aws.complete(service)
    call = f"{_PREFIXES.get(service, service)}:{client.meta.method_to_api_mapping[operation]}"
    right = _RIGHTS.get(call, call)
    try:
        answer: dict[str, Any] = getattr(client, operation)(**parameters)
    except ClientError as error:
        if _is_denial(error):
            raise RightMissing(right) from error
        raise AwsRefused(str(error), error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise AwsRefused(f"{call}: {error}", type(error).__name__) from error
    return answer


def needing(right: str, call: Callable[[], R]) -> R:
    """Make a call that the functions of the stack make, too.

    Raises:
        RightMissing: The operator may not make it.

    """
    try:
        return call()
    except AwsTrouble as trouble:
        if isinstance(trouble.__cause__, ClientError) and _is_denial(trouble.__cause__):
            raise RightMissing(right) from trouble
        raise


def _is_denial(error: ClientError) -> bool:
    return error.response["Error"]["Code"].startswith(_DENIALS)
