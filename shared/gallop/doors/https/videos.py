"""The HTTPS door: create, show, fetch, cancel and delete videos."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop import clock, settings
from gallop.adapters.s3 import buckets, presigned
from gallop.adapters.table import idempotency_records, jobs, task_durations, webhook_endpoints
from gallop.domain import credentials, file_names, groups, views
from gallop.domain.doors import Door
from gallop.domain.errors import (
    InvalidRequest,
    JobNotFound,
    NoThumbnail,
    VideoNotReady,
    VideoRemoved,
)
from gallop.domain.faults import Fault
from gallop.domain.frozen import frozen
from gallop.domain.job import Job, JobState, is_job_id, is_terminal
from gallop.domain.placement import ANYWHERE
from gallop.domain.request import idempotency, reader, uploads
from gallop.domain.request.dialects import Dialect
from gallop.domain.request.own_fields import DRY_RUN
from gallop.domain.request.request import RequestDefaults, VideoRequest
from gallop.doors.https.errors import dialect_of
from gallop.services import accept, closing, inspect_media, placement
from gallop.services.cancel import Cancellation, cancel
from gallop.services.erase import erase
from gallop.services.slots import queue_position

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.job import Result
    from gallop.domain.placement import Placement
    from gallop.domain.scheduling.run_times import RunTimes
    from gallop.doors.https.bodies import Body
    from gallop.doors.https.identity import Caller

PATH = "/v1/videos"
VIDEO, THUMBNAIL, SIGNED = VARIANTS = "video", "thumbnail", "signed"
_CANCELLATIONS = {
    Cancellation.CANCELLED: "The job has been cancelled. Nothing was charged.",
    Cancellation.TOO_LATE: "Too late to cancel: DashScope may have started. The job continues and may be billed.",
    Cancellation.ALREADY_FINISHED: "The job had already ended. Nothing has changed.",
}


# API Gateway answers with an error itself after 30 seconds, of which a cold start may use ten.
ANSWER_SECONDS = 18


@frozen
class Created:
    """A job, whether it existed before this request, and what its client is shown: the job, and headers.

    Of a group, it is the first job, and the client is shown the group.
    """

    job: Job
    is_replay: bool
    view: dict[str, Any]
    headers: dict[str, str]


@frozen
class Content:
    """Where a file of a job can be fetched, until when (epoch seconds), and under which name it is saved."""

    url: str
    expires_at: int
    filename: str

    def view(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"url": self.url, "expires_at": self.expires_at, "filename": self.filename}


def create_video(  # noqa: PLR0913 - what a request and its key say
    client: str,
    body: Body,
    headers: Mapping[str, str],
    api_url: str,
    *,
    bound: Placement = ANYWHERE,
    is_draining: bool = False,
) -> Created | dict[str, Any]:
    """Create a job, or a group, from a JSON body or a form; with ``dry_run``, only return its price.

    ``bound`` is where the client's key lets it run.

    Raises:
        InvalidRequest: with every fault.
        PlacementRefused: it is new, and no account may make it where it and the key say.
        UnsupportedMediaType: the body is neither JSON nor a form.
        BudgetExceeded: a cap has no room for it.
        Draining: it is new, and ``is_draining``: the operator lets all jobs end.
        IdempotencyMismatch: the client used the Idempotency-Key in the headers (lower case) for another request.
        JobDeleted: the job of that key was deleted.

    """
    began = clock.wall()
    fields = body.fields()
    dry_run = _take_dry_run(fields)
    dialect = dialect_of(PATH, headers)
    video_request = _read_new(client, fields, dialect, headers)
    # A repetition is one whatever the key allows: only the client's own words count.
    record = idempotency.from_headers(client, video_request, headers)
    video_request = placement.bound(video_request, bound)
    if dry_run:
        return price(client, video_request)
    new_job = accept.NewJob(video_request, client, Door.HTTPS, record, is_draining=is_draining)
    jobs_of_it, is_new = accept.accept_all(new_job)
    repeated = {} if is_new else {"Idempotent-Replay": "true"}
    shown, headers = _answer(jobs_of_it, api_url, dialect, is_new=is_new)
    mark_answered(record, jobs_of_it[0], began)
    return Created(jobs_of_it[0], not is_new, shown, {**headers, **repeated})


def _answer(
    created: Sequence[Job], api_url: str, dialect: Dialect, *, is_new: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """Show what a create has made: a job or a group. OpenAI's clients get the first job, with all under ``data``."""
    # A new job joins the queue after this answer, so that there is no position to look for.
    views_of_it = [listed_view(job, api_url) if is_new else view(job, api_url) for job in created]
    first = created[0]
    if first.group is None:
        return views_of_it[0], {"Location": f"{PATH}/{first.id}", **poll_headers(first, views_of_it[0])}
    shown = groups.view(created, views_of_it)
    headers = {"Location": f"{PATH}?group={first.group.id}", **group_poll_headers(created, views_of_it)}
    return {**views_of_it[0], "data": views_of_it} if dialect is Dialect.OPENAI else shown, headers


def _read_new(client: str, fields: dict[str, Any], dialect: Dialect, headers: Mapping[str, str]) -> VideoRequest:
    try:
        return read_request(client, fields, dialect)
    except InvalidRequest:
        accept.check_not_deleted(idempotency.from_key(client, "", headers))
        raise


def read_request(client: str, fields: dict[str, Any], dialect: Dialect) -> VideoRequest:
    """Read and check the fields of a request, with its files.

    Raises:
        InvalidRequest: with every fault.

    """
    origins = webhook_endpoints.origins(client) if "webhook" in fields else ()
    where, watermark = (settings.model_version(), settings.inbox_bucket()), settings.watermark()
    defaults = RequestDefaults(*where, client, origins, dialect, watermark=watermark, takes_n=True)
    return reader.read(fields, defaults, inspect_media.inspect)


def price(client: str, request: VideoRequest) -> dict[str, Any]:
    """Show what a request would cost: all its videos together, and the arithmetic of one.

    Raises:
        BudgetExceeded: a cap has no room for it.
        PlacementRefused: no account may make it.

    """
    uses = accept.check_budget(request, client)
    found = accept.estimate(request)
    total = {"estimated_cost": float(accept.total(request)), "estimated_cost_detail": found.view(), "currency": "USD"}
    several = {"n": request.n} if request.n > 1 else {}
    left = {"budgets": [use.view() for use in uses]}
    return {"object": "video.estimate", "model": request.model, **several, **total, **left}


def mark_answered(record: idempotency.IdempotencyRecord, job: Job, began: float) -> None:
    """Record that a create is being answered, as the last thing that can fail; ``began`` is in real time.

    A create whose answer API Gateway no longer waits for stays unanswered: its client gets an error instead.
    """
    if clock.wall() - began < ANSWER_SECONDS:
        idempotency_records.mark_answered(record, groups.first_id(job))


def video(caller: Caller, job_id: str) -> Job:
    """Return a job that this caller may see: one of its client, or any if it is an operator.

    Raises:
        JobNotFound: there is no such job, or it is another client's.

    """
    # The same message in both cases, so that nobody learns which ids exist.
    not_found = JobNotFound(f"Video {job_id[:40]!r} not found.")
    if not is_job_id(job_id):
        raise not_found
    try:
        job = jobs.get(job_id)
    except JobNotFound:
        raise not_found from None
    if not caller.may_see(job.client):
        raise not_found
    return job


def content(caller: Caller, job_id: str, parameters: Mapping[str, str]) -> Content:
    """Return a new presigned URL of a finished video, of its thumbnail or its signed copy.

    ``parameters`` are those of the query: the ``variant``, and ``download`` for a file to be saved.

    Raises:
        InvalidRequest: there is no such variant, or ``download`` is neither true nor false.
        JobNotFound: there is no such job.
        VideoNotReady: the job has no video, or what follows it is still being made.
        NoThumbnail, NotSigned: the video has no thumbnail, or no signed copy.
        VideoRemoved: it is no longer in the bucket.

    """
    variant, is_download = _wanted_content(parameters)
    job = video(caller, job_id)
    file = _file_of(job, variant, caller)
    name = file_names.name_of(job, file.content_type, ".signed" if variant == SIGNED else "")
    until = int(clock.now()) + presigned.SECONDS_FOR_CLIENT
    return Content(url_of(file, file_names.disposition(name, is_download=is_download)), until, name)


def _wanted_content(parameters: Mapping[str, str]) -> tuple[str, bool]:
    variant, download = parameters.get("variant", VIDEO), parameters.get("download", "false")
    faults = []
    if variant not in VARIANTS:
        problem = "is not supported" if variant == "spritesheet" else "unknown value"
        faults.append(Fault("/variant", problem, f"Use {VIDEO}, {THUMBNAIL} or {SIGNED}."))
    if download not in ("true", "false"):
        faults.append(Fault("/download", "unknown value", "Use true or false."))
    if faults:
        raise InvalidRequest(faults)
    return variant, download == "true"


def _file_of(job: Job, variant: str, caller: Caller) -> Result:
    if job.state is not JobState.SUCCEEDED or job.result is None:
        reason = f": {job.failure.message}" if job.failure else "."
        raise VideoNotReady(f"The job is {job.state.value}{reason}")
    found = _variant_of(job, variant)
    if found is None and not closing.is_closed(job):
        what = "thumbnail" if variant == THUMBNAIL else "signed copy"
        raise VideoNotReady(f"The {what} is still being made: it follows a few seconds after the video.")
    job = job if found else video(caller, job.id)
    found = _variant_of(job, variant)
    if found is None and variant == THUMBNAIL:
        raise NoThumbnail("No thumbnail could be made of this video.")
    if found is None:
        raise credentials.NotSigned(f"This video has no signed copy. {credentials.reason(job)}")
    return found


def _variant_of(job: Job, variant: str) -> Result | None:
    return {VIDEO: job.result, THUMBNAIL: job.thumbnail, SIGNED: job.signed}[variant]


def url_of(file: Result, disposition: str = "") -> str:
    """Return a new presigned URL of a job's file; ``disposition`` is the header Content-Disposition of its answer.

    Raises:
        VideoRemoved: it is no longer in the bucket, where the URL would lead to an error of S3.

    """
    if not buckets.has_version(file):
        raise VideoRemoved("The file was removed from the results bucket.")
    return presigned.url_for_client(file.bucket, file.key, file.version_id, file.content_type, disposition)


def cancel_video(caller: Caller, job_id: str, api_url: str) -> dict[str, Any]:
    """Cancel a job if that is still possible; return the job, with the outcome under ``cancel``.

    Raises:
        JobNotFound: there is no such job.
        WrongState: its record kept changing.

    """
    job, answer = cancel(video(caller, job_id).id)
    return {**view(job, api_url), "cancel": {"answer": answer.value, "message": _CANCELLATIONS[answer]}}


def delete_video(caller: Caller, job_id: str) -> dict[str, Any]:
    """Delete an ended job and everything that belongs to it; answer as OpenAI does.

    Raises:
        JobNotFound: there is no such job.
        JobNotFinished: it has not ended, or its last receipts are being written.
        JobNotDeletable: it came through the S3 door.

    """
    job = video(caller, job_id)
    erase(job)
    return {"id": job.id, "object": "video.deleted", "deleted": True}


def view(job: Job, api_url: str) -> dict[str, Any]:
    """Show a job as its client sees it, with its position if it is in the queue."""
    return _with_addresses(job, views.job_view(job, clock.now(), api_url, _known(job), queue_position(job)))


def listed_view(job: Job, api_url: str) -> dict[str, Any]:
    """Show a job with the queue position that was recorded last."""
    return _with_addresses(job, views.job_view(job, clock.now(), api_url, _known(job), job.queue_position))


def _with_addresses(job: Job, shown: dict[str, Any]) -> dict[str, Any]:
    """Add where each file is, so that it can be sent again. Webhooks and events do not show that."""
    media = zip(shown["media"], job.request.media, strict=True)
    return {**shown, "media": [{**one, "source": uploads.address_of(medium.source)} for one, medium in media]}


def poll_headers(job: Job, shown: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that say when a client should request a job again; ``shown`` is the job's ``view``."""
    seconds = poll_seconds(job, shown)
    return {"Retry-After": str(seconds), "openai-poll-after-ms": str(seconds * 1000)}


def group_poll_headers(members: Sequence[Job], shown: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the same headers for a group: the next job to change decides."""
    open_ones = [(job, one) for job, one in zip(members, shown, strict=True) if not is_terminal(job.state)]
    soonest = min(open_ones or [(members[0], shown[0])], key=lambda one: poll_seconds(*one))
    return poll_headers(*soonest)


def poll_seconds(job: Job, shown: Mapping[str, Any]) -> int:
    """Return the seconds after which a client should request a job again; ``shown`` is the job's ``view``."""
    return views.poll_after_seconds(job, clock.now(), _known(job), shown["estimated_start"])


def _known(job: Job) -> RunTimes | None:
    return None if is_terminal(job.state) else task_durations.known(job.request, job.account)


def _take_dry_run(fields: dict[str, Any]) -> bool:
    sent = fields.pop(DRY_RUN.name, None)
    found = DRY_RUN.default if sent is None else DRY_RUN.read(sent)
    if isinstance(found, Fault):
        raise InvalidRequest([replace(found, pointer=f"/{DRY_RUN.name}")])
    return bool(found)
