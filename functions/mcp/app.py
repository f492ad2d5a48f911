"""The MCP door: lets agents price, make, watch and cancel videos."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response
from gallop import runs
from gallop.doors.https import draining, resolver
from gallop.doors.mcp import server
from gallop.doors.mcp.call import Call

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = resolver.new_resolver()


@app.post("/mcp")
def answer_agent() -> Response[str]:
    """Answer a message of an agent."""
    headers = app.current_event.headers
    server.check_origin(headers)
    call = Call(
        caller=resolver.caller_of(app),
        api_url=resolver.api_url_of(app),
        catalogue=_catalogue,
        is_draining=draining.is_draining(app),
    )
    answered = server.answer(call, resolver.body_of(app), headers)
    if answered.body is None:
        return Response(answered.status, None, "")
    return resolver.answer(answered.status, answered.body)


@cache
def _catalogue() -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = json.loads(Path(__file__).with_name("tools.json").read_text(encoding="utf-8"))
    return tools


@runs.recorded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request."""
    return app.resolve(event, context)
