"""Lambda's Invoke API: payload limits, throttling, and asynchronous invocations."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import LambdaClientError

from .functions import Throttled

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.awslambda.models import LambdaFunction

    from .functions import Runner

MAX_REQUEST_BYTES = 6_291_456
MAX_EVENT_BYTES = 1_048_576
_LOG_TAIL_BYTES = 4096


class InvalidRequestContent(LambdaClientError):
    """The payload is not JSON."""

    code = 400

    def __init__(self) -> None:
        super().__init__("InvalidRequestContentException", "Could not parse request body into json")


class RequestTooLarge(LambdaClientError):
    """The payload is larger than its kind of invocation allows."""

    code = 413

    def __init__(self, size: int, kind: str, limit: int) -> None:
        message = f"{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
        super().__init__("RequestTooLargeException", message)


class TooManyRequests(LambdaClientError):
    """The function's reserved concurrency, or the account's, is in use."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


def invoker(runner: Callable[[], Runner], in_background: Callable[[str, bytes], None]) -> Any:  # noqa: ANN401
    """Return a replacement for moto's ``LambdaFunction.invoke``; ``in_background`` takes function and event."""

    def invoke(function: LambdaFunction, body: Any, request_headers: Any, response_headers: Any) -> bytes:  # noqa: ANN401
        content = body or "{}"
        payload = content.encode() if isinstance(content, str) else content
        kind = request_headers.get("x-amz-invocation-type", "RequestResponse")
        _check(payload, kind)
        response_headers["x-amz-executed-version"] = "$LATEST"
        if kind == "DryRun":
            return b""
        if kind == "Event":
            in_background(function.function_name, payload)
            return b""
        try:
            result = runner().invoke(function.function_name, payload)
        except Throttled:
            raise TooManyRequests from None
        if result.error:
            response_headers["x-amz-function-error"] = "Unhandled"
        tail = result.log.encode()[-_LOG_TAIL_BYTES:]
        response_headers["x-amz-log-result"] = base64.b64encode(tail).decode()
        return result.payload.encode()

    return invoke


def _check(payload: bytes, kind: str) -> None:
    limit = MAX_EVENT_BYTES if kind == "Event" else MAX_REQUEST_BYTES
    if len(payload) > limit:
        raise RequestTooLarge(len(payload), kind, limit)
    try:
        json.loads(payload)
    except ValueError:
        raise InvalidRequestContent from None
