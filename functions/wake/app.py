"""Receives DashScope's notice that a task has ended, and resumes the execution that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.doors.https import completion_events, resolver

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = resolver.new_resolver()


@app.post(completion_events.PATH)
def take_event() -> Response[str]:
    """Receive an event from Alibaba's EventBridge."""
    return resolver.answer(200, {"result": completion_events.take(app.current_event.headers, resolver.body_of(app))})


@runs.recorded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request."""
    return app.resolve(event, context)
