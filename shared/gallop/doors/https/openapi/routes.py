"""The routes of the HTTPS door: the request, the successful answers and the refusals of each."""

from __future__ import annotations

from gallop.domain import errors
from gallop.domain.credentials import NotSigned
from gallop.domain.dashscope import listing as dashscope_list
from gallop.domain.dashscope import task as dashscope_task
from gallop.domain.doors import Door
from gallop.domain.frozen import frozen
from gallop.domain.job import JobState, openai_status
from gallop.doors.https import dashscope, methods, models
from gallop.doors.https.openapi import examples
from gallop.doors.https.openapi.basics import GROUP_ID, JOB_ID, JOB_OR_GROUP_ID, Schema, either, ref

JSON = "application/json"
FORM = "multipart/form-data"
Refusals = tuple[type[errors.CallerError], ...]


@frozen(kw_only=True)
class Route:
    """One route. ``answers`` and ``body`` map media types (or statuses) to schemas; ``is_open`` needs no key."""

    method: str
    path: str
    summary: str
    details: str
    answers: dict[str, Schema]
    refusals: Refusals = ()
    parameters: tuple[Schema, ...] = ()
    body: dict[str, Schema] | None = None
    is_open: bool = False


def content(schema: Schema, example: object = None) -> Schema:
    """Describe a successful answer in JSON."""
    examples = {} if example is None else {"example": example}
    return {"description": "Success.", "content": {JSON: {"schema": schema, **examples}}}


def header(name: str, description: str, *, required: bool = False, **schema: object) -> Schema:
    """Describe a request header."""
    shape = {"type": "string", **schema}
    return {"name": name, "in": "header", "description": description, "required": required, "schema": shape}


def query(name: str, description: str, **schema: object) -> Schema:
    """Describe a query parameter."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


_DASHSCOPE_REFUSAL: Schema = {
    "description": "Refused, in DashScope's format.",
    "content": {JSON: {"schema": ref("DashScopeError")}},
}
_BYTES: Schema = {"schema": {"type": "string", "format": "binary"}}
_FILE: Schema = {
    "description": "The file itself, from S3, for clients that follow the redirect; as JSON, where it is.",
    "content": {JSON: {"schema": ref("Content")}, "video/mp4": _BYTES, "image/jpeg": _BYTES},
}
_ID: Schema = {"name": "id", "in": "path", "required": True, "schema": JOB_ID}
_ID_OR_GROUP: Schema = {**_ID, "schema": JOB_OR_GROUP_ID, "description": "The id of a job, or of a group."}
_OF_A_JOB: Refusals = (errors.JobNotFound,)
_STATES = sorted({*(state.value for state in JobState), *(openai_status(state) for state in JobState)})
_DOORS = [door.value for door in Door]
_REDIRECT: Schema = {
    "description": "A new presigned URL of your own bucket, valid for an hour, or less if its credentials expire.",
    "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
}
_POLL: Schema = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds until you should request the job again."},
    "openai-poll-after-ms": {"schema": {"type": "integer"}, "description": "The same in milliseconds."},
}
_ETAG: Schema = {"ETag": {"schema": {"type": "string"}, "description": "The version of the job, for If-None-Match."}}
_JOB: Schema = {
    **content(either(ref("Video"), ref("VideoGroup")), examples.succeeded()),
    "headers": {
        **_ETAG,
        **_POLL,
        "Preference-Applied": {
            "schema": {"type": "string"},
            "description": "The wait that was applied, if any. Without it, wait as Retry-After says.",
        },
    },
}
_NOT_MODIFIED: Schema = {"description": "Not changed since the answer with this ETag.", "headers": {**_ETAG, **_POLL}}
_KEY_OF_A_CREATE: Schema = header(
    "Idempotency-Key",
    "Any text of your own, for example a UUID. For 24 hours, requests with the same key and content return the same "
    "job, so that a repetition after a lost answer is no second charge. Requests without it are accepted, too; it is "
    "required here so that no generated client forgets it. It contains no comma.",
    required=True,
    minLength=1,
    maxLength=255,
    pattern="^[\\x21-\\x2b\\x2d-\\x7e]+$",
)
_CREATED: Schema = {
    **content(either(ref("Video"), ref("VideoGroup")), examples.queued()),
    "description": (
        "The job has been recorded, or all jobs of the group if `n` is 2 or more. `Idempotent-Replay: true` means that "
        "it already existed. OpenAI's clients get the first job of a group, with all under `data`."
    ),
    "headers": {
        "Location": {"schema": {"type": "string"}, "description": "The path of the job, or of the list of the group."},
        **_POLL,
        "Idempotent-Replay": {"schema": {"type": "string"}, "description": "`true` if the job already existed."},
    },
}

NATIVE = (
    Route(
        method="post",
        path="/v1/videos",
        summary="Create a video",
        details="Checks the whole request, then records the job and starts it. A refused request costs nothing.",
        parameters=(
            _KEY_OF_A_CREATE,
            # With an optional parameter, too, because openapi-python-client 0.29 forgets an import without one.
            header("Content-Encoding", "`gzip` for a compressed body.", enum=["gzip", "identity"]),
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
        details="Pages neither repeat nor skip a job: continue with `after`, the last job of the page that you have.",
        parameters=(
            query("after", "Start after this job.", **JOB_ID),
            query("limit", "Maximum number of jobs.", type="integer", minimum=1, maximum=100, default=20),
            query("order", "Order by time of creation.", type="string", enum=["desc", "asc"], default="desc"),
            query("group", "Only the jobs of this group, in the order of their places.", **GROUP_ID),
            query("status", "Only jobs with this state of Gallop or status of OpenAI.", type="string", enum=_STATES),
            query(
                "created_after",
                "Only jobs created after this time: seconds since the epoch, or ISO 8601.",
                type="string",
            ),
            query("created_before", "Only jobs created before this time, in the same formats.", type="string"),
            query("client", "Only jobs of this client. For operators' keys.", type="string"),
            query("door", "Only jobs that came through this door. For operators' keys.", type="string", enum=_DOORS),
        ),
        answers={"200": content(ref("VideoList"))},
        refusals=(errors.InvalidRequest,),
    ),
    Route(
        method="get",
        path="/v1/videos/{id}",
        summary="Get the state of a video, or of a group",
        details="Never causes a request to DashScope. `Prefer: wait=20` and `If-None-Match` save requests.",
        parameters=(
            _ID_OR_GROUP,
            header("If-None-Match", "The ETag of the answer that you have."),
            header(
                "Prefer", "`wait=N`: answer when the state changes, or after N seconds (maximum 25).", pattern="^wait="
            ),
        ),
        answers={"200": _JOB, "304": _NOT_MODIFIED},
        refusals=_OF_A_JOB,
    ),
    Route(
        method="get",
        path="/v1/videos/{id}/content",
        summary="Fetch the video, its thumbnail or its signed copy",
        details="Redirects to S3. Do not send your API key there; HTTP clients omit it on redirects. "
        "A web page, which cannot read a redirect, sends `Accept: application/json` and nothing else.",
        parameters=(
            _ID,
            query(
                "variant", "The file to fetch.", type="string", enum=["video", "thumbnail", "signed"], default="video"
            ),
            query("download", "Whether a browser saves the file instead of showing it.", type="boolean", default=False),
        ),
        answers={"200": _FILE, "302": _REDIRECT},
        refusals=(
            errors.InvalidRequest,
            *_OF_A_JOB,
            errors.VideoNotReady,
            errors.NoThumbnail,
            NotSigned,
            errors.VideoRemoved,
        ),
    ),
    Route(
        method="post",
        path="/v1/videos/{id}/cancel",
        summary="Cancel a video, or those of a group, if that is still possible",
        details="A job that waits is cancelled without a charge. `cancel.answer` of each says what was possible.",
        parameters=(_ID_OR_GROUP,),
        answers={"200": content(either(ref("CancelledVideo"), ref("CancelledGroup")))},
        refusals=_OF_A_JOB,
    ),
    Route(
        method="delete",
        path="/v1/videos/{id}",
        summary="Delete a finished video with its inputs, outputs, receipts and record",
        details=(
            "An image is deleted with the last job that uses it. Lists can continue after a deleted job. A group is "
            "deleted with all its jobs, once all have ended."
        ),
        parameters=(_ID_OR_GROUP,),
        answers={"200": content(either(ref("DeletedVideo"), ref("DeletedGroup")))},
        refusals=(*_OF_A_JOB, errors.JobNotFinished, errors.JobNotDeletable),
    ),
    Route(
        method="get",
        path="/v1/usage",
        summary="See what you have spent, and what waits and runs",
        details="With an operator's key, also what the whole stack has spent, and its queues and slots.",
        answers={"200": content(ref("Usage"), examples.usage())},
    ),
    Route(
        method="get",
        path="/v1/models",
        summary="List the models, with what each takes, its parameters and its prices",
        details="Requests that name no model get the one whose files they have: `is_default`.",
        answers={"200": content(ref("ModelList"), examples.models())},
    ),
    Route(
        method="get",
        path="/v1/models/{id}",
        summary="Get a model",
        details="In the same shape as in the list.",
        parameters=({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},),
        answers={"200": content(ref("Model"))},
        refusals=(models.ModelNotFound,),
    ),
    Route(
        method="post",
        path="/v1/uploads",
        summary="Get a form that uploads one image; requests then refer to it by its id",
        details="For images that are too large for a request: POST `fields` and then `file` to `url`, as a form.",
        body={JSON: {"schema": ref("UploadRequest"), "example": {"content_type": "image/jpeg"}}},
        answers={"201": content(ref("Upload"))},
        refusals=(errors.InvalidRequest, errors.BodyTooLarge, errors.UnsupportedMediaType),
    ),
    Route(
        method="get",
        path="/health",
        summary="Check whether the HTTPS door is available",
        details="Open to all.",
        answers={"200": content(ref("Health"))},
        refusals=(methods.MethodNotAllowed,),
        is_open=True,
    ),
)

_TASK_ID: Schema = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_TIME = "14 digits in UTC+8: `20261122130000`."
_TASK_FILTERS = (
    query("page_no", "The number of the page.", type="integer", minimum=1, default=1),
    query("page_size", "Tasks per page.", type="integer", minimum=1, maximum=dashscope_list.MAX_PAGE_SIZE, default=10),
    query("task_id", "Only this task.", type="string"),
    query("start_time", f"The begin of the window, {_TIME}", type="string", pattern="^[0-9]{14}$"),
    query("end_time", f"Its end, at most 24 hours later, {_TIME}", type="string", pattern="^[0-9]{14}$"),
    query("model_name", "Only tasks of this model.", type="string"),
    query("status", "Only tasks with this status.", type="string", enum=list(dashscope_task.STATUSES)),
)
_TASK_REFUSALS: Refusals = (errors.DashScopeRefusal, errors.InvalidRequest, errors.BodyTooLarge)

DASHSCOPE = (
    Route(
        method="post",
        path=dashscope.SUBMIT,
        summary="Create a video, in DashScope's protocol",
        details="Equal content within 11 minutes is the same job, because DashScope's clients repeat without a mark.",
        parameters=(header("X-DashScope-Async", "Must be `enable`.", required=True, enum=["enable"]),),
        body={JSON: {"schema": ref("DashScopeRequest")}},
        answers={"200": content(ref("DashScopeSubmitted")), "403": _DASHSCOPE_REFUSAL, "404": _DASHSCOPE_REFUSAL},
        refusals=(*_TASK_REFUSALS, errors.BudgetExceeded, errors.IdempotencyMismatch, errors.JobDeleted),
    ),
    Route(
        method="get",
        path=f"{dashscope.TASKS}/{{id}}",
        summary="Get the state of a task, in DashScope's protocol",
        details="A task that does not exist, or is another client's, is UNKNOWN, with status 200.",
        parameters=(_TASK_ID,),
        answers={"200": content(ref("DashScopeTask"))},
        refusals=(errors.VideoRemoved,),
    ),
    Route(
        method="get",
        path=dashscope.TASKS,
        summary="List your tasks, in DashScope's protocol",
        details="The last 24 hours, or another window of at most 24 hours.",
        parameters=_TASK_FILTERS,
        answers={"200": content(ref("DashScopeTaskList"))},
        refusals=(errors.DashScopeRefusal,),
    ),
    Route(
        method="post",
        path=f"{dashscope.TASKS}/{{id}}/cancel",
        summary="Cancel a task that is pending, in DashScope's protocol",
        details="A task that runs or has ended cannot be cancelled.",
        parameters=(_TASK_ID,),
        answers={"200": content(ref("DashScopeCancelled"))},
        refusals=(errors.DashScopeRefusal,),
    ),
)
ROUTES = (*NATIVE, *DASHSCOPE)
