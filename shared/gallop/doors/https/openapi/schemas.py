"""The schemas of requests and answers; limits and enumerations are those of the code that checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import job, models
from gallop.domain.budget import Period
from gallop.domain.faults import MAX_FAULTS
from gallop.domain.request import form, references, request
from gallop.domain.scheduling import queue
from gallop.doors.https import uploads
from gallop.doors.https.openapi import dashscope_schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Schema = dict[str, Any]

JOB_ID = {"type": "string", "pattern": "^job_[a-z2-7]{26}$"}
SECONDS_SINCE_EPOCH = {"type": "integer", "description": "Seconds since the epoch."}
USD = {"type": "number", "minimum": 0, "description": "US dollars."}
TEXT = {"type": "string"}


def ref(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def components() -> dict[str, Schema]:
    """Return all components by name."""
    return {
        "VideoRequest": video_request(),
        "VideoForm": video_form(),
        "Video": video(),
        "JobError": job_error(),
        "StoredFile": stored_file(),
        "Estimate": _object(
            {"object": {"const": "video.estimate"}, "estimated_cost": USD, "currency": {"const": "USD"}}
        ),
        "VideoList": video_list(),
        "CancelledVideo": cancelled_video(),
        "DeletedVideo": _object({"id": JOB_ID, "object": {"const": "video.deleted"}, "deleted": {"const": True}}),
        "UploadRequest": upload_request(),
        "Upload": upload(),
        "Problem": problem(),
        "Fault": fault(),
        "Budget": budget(),
        "OpenAIError": openai_error(),
        **dashscope_schemas.components(),
        "Health": _object({"status": {"const": "ok"}}),
    }


def video_request() -> Schema:
    """Describe the native body of a request for a video.

    That one of the names of images is required is not in the schema: generators of clients make no class of it.
    """
    return {
        **_object(_fields(), required=("prompt",)),
        "description": (
            "A request for one video. At least one image is required, in `images`, or under OpenAI's or DashScope's "
            "name: `input_reference`, `media`."
        ),
    }


def video_form() -> Schema:
    """Describe the same body as a form: numbers and flags are text, and images are files."""
    texts: dict[str, Schema] = {name: TEXT for name in _fields() if name not in (*form.OF_IMAGES, "metadata")}
    metadata = {"type": "string", "description": "An object in JSON; or send `metadata[name]`."}
    file: Schema = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    images: Schema = {"type": "array", "maxItems": models.MAX_IMAGES, "items": file}
    files: dict[str, Schema] = {
        "images": {**images, "description": "The files, in their order; or text, as in JSON."},
        "input_reference": {**file, "description": "OpenAI's name for one image."},
    }
    shape = _object({**texts, "metadata": metadata, **files}, required=("prompt",))
    description = "A request for one video, as a form. Lists may also be named `images[]` and `input_reference[]`."
    return {**shape, "additionalProperties": True, "description": description}


def upload_request() -> Schema:
    """Describe the body that requests an upload form."""
    return _object({"content_type": _choice(uploads.MEDIA_TYPES)})


def upload() -> Schema:
    """Describe the form that uploads one image: a POST of ``fields`` and then ``file`` to ``url``."""
    return _object(
        {
            "id": {"type": "string", "pattern": "^upload_[a-z2-7]{26}$"},
            "object": {"const": "upload"},
            "url": {"type": "string", "format": "uri"},
            "fields": {"type": "object", "additionalProperties": TEXT},
            "content_type": _choice(uploads.MEDIA_TYPES),
            "max_bytes": {"const": models.MAX_PICTURE_BYTES},
            "expires_at": SECONDS_SINCE_EPOCH,
        }
    )


def video() -> Schema:
    """Describe a job as ``views.job_view`` shows it."""
    whole = {"type": "integer"}
    properties: dict[str, Schema] = {
        "id": JOB_ID,
        "object": {"const": "video"},
        "status": _choice(sorted({job.openai_status(state) for state in job.JobState})),
        "state": _choice([state.value for state in job.JobState]),
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "created_at": SECONDS_SINCE_EPOCH,
        "updated_at": SECONDS_SINCE_EPOCH,
        "completed_at": _nullable(whole),
        "expires_at": {"type": "null"},
        "model": TEXT,
        "prompt": TEXT,
        "images": whole,
        "resolution": _choice(_resolutions()),
        "ratio": _choice(models.RATIOS),
        "duration": whole,
        "seconds": TEXT,
        "size": TEXT,
        "seed": _nullable(whole),
        "watermark": {"type": "boolean"},
        "metadata": {"type": "object", "additionalProperties": True},
        "priority": whole,
        "queue_position": _nullable(whole),
        "estimated_start": _nullable(SECONDS_SINCE_EPOCH),
        "remixed_from_video_id": {"type": "null"},
        "notes": {"type": "array", "items": TEXT},
        "estimated_cost": USD,
        "cost": _nullable({"type": "number"}),
        "currency": {"const": "USD"},
        "error": _nullable(ref("JobError")),
    }
    files = {"video": ref("StoredFile"), "thumbnail": ref("StoredFile")}
    return {**_object({**properties, **files}, required=tuple(properties)), "additionalProperties": True}


def job_error() -> Schema:
    """Describe why a job ended without a video; ``vendor_code`` and ``vendor_message`` are DashScope's own."""
    names = ("code", "message", "remedy", "vendor_code", "vendor_message")
    return _object(dict.fromkeys(names, TEXT), required=names[:3])


def stored_file() -> Schema:
    """Describe a file in the results bucket."""
    address = {"type": "string", "format": "uri", "description": "Redirects to a presigned URL; needs your API key."}
    return _object({"bytes": {"type": "integer"}, "sha256": TEXT, "content_type": TEXT, "s3": TEXT, "content": address})


def video_list() -> Schema:
    """Describe a page of jobs, in the format of OpenAI."""
    identity = _nullable(JOB_ID)
    return _object(
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": ref("Video")},
            "has_more": {"type": "boolean"},
            "first_id": identity,
            "last_id": identity,
        }
    )


def cancelled_video() -> Schema:
    """Describe the answer to a cancel: the job, and the outcome."""
    answer = _object({"answer": _choice(["cancelled", "too_late", "already_finished"]), "message": TEXT})
    return {"allOf": [ref("Video"), {"type": "object", "properties": {"cancel": answer}, "required": ["cancel"]}]}


def problem() -> Schema:
    """Describe a refusal, in the format of RFC 9457."""
    return _object(
        {
            "type": {"type": "string", "description": "`/errors/` and the code; see docs/errors.md."},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "code": TEXT,
            "remedy": TEXT,
            "errors": {"type": "array", "maxItems": MAX_FAULTS, "items": ref("Fault")},
            "omitted": {"type": "integer", "description": "How many more problems there are than `errors` lists."},
            "budget": ref("Budget"),
        },
        required=("type", "title", "status", "detail", "code", "remedy"),
    )


def fault() -> Schema:
    """Describe one problem of a request."""
    number = {"type": "integer", "minimum": 1}
    place: dict[str, Schema] = {
        "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) into the body; empty: the whole body."},
        "header": {"type": "string", "description": "The header that has the problem, instead of the body."},
        "line": number,
        "column": number,
    }
    return _object({**place, "detail": TEXT, "remedy": TEXT}, required=("detail", "remedy"))


def budget() -> Schema:
    """Describe the cap that has no room for a job."""
    return _object(
        {
            "of": _choice(["stack", "client"]),
            "period": _choice([period.value for period in Period]),
            "cap": USD,
            "used": {**USD, "description": "Reserved or spent, in US dollars."},
            "estimated_cost": USD,
            "currency": {"const": "USD"},
            "resets_at": {"type": "string", "format": "date-time"},
        }
    )


def openai_error() -> Schema:
    """Describe the same refusal, in the format of OpenAI."""
    inner = _object({"message": TEXT, "type": TEXT, "param": _nullable(TEXT), "code": TEXT})
    return _object({"error": inner})


def _fields() -> dict[str, Schema]:
    optional = {**_of_the_video(), **_of_the_request()}
    return {"prompt": _prompt(), **{name: _nullable(schema) for name, schema in optional.items()}}


def _prompt() -> Schema:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": models.MAX_PROMPT_CHARACTERS,
        "pattern": r"\S",
        "description": "`[Image 1]` refers to the first image. A Chinese character counts as two.",
    }


def _of_the_video() -> dict[str, Schema]:
    lengths, seeds = models.DURATION_SECONDS, models.SEEDS
    duration = {"type": "integer", "minimum": lengths.start, "maximum": lengths.stop - 1}
    in_text = {"type": "string", "pattern": "^[0-9]{1,3}$"}
    return {
        "model": _choice(models.MODELS),
        "resolution": {**_choice(_resolutions()), "default": models.DEFAULT_RESOLUTION},
        "ratio": {**_choice(models.RATIOS), "default": models.DEFAULT_RATIO},
        "duration": {**duration, "default": models.DEFAULT_DURATION_SECONDS, "description": "Seconds."},
        "seed": {"type": "integer", "minimum": seeds.start, "maximum": seeds.stop - 1},
        "watermark": {"type": "boolean", "default": False},
        "seconds": {"anyOf": [duration, in_text], "description": "OpenAI's name for `duration`."},
        "size": {**_choice(_sizes()), "description": "OpenAI's name for `resolution` and `ratio` together."},
    }


def _of_the_request() -> dict[str, Schema]:
    limit = models.MAX_IMAGES
    referred = [_object({name: TEXT}, required=(name,)) for name in ("image_url", "file_id")]
    reference = {"anyOf": [_IMAGE, *referred]}
    kind = _nullable(_choice([references.MEDIA_TYPE]))
    media = _object({"type": kind, "url": _IMAGE}, required=("url",))
    return {
        "images": {"type": "array", "minItems": 1, "maxItems": limit, "items": _IMAGE},
        "input_reference": {
            "anyOf": [reference, {"type": "array", "minItems": 1, "maxItems": limit, "items": reference}],
            "description": "OpenAI's name for `images`.",
        },
        "media": {
            "type": "array",
            "minItems": 1,
            "maxItems": limit,
            "items": media,
            "description": "DashScope's name for `images`.",
        },
        "metadata": {
            "type": "object",
            "additionalProperties": True,
            "description": f"Your own data, returned unchanged; maximum {request.MAX_METADATA_BYTES:,} bytes of JSON.",
        },
        "priority": {
            "type": "integer",
            "minimum": queue.PRIORITIES.start,
            "maximum": queue.PRIORITIES.stop - 1,
            "default": 0,
            "description": "Of your own waiting jobs, those with a higher priority start first.",
        },
        "webhook": {
            "type": "string",
            "description": "Where to send notifications: a URL at one of your webhook endpoints, or a path there.",
        },
        "dry_run": {"type": "boolean", "default": False, "description": "Only return the price."},
    }


_IMAGE: Schema = {
    "type": "string",
    "pattern": "^([hH][tT]{2}[pP][sS]|[dD][aA][tT][aA]|[sS]3):|^upload_",
    "description": "`https://...`, `data:image/jpeg;base64,...`, `upload_...` or `s3://<inbox>/uploads/...`",
}


def _resolutions() -> list[str]:
    return sorted({name for model in models.MODELS.values() for name in model.resolutions}, key=_lines)


def _lines(resolution: str) -> int:
    return int(resolution.removesuffix("P"))


def _sizes() -> list[str]:
    return [models.size(name, ratio) for name in _resolutions() for ratio in models.RATIOS]


def _choice(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(values)}


def _object(properties: Mapping[str, Schema], required: tuple[str, ...] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
