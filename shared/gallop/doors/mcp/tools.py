"""The tools of the MCP door. Each is what a route of the HTTPS door does; its result has the same fields."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop import clock, log
from gallop.domain import groups
from gallop.domain.doors import Door
from gallop.domain.errors import CallerError, InvalidRequest, TryAgain, VideoRemoved
from gallop.domain.job import is_terminal
from gallop.domain.request import idempotency
from gallop.domain.request.dialects import Dialect
from gallop.doors.https import errors as problems
from gallop.doors.https import json_text, listing, long_poll, videos
from gallop.doors.mcp import arguments, versions
from gallop.doors.mcp.messages import INVALID_PARAMS, ProtocolError
from gallop.services import accept, placement

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.job import Job
    from gallop.domain.request.request import VideoRequest
    from gallop.doors.mcp.call import Call

    Arguments = dict[str, Any]
    Tool = Callable[[Call, Arguments], dict[str, Any]]

LIST_FIELDS = ("after", "limit", "order", "group", "status", "created_after", "created_before")
# A job in full has about 400 tokens.
LISTED = 10


class TooExpensive(CallerError):
    """The video is estimated to cost more than the call allows."""

    code = "over_max_cost"
    status = 402
    title = "Over max_cost"
    remedy = "Ask for less (720P, fewer seconds), or allow more with max_cost. You have not been charged."


def price_video(call: Call, sent: Arguments) -> dict[str, Any]:
    """Return what a video would cost, after the same checks as when it is made."""
    request = videos.read_request(call.client, sent, Dialect.MCP)
    return videos.price(call.client, placement.bound(request, call.caller.bound))


def make_video(call: Call, sent: Arguments) -> dict[str, Any]:
    """Record a job, or those of a group, unless the call repeats one; when this returns, it is durable."""
    began = clock.wall()
    own, faults = arguments.take(sent, arguments.MAX_COST, arguments.AGAIN)
    try:
        request = videos.read_request(call.client, sent, Dialect.MCP)
    except InvalidRequest as error:
        raise InvalidRequest([*faults, *error.faults]) from None
    if faults:
        raise InvalidRequest(faults)
    again, client = own["again"], call.client
    record = idempotency.from_headers(client, request, {}) if again else idempotency.from_call(client, request)
    request = placement.bound(request, call.caller.bound)
    _check_cost(request, own["max_cost"])
    new_job = accept.NewJob(request, client, Door.HTTPS, record, is_draining=call.is_draining)
    jobs, is_new = accept.accept_all(new_job)
    view = videos.listed_view if is_new else videos.view
    shown_jobs = [_with_link(job, view(job, call.api_url)) for job in jobs]
    made = groups.view(jobs, shown_jobs) if jobs[0].group else shown_jobs[0]
    if again:
        videos.mark_answered(record, jobs[0], began)
    return {**made, "is_repetition": not is_new}


def get_video(call: Call, sent: Arguments) -> dict[str, Any]:
    """Show a job."""
    return shown(call, videos.video(call.caller, _id_of(sent)))


def wait_for_video(call: Call, sent: Arguments) -> dict[str, Any]:
    """Show a job when it has ended, or when the time of the call is over."""
    own, faults = arguments.take(sent, arguments.ID, arguments.SECONDS)
    arguments.check_all_taken(sent, ("id", "seconds"), faults)
    seconds = max(0, min(own["seconds"], math.ceil(call.until - clock.now())))
    return shown(call, long_poll.wait_for_end(call.caller, own["id"], seconds))


def list_videos(call: Call, sent: Arguments) -> dict[str, Any]:
    """Show a page of jobs."""
    given = {name: sent.pop(name, None) for name in LIST_FIELDS}
    arguments.check_all_taken(sent, LIST_FIELDS, [])
    known = {name: value for name, value in given.items() if value is not None}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in known.items()}
    return listing.page(call.caller, {"limit": str(LISTED), **texts}, call.api_url)


def cancel_video(call: Call, sent: Arguments) -> dict[str, Any]:
    """Cancel a job, if that is still possible."""
    return videos.cancel_video(call.caller, _id_of(sent), call.api_url)


TOOLS: dict[str, Tool] = {
    tool.__name__: tool for tool in (price_video, make_video, get_video, wait_for_video, list_videos, cancel_video)
}


def run(call: Call, name: str, sent: Arguments) -> dict[str, Any]:
    """Call a tool; what it refuses is a result, too, from which an agent learns what to do.

    Raises:
        ProtocolError: there is no such tool.

    """
    tool = TOOLS.get(name)
    if tool is None:
        raise ProtocolError(INVALID_PARAMS, f"Unknown tool {name[:80]!a}. Use one of {', '.join(TOOLS)}.")
    try:
        content = tool(call, dict(sent))
    except CallerError as error:
        return _refused(name, problems.ErrorAnswer(error, error.status, error.title, ""))
    except TryAgain as error:
        log.warning("upstream unavailable", error=str(error), tool=name)
        refusal = TryAgain("Gallop is temporarily unavailable.")
        return _refused(name, problems.ErrorAnswer(refusal, 503, "Temporarily unavailable", ""))
    log.info("tool called", tool=name, client=call.client)
    return as_result(call, content)


def as_result(call: Call, content: dict[str, Any], *, is_error: bool = False) -> dict[str, Any]:
    """Return what a tool shows, as the result of its call."""
    return {"structuredContent": content, "content": [_text(content), *_links(call, content)], "isError": is_error}


def _refused(name: str, answer: problems.ErrorAnswer) -> dict[str, Any]:
    problem = problems.rfc9457(answer)
    log.info("tool refused", tool=name, code=answer.error.code)
    return {"structuredContent": problem, "content": [_text(problem)], "isError": True}


def _text(content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": json_text.dumps(content)}


def _links(call: Call, content: dict[str, Any]) -> list[dict[str, Any]]:
    """Link to the finished video, as clients show it to people."""
    if not content.get("video_url") or call.version == versions.OLDEST:
        return []
    name, media_type = f"{content['id']}.mp4", content["video"]["content_type"]
    return [{"type": "resource_link", "uri": content["video_url"], "name": name, "mimeType": media_type}]


def _check_cost(request: VideoRequest, max_cost: str | None) -> None:
    cost = accept.total(request)
    if max_cost is not None and cost > Decimal(max_cost):
        what = "The video is" if request.n == 1 else f"The {request.n} videos are"
        raise TooExpensive(f"{what} estimated to cost ${cost:.2f}; max_cost is ${Decimal(max_cost):.2f}.")


def _id_of(sent: Arguments) -> str:
    own, faults = arguments.take(sent, arguments.ID)
    arguments.check_all_taken(sent, ("id",), faults)
    return str(own["id"])


def shown(call: Call, job: Job) -> dict[str, Any]:
    """Show a job, with a link to its video."""
    return _with_link(job, videos.view(job, call.api_url))


def _with_link(job: Job, view: dict[str, Any]) -> dict[str, Any]:
    """Add where the video can be fetched without a key, and when to ask again."""
    wait = None if is_terminal(job.state) else videos.poll_seconds(job, view)
    return {**view, "video_url": link_to(job), "poll_after_seconds": wait}


def link_to(job: Job) -> str | None:
    """Return a new presigned URL of a job's video; None if it has none, or none any longer."""
    try:
        return videos.url_of(job.result) if job.result else None
    except VideoRemoved:
        return None
