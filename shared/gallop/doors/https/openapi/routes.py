"""The routes of the HTTPS door: the request, the successful answers and the refusals of each."""

from __future__ import annotations

from dataclasses import dataclass

from gallop.domain import errors
from gallop.domain.job import JobState, openai_status
from gallop.doors.https import dashscope
from gallop.doors.https.openapi import examples
from gallop.doors.https.openapi.schemas import JOB_ID, Schema, ref

JSON = "application/json"
FORM = "multipart/form-data"
Refusals = tuple[type[errors.CallerError], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route. ``answers`` and ``body`` map media types (or statuses) to schemas; ``is_open`` needs no key."""

    method: str
    path: str
    summary: str
    answers: dict[str, Schema]
    refusals: Refusals = ()
    parameters: tuple[Schema, ...] = ()
    body: dict[str, Schema] | None = None
    is_open: bool = False


def content(schema: Schema, example: object = None) -> Schema:
    """Describe a successful answer in JSON."""
    examples = {} if example is None else {"example": example}
    return {"description": "Success.", "content": {JSON: {"schema": schema, **examples}}}


def header(name: str, description: str, **schema: object) -> Schema:
    """Describe a request header."""
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}


def query(name: str, description: str, **schema: object) -> Schema:
    """Describe a query parameter."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


_DASHSCOPE_REFUSAL: Schema = {
    "description": "Refused, in DashScope's format.",
    "content": {JSON: {"schema": ref("DashScopeError")}},
}
_ID: Schema = {"name": "id", "in": "path", "required": True, "schema": JOB_ID}
_OF_A_JOB: Refusals = (errors.JobNotFound,)
_STATES = sorted({*(state.value for state in JobState), *(openai_status(state) for state in JobState)})
_REDIRECT: Schema = {
    "description": "A new presigned URL of your own bucket, valid for one hour.",
    "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
}
_NOT_MODIFIED: Schema = {"description": "Not changed since the answer with this ETag."}
_CREATED: Schema = {
    **content(ref("Video"), examples.queued()),
    "description": "The job has been recorded. `Idempotent-Replay: true` means that it already existed.",
    "headers": {
        "Location": {"schema": {"type": "string"}},
        "Retry-After": {
            "schema": {"type": "integer"},
            "description": "Seconds until you should request the job again.",
        },
        "openai-poll-after-ms": {"schema": {"type": "integer"}},
        "Idempotent-Replay": {"schema": {"const": "true"}},
    },
}

NATIVE = (
    Route(
        method="post",
        path="/v1/videos",
        summary="Create a video",
        parameters=(
            header(
                "Idempotency-Key",
                "For 24 hours, requests with the same key and content return the same job. It contains no comma.",
                minLength=1,
                maxLength=255,
                pattern="^[\\x21-\\x2b\\x2d-\\x7e]+$",
            ),
        ),
        body={JSON: {"schema": ref("VideoRequest"), "example": examples.REQUEST}, FORM: {"schema": ref("VideoForm")}},
        answers={"202": _CREATED, "200": {**content(ref("Estimate")), "description": "The price of a `dry_run`."}},
        refusals=(
            errors.InvalidRequest,
            errors.BudgetExceeded,
            errors.BodyTooLarge,
            errors.UnsupportedMediaType,
            errors.IdempotencyMismatch,
            errors.JobDeleted,
        ),
    ),
    Route(
        method="get",
        path="/v1/videos",
        summary="List your videos, newest first",
        parameters=(
            query("after", "Start after this job.", **JOB_ID),
            query("limit", "Maximum number of jobs.", type="integer", minimum=1, maximum=100, default=20),
            query("order", "Order by time of creation.", enum=["desc", "asc"], default="desc"),
            query("status", "Only jobs with this state of Gallop or status of OpenAI.", enum=_STATES),
            query(
                "created_after",
                "Only jobs created after this time: seconds since the epoch, or ISO 8601.",
                type="string",
            ),
            query("created_before", "Only jobs created before this time, in the same formats.", type="string"),
        ),
        answers={"200": content(ref("VideoList"))},
        refusals=(errors.InvalidRequest,),
    ),
    Route(
        method="get",
        path="/v1/videos/{id}",
        summary="Get the state of a video",
        parameters=(
            _ID,
            header("If-None-Match", "The ETag of the answer that you have."),
            header(
                "Prefer", "`wait=N`: answer when the state changes, or after N seconds (maximum 25).", pattern="^wait="
            ),
        ),
        answers={"200": content(ref("Video"), examples.succeeded()), "304": _NOT_MODIFIED},
        refusals=_OF_A_JOB,
    ),
    Route(
        method="get",
        path="/v1/videos/{id}/content",
        summary="Fetch the video, or its thumbnail",
        parameters=(_ID, query("variant", "The file to fetch.", enum=["video", "thumbnail"], default="video")),
        answers={"302": _REDIRECT},
        refusals=(errors.InvalidRequest, *_OF_A_JOB, errors.VideoNotReady, errors.NoThumbnail, errors.VideoRemoved),
    ),
    Route(
        method="post",
        path="/v1/videos/{id}/cancel",
        summary="Cancel a video, if that is still possible",
        parameters=(_ID,),
        answers={"200": content(ref("CancelledVideo"))},
        refusals=_OF_A_JOB,
    ),
    Route(
        method="delete",
        path="/v1/videos/{id}",
        summary="Delete a finished video with its inputs, outputs, receipts and record",
        parameters=(_ID,),
        answers={"200": content(ref("DeletedVideo"))},
        refusals=(*_OF_A_JOB, errors.JobNotFinished, errors.JobNotDeletable),
    ),
    Route(
        method="post",
        path="/v1/uploads",
        summary="Get a form that uploads one image; requests then refer to it by its id",
        body={JSON: {"schema": ref("UploadRequest"), "example": {"content_type": "image/jpeg"}}},
        answers={"201": content(ref("Upload"))},
        refusals=(errors.InvalidRequest, errors.BodyTooLarge, errors.UnsupportedMediaType),
    ),
    Route(
        method="get",
        path="/health",
        summary="Check whether the HTTPS door is available",
        answers={"200": content(ref("Health"))},
        is_open=True,
    ),
)

_TASK_ID: Schema = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_TASK_REFUSALS: Refusals = (errors.DashScopeRefusal, errors.InvalidRequest, errors.BodyTooLarge)
_TASK = content({"type": "object", "required": ["request_id", "output"]})

DASHSCOPE = (
    Route(
        method="post",
        path=dashscope.SUBMIT,
        summary="Create a video, in DashScope's protocol",
        parameters=(header("X-DashScope-Async", "Must be `enable`, as at DashScope."),),
        body={JSON: {"schema": {"type": "object", "required": ["model", "input"]}}},
        answers={"200": _TASK, "403": _DASHSCOPE_REFUSAL},
        refusals=(*_TASK_REFUSALS, errors.BudgetExceeded, errors.IdempotencyMismatch, errors.JobDeleted),
    ),
    Route(
        method="get",
        path=f"{dashscope.TASKS}/{{id}}",
        summary="Get the state of a task, in DashScope's protocol",
        parameters=(_TASK_ID,),
        answers={"200": _TASK},
        refusals=(errors.VideoRemoved,),
    ),
    Route(
        method="get",
        path=dashscope.TASKS,
        summary="List your tasks, in DashScope's protocol",
        answers={"200": content({"type": "object", "required": ["request_id", "data", "total"]})},
        refusals=(errors.DashScopeRefusal,),
    ),
    Route(
        method="post",
        path=f"{dashscope.TASKS}/{{id}}/cancel",
        summary="Cancel a task that is pending, in DashScope's protocol",
        parameters=(_TASK_ID,),
        answers={"200": content({"type": "object", "required": ["request_id"]})},
        refusals=(errors.DashScopeRefusal,),
    ),
)
ROUTES = (*NATIVE, *DASHSCOPE)
