"""The HTTPS door in DashScope's own protocol: a client written for DashScope gets durable jobs without changes.

A task's id is the job's, so that both protocols show the same job. DashScope's package resends a submit when the reply
is lost, without marking it as repeated: equal content of one client is therefore the same job for a while
(``domain.request.idempotency``).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from gallop import clock, settings
from gallop.adapters.table import job_index, jobs
from gallop.domain.dashscope import listing as dashscope_list
from gallop.domain.dashscope import request as dashscope_request
from gallop.domain.dashscope import task as dashscope_task
from gallop.domain.doors import Door
from gallop.domain.errors import DashScopeRefusal, JobNotFound, PlacementRefused, Unauthenticated
from gallop.domain.failures import FAILURE_KINDS, Billed
from gallop.domain.job import Job, JobState
from gallop.domain.placement import ANYWHERE
from gallop.domain.request import single_values
from gallop.domain.request.dialects import WORDS, Dialect
from gallop.domain.request.idempotency import from_content
from gallop.domain.request.request import RequestDefaults
from gallop.doors.https import resolver, videos
from gallop.services import accept, inspect_media, placement
from gallop.services.cancel import Cancellation, cancel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from gallop.domain.placement import Placement
    from gallop.doors.https.identity import Caller

SUBMIT = "/api/v1/services/aigc/video-generation/video-synthesis"
TASKS = "/api/v1/tasks"
UPLOADS = "/api/v1/uploads"

# Maximum number of jobs that one list reads, whatever its filter.
MAX_TASKS = 500

_TOO_LATE = "Failed to cancel the task, please confirm if the task is in PENDING status."


def caller_of(app: APIGatewayHttpResolver) -> Caller:
    """Return the caller.

    Raises:
        DashScopeRefusal: the API key is missing or not valid; in DashScope's format.

    """
    try:
        return resolver.caller_of(app)
    except Unauthenticated:
        sent = app.current_event.headers.get("authorization")
        message = "Invalid API-key provided." if sent else "No API-key provided."
        raise DashScopeRefusal("InvalidApiKey", message, status=Unauthenticated.status) from None


def answer(app: APIGatewayHttpResolver, body: Mapping[str, Any]) -> Response[str]:
    """Answer as DashScope does, with the id of the request."""
    return resolver.answer(200, {"request_id": resolver.request_id_of(app), **body})


def submit(
    client: str, body: str, headers: Mapping[str, str], *, bound: Placement = ANYWHERE, is_draining: bool = False
) -> dict[str, Any]:
    """Create a job, or find the one that this submit repeats. ``bound`` is where the client's key lets it run.

    Raises:
        DashScopeRefusal: DashScope would refuse it, too; in DashScope's format.
        InvalidRequest: with every fault.
        PlacementRefused: it is new, and no account may make it where it and the key say.
        BudgetExceeded: a cap has no room for it.
        Draining: it is new, and ``is_draining``: the operator lets all jobs end.
        IdempotencyMismatch: the client used the Idempotency-Key in the headers (lower case) for another request.
        JobDeleted: the job of that key was deleted.

    """
    began = clock.wall()
    if (single_values.header(headers, "x-dashscope-async") or "").lower() != "enable":
        message = "current user api does not support synchronous calls."
        raise DashScopeRefusal("AccessDenied", message, status=403)
    defaults = RequestDefaults(
        settings.model_version(), settings.inbox_bucket(), client, watermark=settings.watermark()
    )
    request = dashscope_request.read(body, defaults, inspect_media.inspect)
    idempotency = from_content(client, request, headers)
    with _own_places():
        request = placement.bound(request, bound)
        new_job = accept.NewJob(request, client, Door.HTTPS, idempotency, is_draining=is_draining)
        job, is_new = accept.accept(new_job)
        if not is_new and _failed_without_charge(job) and not idempotency.has_key:
            job, _ = accept.accept(replace(new_job, idempotency=replace(idempotency, may_replace=job.id)))
    videos.mark_answered(idempotency, job, began)
    return dashscope_task.submitted(job.id)


@contextmanager
def _own_places() -> Iterator[None]:
    """Let a refusal name the places that the fields have in this protocol."""
    try:
        yield
    except PlacementRefused as refused:
        words = WORDS[Dialect.DASHSCOPE]
        places = [replace(fault, pointer=words.place(fault.pointer.split("/")[1])) for fault in refused.faults]
        raise PlacementRefused(places) from refused


def task(caller: Caller, task_id: str) -> dict[str, Any]:
    """Show a task; one that does not exist, or is another client's, is UNKNOWN, as at DashScope.

    Raises:
        VideoRemoved: it succeeded, and its video is no longer in the bucket.

    """
    try:
        job = videos.video(caller, task_id)
    except JobNotFound:
        return dashscope_task.unknown(task_id)
    return dashscope_task.task(job, _video_url(job))


def cancel_task(caller: Caller, task_id: str) -> None:
    """Cancel a task.

    Raises:
        DashScopeRefusal: there is no such task, or it is too late.

    """
    try:
        job = videos.video(caller, task_id)
    except JobNotFound:
        raise DashScopeRefusal("UnsupportedOperation", _TOO_LATE) from None
    _, outcome = cancel(job.id)
    if outcome is not Cancellation.CANCELLED:
        raise DashScopeRefusal("UnsupportedOperation", _TOO_LATE)


def list_tasks(caller: Caller, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Show a page of the tasks that a caller may see, newest first; only the newest ``MAX_TASKS`` are read.

    Raises:
        DashScopeRefusal: a parameter is not valid.

    """
    question = dashscope_list.read(parameters, clock.now())
    low, high = (job_index.cursor_at(round(1000 * moment)) for moment in (question.since, question.until + 0.001))
    client = None if caller.is_admin else caller.client
    newest = islice(job_index.entries(client, low, high, ascending=False), MAX_TASKS)
    ids = [entry.job_id for entry in newest]
    if question.is_about_all:
        return dashscope_list.answer(question, len(ids), jobs.get_all(question.page_of(ids)))
    found = [job for job in jobs.get_all(ids) if question.takes(job)]
    return dashscope_list.answer(question, len(found), question.page_of(found))


def no_uploads() -> DashScopeRefusal:
    """Return the refusal of DashScope's uploads: its package fills in a form that S3 does not accept."""
    message = "Gallop does not accept uploads here: send each image as https://... or data:image/jpeg;base64,..."
    return DashScopeRefusal("UnsupportedOperation", message)


def _failed_without_charge(job: Job) -> bool:
    """Return whether a job ended without a video and certainly without a charge: equal content is a new job then."""
    end = FAILURE_KINDS.get(job.failure.code) if job.failure else None
    return end is not None and end.billed is Billed.NO


def _video_url(job: Job) -> str:
    if job.state is not JobState.SUCCEEDED or job.result is None:
        return ""
    return videos.url_of(job.result)
