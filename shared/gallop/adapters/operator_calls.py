"""Calls of AWS that only an operator's commands make, with the operator's own rights."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gallop.adapters import aws
from gallop.domain.diagnosis import AwsRefused, RightMissing

# Calls whose right has another name, and services whose rights begin with another word.
_RIGHTS = {
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
        code = error.response["Error"]["Code"]
        if code.startswith(_DENIALS):
            raise RightMissing(right) from error
        raise AwsRefused(str(error), code) from error
    except BotoCoreError as error:
        raise AwsRefused(f"{call}: {error}", type(error).__name__) from error
    return answer
