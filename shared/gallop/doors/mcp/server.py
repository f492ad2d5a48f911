"""The methods of MCP, and the answer to a body: no session, no stream, one answer per request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop import __version__, clock, log, settings
from gallop.domain.errors import CallerError, InvalidRequest, TryAgain
from gallop.domain.frozen import frozen
from gallop.doors.mcp import messages, prompts, resources, tasks, tools, versions
from gallop.doors.mcp.messages import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    ProtocolError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gallop.doors.https.bodies import Body
    from gallop.doors.mcp.call import Call
    from gallop.doors.mcp.messages import Message

    Method = Callable[[Call, Message], dict[str, Any]]

SERVER = {"name": "gallop", "title": "Gallop", "version": __version__}
CAPABILITIES: dict[str, Any] = {"tools": {}, "resources": {}, "prompts": {}}
INSTRUCTIONS = """\
Makes videos of 3 to 15 seconds from a text, reference images, a first frame or a video. Each costs money: first call
price_video, show the person the price, and set max_cost when you call make_video. make_video returns at once with an
`id`, and the video takes minutes: call wait_for_video until `state` is succeeded, failed or cancelled. `video_url` is
the finished video, for an hour; get_video returns a new one. The same request within 10 minutes is the same video and
is charged once, so that you can safely repeat make_video if a call fails; `again: true` makes and charges another. In
a prompt, [Image 1] is the first of `images`. An error says in `remedy` what to do.
"""
# A message of a batch may take as long as one alone.
MAX_MESSAGES = 10
OK, ACCEPTED, BAD_REQUEST, NOT_FOUND = 200, 202, 400, 404
# How long, in milliseconds, and by whom the result of a method may be kept: what is a client's own, not at all.
_FIXED = {"ttlMs": 3_600_000, "cacheScope": "public"}
_OWN = {"ttlMs": 0, "cacheScope": "private"}


@frozen
class Answer:
    """The status and the JSON of an answer; None for no body."""

    status: int
    body: Any = None


class ForeignOrigin(CallerError):
    """A web page calls that the operator has not named: a browser does so for any site that its user visits."""

    code = "foreign_origin"
    status = 403
    title = "Not for this web page"
    remedy = "Call from a program, which sends no header `Origin`, or ask the operator to add yours to BrowserOrigins."


def check_origin(headers: Mapping[str, str]) -> None:
    """Check that no browser sends the request for a foreign web page, whatever host it takes this one for.

    Raises:
        ForeignOrigin: one does.

    """
    if "origin" in headers and headers["origin"] not in settings.browser_origins():
        raise ForeignOrigin("This address does not answer this web page.")


def answer(call: Call, body: Body, headers: Mapping[str, str]) -> Answer:
    """Answer a body; the names of ``headers`` are in lower case.

    Raises:
        UnsupportedMediaType: the declared type of the body is not JSON.

    """
    call = replace(call, until=clock.now() + settings.max_wait_seconds())
    try:
        value = messages.parse(body.json_text())
    except InvalidRequest as error:
        return Answer(BAD_REQUEST, messages.refusal(None, ProtocolError(PARSE_ERROR, str(error))))
    except ProtocolError as error:
        return Answer(BAD_REQUEST, messages.refusal(None, error))
    if isinstance(value, list):
        return _answer_batch(call, value, headers)
    return _answer_one(call, value, headers)


def _answer_batch(call: Call, values: list[Any], headers: Mapping[str, str]) -> Answer:
    """Answer several messages, which only the oldest version has."""
    version = headers.get("mcp-protocol-version", versions.OLDEST)
    if version != versions.OLDEST or not 1 <= len(values) <= MAX_MESSAGES:
        problem = f"Only version {versions.OLDEST} has batches, of 1 to {MAX_MESSAGES} messages. Send one message."
        return Answer(BAD_REQUEST, messages.refusal(None, ProtocolError(INVALID_REQUEST, problem)))
    answers = [one.body for value in values if (one := _answer_one(call, value, headers)).body is not None]
    return Answer(OK, answers) if answers else Answer(ACCEPTED)


def _answer_one(call: Call, value: object, headers: Mapping[str, str]) -> Answer:
    try:
        message = messages.message_of(value)
        call = replace(call, version=versions.version_of(message, headers))
    except ProtocolError as error:
        return Answer(BAD_REQUEST, messages.refusal(messages.id_in(value), error))
    if message.is_notification:
        return Answer(ACCEPTED)
    try:
        return Answer(OK, messages.result(message.id, _result(call, message)))
    except ProtocolError as error:
        is_absent = error.code == METHOD_NOT_FOUND and call.version == versions.MODERN
        return Answer(NOT_FOUND if is_absent else OK, messages.refusal(message.id, error))


def _result(call: Call, message: Message) -> dict[str, Any]:
    """Run a method.

    Raises:
        ProtocolError: there is no such method, or it refuses.

    """
    is_modern = call.version == versions.MODERN
    own = (_MODERN if is_modern else _AGREED) | (_TASKS if tasks.are_in(call.version) else {})
    method = own.get(message.method) or _COMMON.get(message.method)
    if method is None:
        raise ProtocolError(METHOD_NOT_FOUND, f"Method not found: {message.method[:80]!a}")
    try:
        result = method(call, message)
    except TryAgain as error:
        log.warning("upstream unavailable", error=str(error), method=message.method)
        raise ProtocolError(INTERNAL_ERROR, "Gallop is temporarily unavailable. Retry in a few seconds.") from None
    except ProtocolError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, an agent gets an answer in its protocol
        log.exception("unhandled exception", error=type(error).__name__, method=message.method)
        raise ProtocolError(INTERNAL_ERROR, "Gallop failed because of an internal error.") from None
    return {**result, **_modern_fields(message.method)} if is_modern else result


def _modern_fields(method: str) -> dict[str, Any]:
    caching = _OWN if method in ("resources/list", "resources/read") else _FIXED
    is_call = method in ("tools/call", "prompts/get")
    info = {"io.modelcontextprotocol/serverInfo": SERVER}
    return {"resultType": "complete", "_meta": info, **({} if is_call else caching)}


def _initialize(_: Call, message: Message) -> dict[str, Any]:
    """Agree on a version."""
    version = versions.agreed(message.params.get("protocolVersion"))
    about = {"serverInfo": SERVER, "instructions": INSTRUCTIONS}
    own = {"tasks": tasks.CAPABILITY} if tasks.are_in(version) else {}
    return {"protocolVersion": version, "capabilities": {**CAPABILITIES, **own}, **about}


def _discover(_: Call, __: Message) -> dict[str, Any]:
    """Say which versions and capabilities there are."""
    return {"supportedVersions": list(versions.SUPPORTED), "capabilities": CAPABILITIES, "instructions": INSTRUCTIONS}


def _ping(_: Call, __: Message) -> dict[str, Any]:
    return {}


def _list_tools(call: Call, _: Message) -> dict[str, Any]:
    found = call.catalogue()
    return {"tools": [tasks.may_be_one(tool) for tool in found] if tasks.are_in(call.version) else found}


def _call_tool(call: Call, message: Message) -> dict[str, Any]:
    sent = message.params.get("arguments")
    if sent is not None and not isinstance(sent, dict):
        raise ProtocolError(INVALID_PARAMS, "The arguments of a tool must be an object.")
    name = message.text("name")
    if not tasks.are_in(call.version) or "task" not in message.params or name != tasks.TOOL:
        return tools.run(call, name, sent or {})
    tasks.check_one(sent or {})
    return tasks.created(tools.run(call, name, sent or {}))


_AGREED: dict[str, Method] = {"initialize": _initialize, "ping": _ping}
_MODERN: dict[str, Method] = {"server/discover": _discover}
_TASKS: dict[str, Method] = {
    "tasks/get": tasks.got,
    "tasks/result": tasks.result,
    "tasks/list": tasks.listed,
    "tasks/cancel": tasks.cancelled,
}
_COMMON: dict[str, Method] = {
    "tools/list": _list_tools,
    "tools/call": _call_tool,
    "resources/list": resources.listed,
    "resources/read": resources.read,
    "resources/templates/list": resources.templates,
    "prompts/list": prompts.listed,
    "prompts/get": prompts.got,
}
