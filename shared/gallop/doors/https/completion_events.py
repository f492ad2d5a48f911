"""The door of Alibaba's EventBridge: a target's token opens it, and nothing else does."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from gallop import settings
from gallop.adapters import secrets
from gallop.domain.dashscope import completion_event
from gallop.domain.errors import BodyTooLarge, UnknownSender
from gallop.domain.request import strict_json
from gallop.services.completion import receive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.doors.https.bodies import Body

PATH = "/events/dashscope"
IGNORED = "ignored"


def take(headers: Mapping[str, str], body: Body) -> str:
    """Take an event; gives what came of it.

    Raises:
        UnknownSender: it does not come with the token.
        BodyTooLarge: it is larger than any event of EventBridge's.
        InvalidRequest: it cannot be read.

    """
    _check_sender(headers.get(completion_event.TOKEN_HEADER, ""))
    if len(body.data) > completion_event.MAX_BYTES:
        raise BodyTooLarge(f"The event has {len(body.data)} bytes; {completion_event.MAX_BYTES} are the most.")
    task_id = completion_event.task_of(strict_json.parse(body.text()))
    return IGNORED if task_id is None else receive(task_id).value


def _check_sender(token: str) -> None:
    expected = secrets.completion_token(settings.completion_secret_arn())
    if not token or not hmac.compare_digest(token.encode(errors="surrogatepass"), expected.encode()):
        raise UnknownSender("The event does not carry this stack's token.")
