"""The route of Alibaba's EventBridge: it accepts only requests with the token of its target."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from gallop import settings
from gallop.adapters import secrets
from gallop.domain.dashscope import completion_event
from gallop.domain.errors import BodyTooLarge, UnknownSender
from gallop.domain.request import single_values, strict_json
from gallop.services.completion import receive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.doors.https.bodies import Body

PATH = "/events/dashscope"
IGNORED = "ignored"


def take(headers: Mapping[str, str], body: Body) -> str:
    """Receive an event; return its result.

    Raises:
        UnknownSender: it does not have the token.
        BodyTooLarge: it is larger than EventBridge allows.
        InvalidRequest: it cannot be read.

    """
    _check_sender(single_values.header(headers, completion_event.TOKEN_HEADER) or "")
    if len(body.data) > completion_event.MAX_BYTES:
        raise BodyTooLarge(
            f"The event is too large: {len(body.data):,} bytes; the maximum is {completion_event.MAX_BYTES:,}."
        )
    task_id = completion_event.task_of(strict_json.parse(body.text()))
    return IGNORED if task_id is None else receive(task_id).value


def _check_sender(token: str) -> None:
    expected = secrets.completion_token(settings.completion_secret_arn())
    if not token or not hmac.compare_digest(token.encode(errors="surrogatepass"), expected.encode()):
        raise UnknownSender("The event does not have this stack's token.")
