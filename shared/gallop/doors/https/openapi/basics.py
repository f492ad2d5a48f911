"""JSON Schemas that others are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Schema = dict[str, Any]

JOB_ID = {"type": "string", "pattern": "^job_[a-z2-7]{26}$"}
GROUP_ID = {"type": "string", "pattern": "^grp_[a-z2-7]{25}a$"}
JOB_OR_GROUP_ID = {"type": "string", "pattern": "^(job_[a-z2-7]{26}|grp_[a-z2-7]{25}a)$"}
SECONDS_SINCE_EPOCH = {"type": "integer", "description": "Seconds since the epoch."}
USD = {"type": "number", "minimum": 0, "description": "US dollars."}
TEXT = {"type": "string"}
URI = {"type": "string", "format": "uri"}


def ref(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def choice(values: Iterable[str]) -> Schema:
    """Describe a text that is one of a few."""
    return {"type": "string", "enum": list(values)}


def closed(properties: Mapping[str, Schema], required: tuple[str, ...] | None = None) -> Schema:
    """Describe an object without other fields; all are required unless ``required`` names them."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def either(one: Schema, other: Schema) -> Schema:
    """Describe a value that is one of two."""
    return {"anyOf": [one, other]}


def nullable(schema: Schema) -> Schema:
    """Describe a value that may also be null."""
    return {"anyOf": [schema, {"type": "null"}]}
