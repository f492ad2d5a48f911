"""The schemas of requests and answers; limits and enumerations are those of the code that checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import job, models
from gallop.domain.budget import Period
from gallop.domain.request import form, references, request
from gallop.domain.scheduling import queue
from gallop.doors.https import uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        "DashScopeError": _object({"code": TEXT, "message": TEXT, "request_id": TEXT}),
        "Health": _object({"status": {"const": "ok"}}),
    }


def video_request() -> Schema:
    """Describe the native body of a request for a video."""
    return {
        **_object(_fields(), required=("prompt",)),
        "anyOf": [{"required": [name]} for name in form.OF_IMAGES],
        "description": "A request for one video. Send the images as `images`, or under OpenAI's or DashScope's name.",
    }


def video_form() -> Schema:
    """Describe the same body as a form: numbers and flags are text; images are files or text, under any name."""
    texts: dict[str, Schema] = {name: TEXT for name in _fields() if name not in (*form.OF_IMAGES, "metadata")}
    images = {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    shape = _object({**texts, "input_reference[]": images}, required=("prompt",))
    return {**shape, "additionalProperties": True}


def upload_request() -> Schema:
    """Describe the body that requests an upload form."""
    return _object({"content_type": {"enum": list(uploads.MEDIA_TYPES)}})


def upload() -> Schema:
    """Describe the form that uploads one image: a POST of ``fields`` and then ``file`` to ``url``."""
    return _object(
        {
            "id": {"type": "string", "pattern": "^upload_[a-z2-7]{26}$"},
            "object": {"const": "upload"},
            "url": {"type": "string", "format": "uri"},
            "fields": {"type": "object", "additionalProperties": TEXT},
            "content_type": {"enum": list(uploads.MEDIA_TYPES)},
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
        "status": {"enum": sorted({job.openai_status(state) for state in job.JobState})},
        "state": {"enum": [state.value for state in job.JobState]},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "created_at": SECONDS_SINCE_EPOCH,
        "updated_at": SECONDS_SINCE_EPOCH,
        "completed_at": _nullable(whole),
        "expires_at": {"type": "null"},
        "model": TEXT,
        "prompt": TEXT,
        "images": whole,
        "resolution": {"enum": _resolutions()},
        "ratio": {"enum": list(models.RATIOS)},
        "duration": whole,
        "seconds": TEXT,
        "size": TEXT,
        "seed": _nullable(whole),
        "watermark": {"type": "boolean"},
        "metadata": {"type": "object"},
        "priority": whole,
        "queue_position": _nullable(whole),
        "estimated_start": _nullable(SECONDS_SINCE_EPOCH),
        "remixed_from_video_id": {"type": "null"},
        "notes": {"type": "array", "items": TEXT},
        "estimated_cost": USD,
        "cost": _nullable({"type": "number"}),
        "currency": {"const": "USD"},
        "error": _nullable(_object({"code": TEXT, "message": TEXT, "remedy": TEXT})),
    }
    file = _object({"bytes": whole, "sha256": TEXT, "content_type": TEXT, "s3": TEXT, "content": TEXT})
    return {**_object({**properties, "video": file}, required=tuple(properties)), "additionalProperties": True}


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
    answer = _object({"answer": {"enum": ["cancelled", "too_late", "already_finished"]}, "message": TEXT})
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
            "errors": {"type": "array", "items": ref("Fault")},
            "budget": ref("Budget"),
        },
        required=("type", "title", "status", "detail", "code", "remedy"),
    )


def fault() -> Schema:
    """Describe one problem of a request."""
    return _object({"pointer": TEXT, "detail": TEXT, "remedy": TEXT})


def budget() -> Schema:
    """Describe the cap that has no room for a job."""
    return _object(
        {
            "of": {"enum": ["stack", "client"]},
            "period": {"enum": [period.value for period in Period]},
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
        "model": {"enum": list(models.MODELS)},
        "resolution": {"enum": _resolutions(), "default": models.DEFAULT_RESOLUTION},
        "ratio": {"enum": list(models.RATIOS), "default": models.DEFAULT_RATIO},
        "duration": {**duration, "default": models.DEFAULT_DURATION_SECONDS, "description": "Seconds."},
        "seed": {"type": "integer", "minimum": seeds.start, "maximum": seeds.stop - 1},
        "watermark": {"type": "boolean", "default": False},
        "seconds": {"anyOf": [duration, in_text], "description": "OpenAI's name for `duration`."},
        "size": {"enum": _sizes(), "description": "OpenAI's name for `resolution` and `ratio` together."},
    }


def _of_the_request() -> dict[str, Schema]:
    limit = models.MAX_IMAGES
    referred = [_object({name: TEXT}, required=(name,)) for name in ("image_url", "file_id")]
    reference = {"anyOf": [_IMAGE, *referred]}
    media = _object({"type": {"enum": [references.MEDIA_TYPE, None]}, "url": _IMAGE}, required=("url",))
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
            "description": f"Your own data, returned unchanged; maximum {request.MAX_METADATA_BYTES:,} bytes.",
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
            "description": "Where to send notifications: URL at one of your webhook endpoints, or its path and query.",
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


def _object(properties: Mapping[str, Schema], required: tuple[str, ...] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
