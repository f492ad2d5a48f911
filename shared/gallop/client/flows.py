"""Each method of the client, written once: see ``gallop.client.effects``."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from gallop.client import replies, uploads
from gallop.client.door import MAX_PAUSE_SECONDS, ask
from gallop.client.effects import Pause
from gallop.client.errors import JobFailed, Refused
from gallop.client.jobs import Cancelled, Group, Job, Price

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gallop.client.door import Door
    from gallop.client.effects import Flow, Reply
    from gallop.client.jobs import Transfer
    from gallop.client.requests import Request

PATH = "/v1/videos"
# How long one request waits for a change. API Gateway ends requests after 30 seconds.
LONG_POLL_SECONDS = 20
NOT_MODIFIED, NOT_FOUND = 304, 404
_PAGE = 50


def make(door: Door, request: Request, progress: Callable[[Transfer], object] | None) -> Flow[Job]:
    """Create a job, or find the one that the same content has made."""
    reply, is_repeated = yield from _created(door, request, progress)
    return replies.read(reply, partial(Job.read, is_repeated=is_repeated), is_change=True)


def make_group(door: Door, request: Request, progress: Callable[[Transfer], object] | None) -> Flow[Group]:
    """Create a group, or find the one that the same content has made."""
    reply, is_repeated = yield from _created(door, request, progress)
    return replies.read(reply, partial(Group.read, is_repeated=is_repeated), is_change=True)


def _created(door: Door, request: Request, progress: Callable[[Transfer], object] | None) -> Flow[tuple[Reply, bool]]:
    addresses = yield from uploads.send_files(door, request, progress)
    call = door.call("POST", PATH, request.body(addresses), {"Idempotency-Key": request.key})
    reply: Reply = yield from ask(call, is_change=True)
    return reply, reply.headers.get("idempotent-replay") == "true"


def price(door: Door, request: Request, progress: Callable[[Transfer], object] | None) -> Flow[Price]:
    """Check a request and return its price, without making a job."""
    addresses = yield from uploads.send_files(door, request, progress)
    reply = yield from ask(door.call("POST", PATH, {**request.body(addresses), "dry_run": True}))
    return replies.read(reply, Price.read)


def get(door: Door, job_id: str) -> Flow[Job]:
    """Return a job."""
    return replies.read((yield from ask(door.call("GET", path_of(job_id)))), Job.read)


def group(door: Door, group_id: str) -> Flow[Group]:
    """Return a group."""
    return replies.read((yield from ask(door.call("GET", path_of(group_id)))), Group.read)


def wait(door: Door, job_id: str, seconds: float | None, progress: Callable[[Job], object] | None) -> Flow[Job]:
    """Return a job when it has succeeded."""
    end = math.inf if seconds is None else time.monotonic() + seconds
    tag = ""
    while True:
        left = max(0.0, end - time.monotonic())
        headers = {"Prefer": f"wait={int(min(LONG_POLL_SECONDS, left))}", **({"If-None-Match": tag} if tag else {})}
        reply = yield from ask(door.call("GET", path_of(job_id), headers=headers))
        if reply.status != NOT_MODIFIED:
            tag, job = reply.headers.get("etag", ""), replies.read(reply, Job.read)
            if progress:
                progress(job)
            if job.has_ended:
                return _succeeded(job)
        if not left:
            raise TimeoutError(f"{job_id} has not ended after {seconds:g} seconds. It continues: wait for it again.")
        if pause := min(_pause(reply), max(0.0, end - time.monotonic())):
            yield Pause(pause)


def page(door: Door, after: str, status: str) -> Flow[tuple[list[Job], str]]:
    """Return jobs, the newest first, and where the next page begins; an empty text after the last one."""
    asked = {name: value for name, value in (("after", after), ("status", status), ("limit", _PAGE)) if value}
    reply = yield from ask(door.call("GET", f"{PATH}?{urlencode(asked)}"))
    return replies.read(reply, _page)


def cancel(door: Door, job_id: str) -> Flow[Cancelled]:
    """Cancel a job, as far as that is possible."""
    reply = yield from ask(door.call("POST", f"{path_of(job_id)}/cancel"), is_change=True)
    return replies.read(reply, Cancelled.read, is_change=True)


def cancel_group(door: Door, group_id: str) -> Flow[tuple[Cancelled, ...]]:
    """Cancel each job of a group, as far as that is possible."""
    reply = yield from ask(door.call("POST", f"{path_of(group_id)}/cancel"), is_change=True)
    return replies.read(reply, lambda view: tuple(Cancelled.read(one) for one in view["data"]), is_change=True)


def delete(door: Door, job_id: str) -> Flow[None]:
    """Delete a job that has ended."""
    call = door.call("DELETE", path_of(job_id))
    try:
        yield from ask(call, is_change=True)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise


def _page(view: Mapping[str, Any]) -> tuple[list[Job], str]:
    return [Job.read(one) for one in view["data"]], view["last_id"] if view["has_more"] else ""


def _succeeded(job: Job) -> Job:
    if job.state != "succeeded":
        raise JobFailed(job)
    return job


def _pause(reply: Reply) -> float:
    """Return how long to wait before the next request: until a long poll is likely to see the change."""
    after = replies.retry_after(reply) or 1.0
    # Not all requests are held: each occupies a function.
    is_held = reply.headers.get("preference-applied", "wait=0") != "wait=0"
    return min(max(after - LONG_POLL_SECONDS, 0.0) if is_held else after, MAX_PAUSE_SECONDS)


def id_of(job: Job | Group | str) -> str:
    """Return the id of a job or a group."""
    return job if isinstance(job, str) else job.id


def path_of(job_id: str) -> str:
    """Return the path of a job or a group."""
    return f"{PATH}/{quote(job_id, safe='')}"
