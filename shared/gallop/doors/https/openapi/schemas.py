"""The schemas of requests and answers; limits and enumerations are those of the code that checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import job, models
from gallop.domain.budget import Period
from gallop.domain.faults import MAX_FAULTS
from gallop.domain.media_rules import ImageRules
from gallop.domain.request import references
from gallop.domain.request.own_fields import DRY_RUN, MAX_METADATA_BYTES, PRIORITY
from gallop.doors.https import uploads
from gallop.doors.https.openapi import dashscope_schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gallop.domain.fields import Field
    from gallop.domain.models import MediaField

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
            {
                "object": {"const": "video.estimate"},
                "model": TEXT,
                "estimated_cost": USD,
                "estimated_cost_detail": ref("CostDetail"),
                "currency": {"const": "USD"},
            }
        ),
        "CostDetail": cost_detail(),
        "Model": model_row(),
        "ModelList": _object({"object": {"const": "list"}, "data": {"type": "array", "items": ref("Model")}}),
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
    """Describe the native body of a request for a video: the fields of all models; `GET /v1/models` has those of each.

    Which fields a model requires is not in the schema: generators of clients make no class of it.
    """
    return {
        **_object(_fields(), required=()),
        "description": (
            "A request for one video. Its files decide the model, unless it names one: `video` is edited, "
            "`first_frame` is animated, `images` are references; without files, the video is made from the prompt "
            "alone."
        ),
    }


def video_form() -> Schema:
    """Describe the same body as a form: numbers and flags are text, and images are files."""
    texts: dict[str, Schema] = {
        name: TEXT for name in _fields() if name not in (*references.containers(), "metadata") or name in _clips()
    }
    metadata = {"type": "string", "description": "An object in JSON; or send `metadata[name]`."}
    file: Schema = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    files: dict[str, Schema] = {
        "images": {"type": "array", "items": file, "description": "The files, in their order; or text, as in JSON."},
        "first_frame": {**file, "description": "The file; or text, as in JSON."},
        "input_reference": {**file, "description": "OpenAI's name for one image."},
    }
    shape = _object({**texts, "metadata": metadata, **files}, required=())
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
        "kind": _nullable(_choice([kind.value for kind in models.Kind])),
        "prompt": TEXT,
        "images": whole,
        "media": {"type": "array", "items": _medium()},
        **{name: _nullable(_without_default(schema)) for name, schema in _parameters().items()},
        "seconds": TEXT,
        "size": _nullable(TEXT),
        "metadata": {"type": "object", "additionalProperties": True},
        "priority": whole,
        "queue_position": _nullable(whole),
        "estimated_start": _nullable(SECONDS_SINCE_EPOCH),
        "remixed_from_video_id": {"type": "null"},
        "notes": {"type": "array", "items": TEXT},
        "estimated_cost": USD,
        "estimated_cost_detail": _nullable(ref("CostDetail")),
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


def cost_detail() -> Schema:
    """Describe the arithmetic of an estimate."""
    seconds = {"type": "number", "minimum": 0}
    return _object(
        {
            "input_seconds": {**seconds, "description": "Of the input video, which an edit bills as well."},
            "output_seconds": {**seconds, "description": "Of the result; the maximum, where the model decides."},
            "resolution": TEXT,
            "usd_per_second": USD,
            "price_scope": {"type": "string", "description": "The part of DashScope whose list price it is."},
            "formula": {"type": "string", "description": "For people."},
        }
    )


def model_row() -> Schema:
    """Describe a model as ``model_views.model_view`` shows it."""
    whole = {"type": "integer"}
    rules = {"type": "object", "additionalProperties": True}
    medium = _object({"field": TEXT, "type": TEXT, "noun": TEXT, "minimum": whole, "maximum": whole, "limits": rules})
    price = _object({"resolution": TEXT, "usd_per_second": USD, "scope": TEXT, "seen": TEXT, "source": TEXT})
    prompt = _object({"is_required": {"type": "boolean"}, "max_characters": whole})
    return _object(
        {
            "id": TEXT,
            "object": {"const": "model"},
            "created": SECONDS_SINCE_EPOCH,
            "owned_by": TEXT,
            "kind": _choice([kind.value for kind in models.Kind]),
            "version": TEXT,
            "is_default": {
                "type": "boolean",
                "description": "Whether requests of this kind that name no model get it.",
            },
            "prompt": prompt,
            "media": {"type": "array", "items": medium},
            "parameters": {"type": "object", "additionalProperties": True, "description": "JSON Schema of each."},
            "prices": {"type": "array", "items": price},
        }
    )


def _medium() -> Schema:
    number = {"type": "number"}
    facts: dict[str, Schema] = {
        **dict.fromkeys(("seconds", "fps"), number),
        **{key: {"type": "integer"} for key in ("width", "height", "size")},
        **dict.fromkeys(("codec", "container"), TEXT),
        "has_audio": {"type": "boolean"},
    }
    return _object({"field": TEXT, **facts}, required=("field",))


def _fields() -> dict[str, Schema]:
    optional = {**_of_the_video(), **_of_the_request()}
    return {"prompt": _prompt(), **{name: _nullable(schema) for name, schema in optional.items()}}


def _prompt() -> Schema:
    return {
        "type": "string",
        "maxLength": max(model.max_prompt_characters for model in models.MODELS.values()),
        "description": (
            "Required, except with a first frame. `[Image 1]` refers to the first image. A Chinese character counts as "
            "two."
        ),
    }


def _parameters() -> dict[str, Schema]:
    """Return the schema of each parameter, with what the models that have it differ in."""
    return {name: _parameter(variants) for name, variants in models.parameters().items()}


def _parameter(variants: Sequence[Field]) -> Schema:
    schemas = [variant.schema() for variant in variants]
    merged = schemas[0]
    if all("enum" in schema for schema in schemas):
        merged = {**merged, "enum": list(dict.fromkeys(value for schema in schemas for value in schema["enum"]))}
    elif any(schema != merged for schema in schemas):
        merged = {"anyOf": schemas}
    return {**merged, **default_of(variants)}


def default_of(variants: Sequence[Field]) -> Schema:
    """Return the description of a parameter, and its default, if every model has the parameter and that default.

    Generated clients send each default that the schema has, also to a model without the parameter.
    """
    first = variants[0]
    defaults = {variant.default for variant in variants}
    if defaults == {None} or len(defaults) > 1:
        return {"description": first.description}
    if all(model.parameter(first.name) for model in models.MODELS.values()):
        return {"default": first.default, "description": first.description}
    return {"description": f"{first.description} The default is {first.default}, where the model has it."}


def _of_the_video() -> dict[str, Schema]:
    in_text = {"type": "string", "pattern": "^[0-9]{1,3}$"}
    duration = _without_default(_parameters()["duration"])
    return {
        "model": {**_choice(models.MODELS), "description": "Without it, the files decide."},
        **_parameters(),
        "seconds": {"anyOf": [duration, in_text], "description": "OpenAI's name for `duration`."},
        "size": {**_choice(_sizes()), "description": "OpenAI's name for `resolution` and `ratio` together."},
    }


def _without_default(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name not in ("default", "description")}


def _of_the_request() -> dict[str, Schema]:
    referred = [_object({name: TEXT}, required=(name,)) for name in ("image_url", "file_id")]
    reference = {"anyOf": [_IMAGE, *referred]}
    types = sorted({medium.type for model in models.MODELS.values() for medium in model.media})
    item = _object({"type": _nullable(_choice(types)), "url": _IMAGE}, required=("url",))
    limit = max(medium.most for model in models.MODELS.values() for medium in model.media)
    return {
        **{name: _media_field(medium) for name, medium in models.media_fields().items()},
        "input_reference": {
            "anyOf": [reference, {"type": "array", "minItems": 1, "maxItems": limit, "items": reference}],
            "description": "OpenAI's name for `images`; for `first_frame`, if the model takes one.",
        },
        "media": {
            "type": "array",
            "maxItems": limit + 1,
            "items": item,
            "description": "DashScope's name for all of them, by `type`.",
        },
        "metadata": {
            "type": "object",
            "additionalProperties": True,
            "description": f"Your own data, returned unchanged; maximum {MAX_METADATA_BYTES:,} bytes of JSON.",
        },
        "webhook": {
            "type": "string",
            "description": "Where to send notifications: a URL at one of your webhook endpoints, or a path there.",
        },
        **{
            own.name: {**own.schema(), "default": own.default, "description": own.description}
            for own in (PRIORITY, DRY_RUN)
        },
    }


def _media_field(medium: MediaField) -> Schema:
    most = max(one.most for model in models.MODELS.values() for one in model.media if one.name == medium.name)
    takers = [model.id for model in models.MODELS.values() if model.media_field(medium.name)]
    item = _IMAGE if isinstance(medium.rules, ImageRules) else _CLIP
    about = f"{medium.noun.capitalize()}{'s' if medium.is_list else ''} for {', '.join(takers)}"
    if medium.is_list:
        return {"type": "array", "maxItems": most, "items": item, "description": f"{about}."}
    return {**item, "description": f"{about}: {item['description']}"}


_IMAGE: Schema = {
    "type": "string",
    "pattern": "^([hH][tT]{2}[pP][sS]|[dD][aA][tT][aA]|[sS]3):|^upload_",
    "description": "`https://...`, `data:image/jpeg;base64,...`, `upload_...` or `s3://<inbox>/uploads/...`",
}
_CLIP: Schema = {
    "type": "string",
    "pattern": "^([hH][tT]{2}[pP][sS]|[sS]3):|^upload_",
    "description": "`https://...`, `upload_...` or `s3://<inbox>/uploads/...`",
}


def _clips() -> set[str]:
    return {name for name, medium in models.media_fields().items() if not isinstance(medium.rules, ImageRules)}


def _sizes() -> list[str]:
    resolutions = _parameters()["resolution"]["enum"]
    sizes = [models.size(name, ratio) for name in sorted(resolutions, key=_lines) for ratio in models.RATIOS]
    return [size for size in sizes if size]


def _lines(resolution: str) -> int:
    return int(resolution.removesuffix("P"))


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
