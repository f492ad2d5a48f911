"""Tasks of MCP 2025-11-25: a call of `make_video` that a client asks to run as a task. The task is the job.

A client that adds ``task`` to its call gets the task at once, and asks for it like for a job. A call without it is
answered as ever. Version 2026-07-28 has no tasks of its own.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gallop import clock, settings
from gallop.domain import times
from gallop.domain.errors import JobNotFound
from gallop.domain.job import JobState, is_terminal
from gallop.doors.https import long_poll, videos
from gallop.doors.mcp import resources, tools, versions
from gallop.doors.mcp.messages import INTERNAL_ERROR, INVALID_PARAMS, ProtocolError
from gallop.services.cancel import Cancellation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.doors.mcp.call import Call
    from gallop.doors.mcp.messages import Message

CAPABILITY: dict[str, Any] = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
TOOL = tools.make_video.__name__
_ENDS = {JobState.SUCCEEDED: "completed", JobState.FAILED: "failed", JobState.CANCELLED: "cancelled"}
_STATES = {state.value: _ENDS.get(state, "working") for state in JobState}
_RELATED = "io.modelcontextprotocol/related-task"


def are_in(version: str) -> bool:
    """Return whether a version of MCP has tasks."""
    return version == versions.AGREED[0]


def may_be_one(tool: dict[str, Any]) -> dict[str, Any]:
    """Add to the description of a tool whether its calls can be tasks."""
    return {**tool, "execution": {"taskSupport": "optional"}} if tool["name"] == TOOL else tool


def check_one(sent: Mapping[str, Any]) -> None:
    """Check that a call asks for one video: a task is one job.

    Raises:
        ProtocolError: it asks for several.

    """
    if sent.get("n") not in (None, 1):
        raise ProtocolError(INVALID_PARAMS, "A task is one video: leave out n, or call make_video without `task`.")


def created(result: dict[str, Any]) -> dict[str, Any]:
    """Return the task instead of the result of a call.

    Raises:
        ProtocolError: the call was refused, so that there is no job.

    """
    view = result["structuredContent"]
    if result["isError"]:
        raise ProtocolError(INVALID_PARAMS, f"{view['detail']} {view['remedy']}", view)
    return {"task": _task(view, view["poll_after_seconds"])}


def got(call: Call, message: Message) -> dict[str, Any]:
    """Return a task.

    Raises:
        ProtocolError: there is no such job, or it is another client's.

    """
    with _known():
        shown = tools.shown(call, videos.video(call.caller, message.text("taskId")))
    return _task(shown, shown["poll_after_seconds"])


def result(call: Call, message: Message) -> dict[str, Any]:
    """Return the result of a task that has ended, after a wait for its end as long as an answer may take.

    Raises:
        ProtocolError: the task has not ended, there is no such job, or it is another client's.

    """
    seconds = max(0, math.ceil(call.until - clock.now()))
    with _known():
        job = long_poll.wait_for_end(call.caller, message.text("taskId"), seconds)
    if not is_terminal(job.state):
        raise ProtocolError(INTERNAL_ERROR, "The task has not ended. Ask again with tasks/get, then for its result.")
    # Clients check it by the schema of the tool.
    shown = {**tools.shown(call, job), "is_repetition": None}
    content = tools.as_result(call, shown, is_error=job.state is not JobState.SUCCEEDED)
    return {**content, "_meta": {_RELATED: {"taskId": job.id}}}


def listed(call: Call, message: Message) -> dict[str, Any]:
    """List a page of the jobs that the caller may see, newest first.

    Raises:
        ProtocolError: the cursor is not one of this list.

    """
    return resources.page(call, message, "tasks", lambda view: _task(view, None))


def cancelled(call: Call, message: Message) -> dict[str, Any]:
    """Cancel a task, and return it.

    Raises:
        ProtocolError: it has ended, it is too late, there is no such job, or it is another client's.

    """
    with _known():
        view = videos.cancel_video(call.caller, message.text("taskId"), call.api_url)
    if view["cancel"]["answer"] != Cancellation.CANCELLED:
        raise ProtocolError(INVALID_PARAMS, view["cancel"]["message"])
    return _task(view, None)


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except JobNotFound:
        raise ProtocolError(INVALID_PARAMS, "Task not found") from None


def _task(view: dict[str, Any], poll_seconds: int | None) -> dict[str, Any]:
    """Show a job as a task; times are in ISO 8601, intervals in milliseconds."""
    wait = {} if poll_seconds is None else {"pollInterval": poll_seconds * 1000}
    return {
        "taskId": view["id"],
        "status": _STATES[view["state"]],
        "statusMessage": _words(view),
        "createdAt": times.timestamp(view["created_at"]),
        "lastUpdatedAt": times.timestamp(view["updated_at"]),
        "ttl": settings.record_seconds() * 1000,
        **wait,
    }


def _words(view: dict[str, Any]) -> str:
    if view["error"]:
        return str(view["error"]["message"])
    place = f", place {view['queue_position']} in the queue" if view["queue_position"] else ""
    return f"{view['state']}{place}, {view['progress']} %"
