"""JSON Schema as readable text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop.doors.https.openapi.markup import code, element, joined, link, prose

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from gallop.doors.https.openapi.basics import Schema
    from gallop.doors.https.openapi.markup import Node

_NULL = {"type": "null"}
# What a pair of limits bounds, by the type of the value.
_BOUNDS = {
    "string": ("minLength", "maxLength", " characters"),
    "array": ("minItems", "maxItems", " items"),
    "integer": ("minimum", "maximum", ""),
    "number": ("minimum", "maximum", ""),
}


def anchor(name: str) -> str:
    """Return the id of a schema's section."""
    return f"schema-{name}"


def fields(schema: Schema) -> Element:
    """Return the fields of an object, each with its shape and description."""
    required = schema.get("required", ())
    content: list[Node] = ["\n"]
    for name, field in schema.get("properties", {}).items():
        content += [term(name, is_required=name in required), element("dd", *details(field))]
    return element("dl", *content)


def term(name: str, place: str = "", *, is_required: bool) -> Element:
    """Return what introduces a field or parameter; ``place`` is where it is sent, if that must be named."""
    content: list[Node] = [code(name)]
    if place:
        content += [" ", element("small", place)]
    if is_required:
        content += [" ", element("strong", "required")]
    return element("dt", *content)


def details(schema: Schema) -> list[Node]:
    """Return a shape, its description, and the fields within it."""
    inner, is_nullable = _without_null(schema)
    nodes = _shape(inner, with_fields=False)
    if is_nullable:
        nodes += [", or ", code("null")]
    if "default" in inner:
        nodes += [", default ", _value(inner["default"])]
    if "description" in inner:
        nodes += [". ", *prose(inner["description"])]
    if "properties" in inner:
        nodes.append(fields(inner))
    return nodes


def shape(schema: Schema) -> list[Node]:
    """Return what a value looks like, all of it in one phrase."""
    inner, is_nullable = _without_null(schema)
    nodes = _shape(inner, with_fields=True)
    if inner.get("type") == "string" and "description" in inner:
        # Better than a pattern.
        nodes = ["string: ", *prose(inner["description"])]
    return [*nodes, ", or ", code("null")] if is_nullable else nodes


def _shape(schema: Schema, *, with_fields: bool) -> list[Node]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return [link(f"#{anchor(name)}", name)]
    for key, separator in (("anyOf", ", or "), ("allOf", ", and ")):
        if key in schema and "properties" not in schema:
            return joined((shape(part) for part in schema[key]), separator)
    if "const" in schema:
        return [_value(schema["const"])]
    if "enum" in schema:
        return ["one of ", *joined(([_value(value)] for value in schema["enum"]), ", ")]
    return [*_kind(schema, with_fields=with_fields), *_limits(schema)]


def _kind(schema: Schema, *, with_fields: bool) -> list[Node]:
    if "items" in schema:
        return ["array of ", *shape(schema["items"])]
    if "properties" in schema and with_fields:
        required = schema.get("required", ())
        parts = (
            [code(name), " (", *shape(field), "" if name in required else ", optional", ")"]
            for name, field in schema["properties"].items()
        )
        return ["object with ", *joined(parts, ", ")]
    if isinstance(schema.get("additionalProperties"), dict):
        return ["object, each value a ", *shape(schema["additionalProperties"])]
    if "required" in schema and "properties" not in schema:
        return ["object with ", *joined(([code(name)] for name in schema["required"]), ", ")]
    return [schema.get("type", "any value")]


def _limits(schema: Schema) -> list[Node]:
    nodes: list[Node] = []
    if "format" in schema:
        nodes.append(f" ({schema['format']})")
    low, high, unit = _BOUNDS.get(schema.get("type", ""), ("", "", ""))
    match schema.get(low), schema.get(high):
        case None, None:
            pass
        case least, None:
            nodes.append(f", at least {least:,}{unit}")
        case None, greatest:
            nodes.append(f", at most {greatest:,}{unit}")
        case least, greatest:
            nodes.append(f", {least:,} to {greatest:,}{unit}")
    if "pattern" in schema:
        nodes += [", matches ", code(schema["pattern"])]
    return nodes


def _value(value: object) -> Element:
    return code(json.dumps(value, ensure_ascii=False))


def _without_null(schema: Schema) -> tuple[Schema, bool]:
    options: list[dict[str, Any]] = schema.get("anyOf", [])
    others = [option for option in options if option != _NULL]
    if len(options) == len(others) or "properties" in schema:
        return schema, False
    (inner,) = others
    return inner, True
