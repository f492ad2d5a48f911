"""Writes the descriptions of the tools: ``python -m gallop.doors.mcp.catalogue functions/mcp``. `make docs` runs it.

Their schemas are those of the OpenAPI document, so that a tool and its route take the same fields.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gallop.doors.https.openapi import schemas
from gallop.doors.https.openapi.basics import TEXT, Schema, closed, either, nullable, ref
from gallop.doors.https.openapi.request_schemas import video_request
from gallop.doors.https.openapi.routes import NATIVE
from gallop.doors.mcp import arguments, tools

if TYPE_CHECKING:
    from gallop.domain.fields import Field

FILE = "tools.json"
_REPETITION = (
    "Whether an earlier call made it, even if it has failed since; `again` makes another. Null in a task's result."
)
_MADE: dict[str, Schema] = {"is_repetition": nullable({"type": "boolean", "description": _REPETITION})}
_COMPONENTS, _DEFINITIONS = "#/components/schemas/", "#/$defs/"


def catalogue() -> list[dict[str, Any]]:
    """Return the description of each tool."""
    return [*_of_making(), *_of_watching(), _of_cancelling()]


def _of_making() -> list[dict[str, Any]]:
    return [
        _tool(
            "price_video",
            "Price a video",
            "Returns what a video would cost, in US dollars, and checks the request. Free; makes nothing. Call it "
            "before make_video, with the same arguments.",
            _of_a_video(),
            ref("Estimate"),
            # It may look into files at addresses of others.
            {"readOnlyHint": True, "openWorldHint": True},
        ),
        _tool(
            "make_video",
            "Make a video",
            "Makes a video, which costs money, and returns at once with its `id`. Then call wait_for_video. Images and "
            "videos are addresses (https), small images also data URLs; a local file must be uploaded first. The same "
            "request within 10 minutes is the same video and charged once, unless `again` is true. With `n` above 1 it "
            "makes several takes, each charged, and returns them under `data`: wait for each `id`.",
            _of_a_video(arguments.MAX_COST, arguments.AGAIN),
            either(_shown(_MADE), _group()),
            {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": True, "openWorldHint": True},
        ),
    ]


def _of_watching() -> list[dict[str, Any]]:
    reads = {"readOnlyHint": True, "openWorldHint": False}
    return [
        _tool(
            "get_video",
            "Get a video",
            "Returns a video as it is now: its state, its place in the queue, its cost and, once it has succeeded, "
            "`video_url`, where it can be fetched for an hour.",
            _own(arguments.ID),
            _shown({}),
            reads,
        ),
        _tool(
            "wait_for_video",
            "Wait for a video",
            "Returns a video when it has ended, or after 25 seconds at the latest: then call it again. A video takes "
            "1 to 5 minutes, longer if others are before it in the queue.",
            _own(arguments.ID, arguments.SECONDS),
            _shown({}),
            reads,
        ),
        _tool(
            "list_videos",
            "List videos",
            f"Returns your videos, newest first, {tools.LISTED} at a time; `has_more` says whether others follow.",
            _of_a_list(),
            ref("VideoList"),
            reads,
        ),
    ]


def _of_cancelling() -> dict[str, Any]:
    return _tool(
        "cancel_video",
        "Cancel a video",
        "Cancels a video without a charge, if DashScope has not started it; `cancel.answer` says whether it was "
        "possible. A running video continues and is charged.",
        _own(arguments.ID),
        ref("CancelledVideo"),
        {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True, "openWorldHint": False},
    )


def _tool(  # noqa: PLR0913, PLR0917 - the parts of a description, each used once
    name: str, title: str, description: str, takes: Schema, returns: Schema, hints: dict[str, bool]
) -> dict[str, Any]:
    output = {"type": "object", "anyOf": [returns, ref("Problem")]}
    return {
        "name": name,
        "title": title,
        "description": description,
        "inputSchema": takes,
        "outputSchema": _alone(output),
        "annotations": {"title": title, **hints},
    }


def _of_a_video(*own: Field) -> Schema:
    schema = video_request()
    fields = {name: field for name, field in schema["properties"].items() if name != "dry_run"}
    return {**schema, "properties": {**fields, **_properties(*own)}}


def _own(*fields: Field) -> Schema:
    required = tuple(field.name for field in fields if isinstance(field, arguments.JobId))
    return closed(_properties(*fields), required=required)


def _properties(*fields: Field) -> dict[str, Schema]:
    return {field.name: _property(field) for field in fields}


def _property(field: Field) -> Schema:
    default = {} if field.default is None else {"default": field.default}
    return {**field.schema(), **default, "description": field.description}


def _of_a_list() -> Schema:
    (route,) = (route for route in NATIVE if (route.method, route.path) == ("get", "/v1/videos"))
    found = {one["name"]: {**one["schema"], "description": one["description"]} for one in route.parameters}
    found["limit"]["default"] = tools.LISTED
    return closed({name: found[name] for name in tools.LIST_FIELDS}, required=())


def _shown(more: dict[str, Schema]) -> Schema:
    """Describe a job as the tools show it."""
    link = {**TEXT, "description": "Where anyone can fetch the video, for an hour."}
    wait = {"type": "integer", "description": "Seconds until you should ask again."}
    added = {"video_url": nullable(link), "poll_after_seconds": nullable(wait), **more}
    return {"allOf": [ref("Video"), {"type": "object", "properties": added, "required": list(added)}]}


def _group() -> Schema:
    """Describe a group as ``make_video`` shows it."""
    group = schemas.video_group(_shown({}))
    return {**group, "properties": {**group["properties"], **_MADE}, "required": [*group["required"], *_MADE]}


def _alone(schema: Schema) -> Schema:
    """Return a schema that contains the components that it refers to."""
    components, found, waiting = schemas.components(), dict[str, Schema](), [schema]
    while waiting:
        for name in _names_in(waiting.pop()) - found.keys():
            found[name] = components[name]
            waiting.append(components[name])
    whole = {**schema, "$defs": {name: found[name] for name in sorted(found)}}
    alone: Schema = json.loads(json.dumps(whole).replace(_COMPONENTS, _DEFINITIONS))
    return alone


def _names_in(schema: object) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["$ref"].removeprefix(_COMPONENTS)} if "$ref" in schema else set()
        return own.union(*(_names_in(inner) for inner in schema.values()))
    return set().union(*(_names_in(inner) for inner in schema)) if isinstance(schema, list) else set()


def text() -> str:
    """Return the file."""
    return json.dumps(catalogue(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / FILE).write_text(text(), encoding="utf-8")
