"""The schemas of answers, and all schemas together; limits and enumerations are those of the code that checks them."""

from __future__ import annotations

from gallop.domain import job, models
from gallop.domain.budget import Period
from gallop.domain.doors import Door
from gallop.domain.faults import MAX_FAULTS
from gallop.domain.prices import Scope
from gallop.doors.https import uploads
from gallop.doors.https.openapi import dashscope_schemas, provenance_schema, usage_schemas
from gallop.doors.https.openapi.basics import (
    GROUP_ID,
    JOB_ID,
    SECONDS_SINCE_EPOCH,
    TEXT,
    URI,
    USD,
    Schema,
    choice,
    closed,
    nullable,
    ref,
)
from gallop.doors.https.openapi.request_schemas import bare, parameters, video_form, video_request


def components() -> dict[str, Schema]:
    """Return all components by name."""
    return {
        "VideoRequest": video_request(),
        "VideoForm": video_form(),
        "Video": video(),
        "GroupPlace": group_place(),
        "Placement": placement(),
        "VideoGroup": video_group(ref("Video")),
        "JobError": job_error(),
        "StoredFile": stored_file(),
        "Provenance": provenance_schema.provenance(),
        "Credentials": provenance_schema.credentials(ref("StoredFile")),
        "Estimate": estimate(),
        "CostDetail": cost_detail(),
        "Content": closed({"url": URI, "expires_at": SECONDS_SINCE_EPOCH, "filename": TEXT}),
        **usage_schemas.components(),
        "Model": model_row(),
        "ModelList": closed({"object": {"const": "list"}, "data": {"type": "array", "items": ref("Model")}}),
        "VideoList": video_list(),
        "CancelledVideo": cancelled_video(),
        "CancelledGroup": video_group(ref("CancelledVideo")),
        "DeletedVideo": closed({"id": JOB_ID, "object": {"const": "video.deleted"}, "deleted": {"const": True}}),
        "DeletedGroup": closed(
            {"id": GROUP_ID, "object": {"const": "video.group.deleted"}, "deleted": {"const": True}}
        ),
        "UploadRequest": upload_request(),
        "Upload": upload(),
        "Problem": problem(),
        "Fault": fault(),
        "Budget": budget(),
        "OpenAIError": openai_error(),
        **dashscope_schemas.components(),
        "Health": closed({"status": {"const": "ok"}}),
    }


def estimate() -> Schema:
    """Describe the price of a request."""
    properties: dict[str, Schema] = {
        "object": {"const": "video.estimate"},
        "model": TEXT,
        "estimated_cost": {**USD, "description": "Of all videos, in US dollars."},
        "estimated_cost_detail": ref("CostDetail"),
        "currency": {"const": "USD"},
        "budgets": {"type": "array", "items": ref("BudgetUse"), "description": "The caps that apply."},
    }
    several = {"n": {"type": "integer", "description": "The number of videos, if there are several."}}
    return closed({**properties, **several}, required=tuple(properties))


def upload_request() -> Schema:
    """Describe the body that requests an upload form."""
    return closed({"content_type": choice(uploads.MEDIA_TYPES)})


def upload() -> Schema:
    """Describe the form that uploads one image: a POST of ``fields`` and then ``file`` to ``url``."""
    return closed(
        {
            "id": {"type": "string", "pattern": "^upload_[a-z2-7]{26}$"},
            "object": {"const": "upload"},
            "url": {"type": "string", "format": "uri"},
            "fields": {"type": "object", "additionalProperties": TEXT},
            "content_type": choice(uploads.MEDIA_TYPES),
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
        "status": choice(sorted({job.openai_status(state) for state in job.JobState})),
        "state": choice([state.value for state in job.JobState]),
        "client": {"type": "string", "description": "Whose job it is."},
        "door": choice([door.value for door in Door]),
        "receipts": {"type": "string", "description": "The folder of its receipts in the results bucket."},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "created_at": SECONDS_SINCE_EPOCH,
        "updated_at": SECONDS_SINCE_EPOCH,
        "completed_at": nullable(whole),
        "expires_at": {"type": "null"},
        "model": TEXT,
        "kind": nullable(choice([kind.value for kind in models.Kind])),
        "prompt": TEXT,
        "images": whole,
        "media": {"type": "array", "items": _medium()},
        **{name: nullable(bare(schema)) for name, schema in parameters().items()},
        "seconds": TEXT,
        "size": nullable(TEXT),
        "metadata": {"type": "object", "additionalProperties": True},
        "priority": whole,
        **_where(),
        "remixed_from_video_id": {"type": "null"},
        "notes": {"type": "array", "items": TEXT},
        "estimated_cost": USD,
        "estimated_cost_detail": nullable(ref("CostDetail")),
        "cost": nullable({"type": "number"}),
        "currency": {"const": "USD"},
        "error": nullable(ref("JobError")),
        "provenance": nullable(ref("Provenance")),
    }
    files = {"video": ref("StoredFile"), "thumbnail": ref("StoredFile"), "credentials": ref("Credentials")}
    optional = {"group": ref("GroupPlace"), **files}
    return {**closed({**properties, **optional}, required=tuple(properties)), "additionalProperties": True}


def _where() -> dict[str, Schema]:
    """Describe where a job waits, and where it runs, as ``views.where_view`` shows it."""
    account = {**TEXT, "description": "The DashScope account that makes it; null until it has a slot there."}
    scope = {**choice([scope.value for scope in Scope]), "description": "Whose prices its cost is of."}
    return {
        "queue_position": nullable({"type": "integer"}),
        "estimated_start": nullable(SECONDS_SINCE_EPOCH),
        "account": nullable(account),
        "region": nullable({**TEXT, "description": "The region of that account."}),
        "price_scope": nullable(scope),
        "placement": nullable(ref("Placement")),
    }


def placement() -> Schema:
    """Describe where a job may run, as ``Placement.view`` shows it."""
    shape = closed({"account": nullable(TEXT), "tags": {"type": "object", "additionalProperties": TEXT}})
    return {**shape, "description": "The only account that may make it, and the tags that its account must have."}


def group_place() -> Schema:
    """Describe which job of a group a job is."""
    place = {"type": "integer", "minimum": 1, "description": "Its place, from 1."}
    return closed({"id": GROUP_ID, "place": place, "size": {"type": "integer"}})


def video_group(one: Schema) -> Schema:
    """Describe a group as ``groups.view`` shows it."""
    return closed(
        {
            "id": GROUP_ID,
            "object": {"const": "video.group"},
            "status": choice(sorted({job.openai_status(state) for state in job.JobState})),
            "n": {"type": "integer", "description": "How many jobs it was created with; `data` has those that exist."},
            "created_at": SECONDS_SINCE_EPOCH,
            "estimated_cost": USD,
            "cost": nullable({"type": "number"}),
            "currency": {"const": "USD"},
            "data": {"type": "array", "items": one},
        }
    )


def job_error() -> Schema:
    """Describe why a job ended without a video; ``vendor_code`` and ``vendor_message`` are DashScope's own."""
    names = ("code", "message", "remedy", "vendor_code", "vendor_message")
    return closed(dict.fromkeys(names, TEXT), required=names[:3])


def stored_file() -> Schema:
    """Describe a file in the results bucket."""
    address = {"type": "string", "format": "uri", "description": "Redirects to a presigned URL; needs your API key."}
    return closed({"bytes": {"type": "integer"}, "sha256": TEXT, "content_type": TEXT, "s3": TEXT, "content": address})


def video_list() -> Schema:
    """Describe a page of jobs, in the format of OpenAI."""
    identity = nullable(JOB_ID)
    return closed(
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
    answer = closed({"answer": choice(["cancelled", "too_late", "already_finished"]), "message": TEXT})
    return {"allOf": [ref("Video"), {"type": "object", "properties": {"cancel": answer}, "required": ["cancel"]}]}


def problem() -> Schema:
    """Describe a refusal, in the format of RFC 9457."""
    return closed(
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
    return closed({**place, "detail": TEXT, "remedy": TEXT}, required=("detail", "remedy"))


def budget() -> Schema:
    """Describe the cap that has no room for a job."""
    return closed(
        {
            "of": choice(["stack", "client", "account"]),
            "period": choice([period.value for period in Period]),
            "cap": USD,
            "used": {**USD, "description": "Reserved or spent, in US dollars."},
            "estimated_cost": USD,
            "currency": {"const": "USD"},
            "resets_at": {"type": "string", "format": "date-time"},
        }
    )


def openai_error() -> Schema:
    """Describe the same refusal, in the format of OpenAI."""
    inner = closed({"message": TEXT, "type": TEXT, "param": nullable(TEXT), "code": TEXT})
    return closed({"error": inner})


def cost_detail() -> Schema:
    """Describe the arithmetic of an estimate."""
    seconds = {"type": "number", "minimum": 0}
    return closed(
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
    medium = closed({"field": TEXT, "type": TEXT, "noun": TEXT, "minimum": whole, "maximum": whole, "limits": rules})
    price = closed({"resolution": TEXT, "usd_per_second": USD, "scope": TEXT, "seen": TEXT, "source": TEXT})
    prompt = closed({"is_required": {"type": "boolean"}, "max_characters": whole})
    return closed(
        {
            "id": TEXT,
            "object": {"const": "model"},
            "created": SECONDS_SINCE_EPOCH,
            "owned_by": TEXT,
            "kind": choice([kind.value for kind in models.Kind]),
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
    source = {**TEXT, "description": "What another request can name it by; null for a dropped file."}
    return closed({"field": TEXT, **facts, "source": nullable(source)}, required=("field",))
