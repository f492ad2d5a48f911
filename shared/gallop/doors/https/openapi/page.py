"""The OpenAPI document as one readable HTML page, without scripts and without external resources."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from gallop.doors.https.openapi import shapes
from gallop.doors.https.openapi.markup import (
    Node,
    code,
    document,
    element,
    joined,
    json_listing,
    link,
    listing,
    paragraphs,
    prose,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

_VARIABLES = "The examples use two variables: `GALLOP_URL` is the address of this API, `GALLOP_KEY` is your API key."
_REFUSALS = "Error codes are stable. A refused request costs nothing."


def page(described: Mapping[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    info = described["info"]
    name = f"{info['title']} {info['version']}"
    head: list[Node] = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{name}: HTTPS API"),
        element("link", rel="stylesheet", href="docs/style.css"),
    ]
    skip = element("a", "Skip to the routes", href="#routes", class_="skip")
    introduction: list[Node] = [element("h1", name), *paragraphs(info["description"].strip())]
    introduction += [element("p", *prose(_VARIABLES)), element("p", link("openapi.json", "OpenAPI document (JSON)"))]
    sections = [_routes(described), _errors(described), _schemas(described)]
    parts = [element("header", "\n", *introduction), _contents(described), element("main", "\n", *sections)]
    return document(head, [skip, "\n", *parts])


def _operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _contents(described: Mapping[str, Any]) -> Element:
    tags: dict[str, list[Node]] = {}
    for method, path, operation in _operations(described):
        entry = link(f"#{operation['operationId']}", _method(method), " ", code(path))
        tags.setdefault(operation["tags"][0], []).append(element("li", entry))
    content: list[Node] = ["\n"]
    for tag, entries in tags.items():
        content += [element("h2", tag), element("ul", "\n", *entries)]
    others = [element("li", link(f"#{name.lower()}", name)) for name in ("Errors", "Schemas")]
    content += [element("h2", "Reference"), element("ul", "\n", *others)]
    return element("nav", *content, aria_label="Contents")


def _routes(described: Mapping[str, Any]) -> Element:
    operations = [_operation(*parts) for parts in _operations(described)]
    return element("section", "\n", element("h2", "Routes"), *operations, id="routes")


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Element:
    content: list[Node] = [
        element("h3", _method(method), " ", code(path)),
        element("p", operation["summary"], ". ", *prose(operation["description"])),
        listing(_command(method, path, operation)),
    ]
    if parameters := operation.get("parameters"):
        content += [element("h4", "Parameters"), _parameters(parameters)]
    if body := operation.get("requestBody"):
        content += [element("h4", "Body"), _body(body["content"])]
    answers = sorted(operation["responses"].items())
    content += [element("h4", "Answers"), *(_answer(status, answer) for status, answer in answers)]
    return element("section", "\n", *content, id=operation["operationId"], class_="route")


def _parameters(parameters: list[dict[str, Any]]) -> Element:
    content: list[Node] = ["\n"]
    for parameter in parameters:
        described = {"description": parameter["description"]} if "description" in parameter else {}
        content += [
            shapes.term(parameter["name"], parameter["in"], is_required=parameter.get("required", False)),
            element("dd", *shapes.details({**parameter["schema"], **described})),
        ]
    return element("dl", *content)


def _body(content: Mapping[str, Any]) -> Element:
    return element("ul", "\n", *(element("li", *_media(media, body)) for media, body in content.items()))


def _media(media_type: str, body: Mapping[str, Any]) -> list[Node]:
    return [code(media_type), ": ", *shapes.shape(body["schema"])]


def _answer(status: str, answer: Mapping[str, Any]) -> Element:
    content: list[Node] = ["\n", element("summary", element("strong", status), " ", *prose(answer["description"]))]
    for name, header in answer.get("headers", {}).items():
        content.append(element("p", "Header ", code(name), ": ", *shapes.details({**header["schema"], **header})))
    for media_type, body in answer.get("content", {}).items():
        content.append(element("p", "Body ", *_media(media_type, body)))
        if "example" in body:
            content.append(json_listing(body["example"]))
        if shown := body.get("examples"):
            links = joined(([link(f"#error-{name}", code(name))] for name in shown), ", ")
            content.append(element("p", "Example: ", *links))
    return element("details", *content, **({"open": "open"} if status < "400" else {}))


def _errors(described: Mapping[str, Any]) -> Element:
    # The same refusal looks the same on every route.
    shown = {
        name: example["value"]
        for _, _, operation in _operations(described)
        for answer in operation["responses"].values()
        for body in answer.get("content", {}).values()
        for name, example in body.get("examples", {}).items()
    }
    refusals = [
        element("section", "\n", element("h3", code(name)), json_listing(shown[name]), id=f"error-{name}")
        for name in sorted(shown)
    ]
    return element("section", "\n", element("h2", "Errors"), element("p", _REFUSALS), *refusals, id="errors")


def _schemas(described: Mapping[str, Any]) -> Element:
    components = described["components"]["schemas"]
    sections = [
        element("section", "\n", element("h3", name), *_schema(schema), id=shapes.anchor(name))
        for name, schema in components.items()
    ]
    return element("section", "\n", element("h2", "Schemas"), *sections, id="schemas")


def _schema(schema: Mapping[str, Any]) -> list[Node]:
    if "properties" not in schema:
        return [element("p", *shapes.shape(dict(schema)))]
    content = paragraphs(schema["description"]) if "description" in schema else []
    return [*content, shapes.fields(dict(schema))]


def _command(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parts = [f'curl "$GALLOP_URL{path.replace("{id}", "$ID")}"']
    if method != "get":
        parts[0] = parts[0].replace("curl", f"curl -X {method.upper()}")
    if operation.get("security") != []:
        parts.append('-H "Authorization: Bearer $GALLOP_KEY"')
    if body := operation.get("requestBody"):
        example = body["content"]["application/json"].get("example")
        sent = "@request.json" if example is None else shlex.quote(json.dumps(example, ensure_ascii=False, indent=2))
        parts += ['-H "Content-Type: application/json"', f"-d {sent}"]
    if "302" in operation["responses"]:
        parts.append("-L -o video.mp4")
    return " \\\n  ".join(parts)


def _method(method: str) -> Element:
    return element("b", method.upper(), class_=method)
