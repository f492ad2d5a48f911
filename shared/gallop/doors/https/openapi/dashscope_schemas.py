"""The schemas of DashScope's protocol, as its clients know them (fact sheet §1 to §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.dashscope import task
from gallop.domain.request.dialects import WORDS, Dialect
from gallop.domain.request.own_fields import PRIORITY
from gallop.domain.request.parameters import in_dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.domain.fields import Field

Schema = dict[str, Any]

_TEXT = {"type": "string"}
_TIME = {"type": "string", "description": "UTC+8, to the millisecond."}
_MILLISECONDS = {"type": "integer", "description": "Milliseconds since the epoch."}
_STATUS = {"type": "string", "enum": list(task.STATUSES)}
_REQUEST_ID = {"request_id": _TEXT}


def components() -> dict[str, Schema]:
    """Return the components by name."""
    return {
        "DashScopeRequest": _request(),
        "DashScopeSubmitted": _open({**_REQUEST_ID, "output": _open({"task_id": _TEXT, "task_status": _STATUS})}),
        "DashScopeTask": _task(),
        "DashScopeTaskList": _task_list(),
        "DashScopeCancelled": _open(_REQUEST_ID),
        "DashScopeError": _open({"code": _TEXT, "message": _TEXT, **_REQUEST_ID}),
    }


def _request() -> Schema:
    media_types = sorted({medium.type for model in models.MODELS.values() for medium in model.media})
    words = WORDS[Dialect.DASHSCOPE]
    item = _open(
        {
            "type": {"type": "string", "enum": media_types},
            "url": {"type": "string", "description": f"`{words.references}`; a video: `{words.clips}`."},
        }
    )
    media = {"type": "array", "items": item, "description": "What the model takes: see `GET /v1/models`."}
    prompt = {"type": "string", "description": "`[Image 1]` refers to the first image."}
    model = {"type": "string", "enum": list(models.MODELS)}
    inside = {**_open({"prompt": prompt, "media": media}), "required": []}
    body = _open({"model": model, "input": inside, "parameters": _parameters()})
    return {**body, "required": ["model", "input"]}


def _parameters() -> Schema:
    choices = {variants[0].vendor: _parameter(variants) for variants in models.parameters().values()}
    own = {"description": "Gallop's own: DashScope has no such parameter."}
    return {**_open({**choices, PRIORITY.name: {**PRIORITY.schema(), **own}}), "required": []}


def _parameter(variants: list[Field]) -> Schema:
    found = [in_dialect(variant, Dialect.DASHSCOPE) for variant in variants]
    schemas = list({str(variant.schema()): variant.schema() for variant in found}.values())
    default = {} if found[0].default is None else {"default": found[0].default}
    return {**schemas[0], **default} if len(schemas) == 1 else {"anyOf": schemas, **default}


def _task() -> Schema:
    output = _open(
        {
            "task_id": _TEXT,
            "task_status": _STATUS,
            "submit_time": _TIME,
            "scheduled_time": _TIME,
            "end_time": _TIME,
            "orig_prompt": _TEXT,
            "video_url": {"type": "string", "description": "A presigned URL of your own bucket."},
            "provenance": {"anyOf": [{"$ref": "#/components/schemas/Provenance"}, {"type": "null"}]},
            "code": {"type": "string", "description": "Why the task failed."},
            "message": _TEXT,
        }
    )
    usage = {"type": "object", "additionalProperties": True, "description": "What DashScope charged, once it has."}
    whole = _open({**_REQUEST_ID, "output": {**output, "required": ["task_id", "task_status"]}, "usage": usage})
    return {**whole, "required": ["request_id", "output"]}


def _task_list() -> Schema:
    times = dict.fromkeys(("gmt_create", "start_time", "end_time"), _MILLISECONDS)
    entry = _open({"task_id": _TEXT, "status": _STATUS, "model_name": _TEXT, "request_id": _TEXT, **times})
    entry["required"] = ["task_id", "status", "model_name", "gmt_create"]
    counts: dict[str, Schema] = {name: {"type": "integer"} for name in ("total", "total_page", "page_no", "page_size")}
    return _open({**_REQUEST_ID, **counts, "data": {"type": "array", "items": entry}})


def _open(properties: Mapping[str, Schema]) -> Schema:
    """Describe an object that may have other fields, too: DashScope ignores and adds some."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": True,
    }
