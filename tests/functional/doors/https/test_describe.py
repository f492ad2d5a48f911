"""The API description is served as files: fast, compressed and without any active content."""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from gallop import __version__
from gallop.doors.https.openapi import document

from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox

FOLDER = ROOT / "functions" / "describe"
TYPES = {
    "/openapi.json": ("openapi.json", "application/json"),
    "/docs": ("docs.html", "text/html"),
    "/docs/style.css": ("style.css", "text/css"),
}
# As Lambda imports the function: only its own folder is on the path.
IMPORT = "import sys; sys.path.append(sys.argv[1]); import app; print(*sys.modules)"
LARGEST_PAGE = 110_000
SCHEMAS = document(__version__)["components"]["schemas"]
OPERATIONS = [
    pytest.param(method, path, operation, id=operation["operationId"])
    for path, methods in document(__version__)["paths"].items()
    for method, operation in methods.items()
]


def ask(sandbox: Sandbox, path: str, **headers: str) -> Any:  # noqa: ANN401 - JSON
    """Request a path."""
    event = json.loads((ROOT / "events" / "describe-docs.json").read_text(encoding="utf-8"))
    event["rawPath"] = path
    event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return sandbox.invoke("DescribeFunction", event)


def text_of(element: ET.Element) -> str:
    """Return all text within an element."""
    return "".join(element.itertext())


@pytest.fixture(scope="module")
def page() -> ET.Element:
    """Return the page as a tree; void elements are closed for the parser."""
    html = (FOLDER / "docs.html").read_text(encoding="utf-8").removeprefix("<!DOCTYPE html>")
    return ET.fromstring(re.sub(r"(<(?:meta|link) [^>]*[^/])>", r"\1/>", html))


@pytest.fixture(scope="module")
def sections(page: ET.Element) -> dict[str, ET.Element]:
    """Return every element that has an anchor, by anchor."""
    return {element.attrib["id"]: element for element in page.iter() if "id" in element.attrib}


def test_it_loads_the_standard_library_only() -> None:
    """Neither a product module nor an SDK is loaded: the function's own folder is enough."""
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT, str(FOLDER)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout
    loaded = {name.partition(".")[0] for name in printed.split()}
    assert {"app", "__main__"} == loaded - sys.stdlib_module_names


def test_it_needs_no_layer(sandbox: Sandbox) -> None:
    """The template attaches none."""
    assert () == sandbox.stack.deployment.functions["DescribeFunction"].layers


@pytest.mark.parametrize("path", TYPES)
def test_each_file_is_served_as_it_is(path: str, sandbox: Sandbox) -> None:
    """It has its media type, a cache lifetime and the request's id."""
    name, media_type = TYPES[path]
    answer = ask(sandbox, path)
    assert (FOLDER / name).read_text(encoding="utf-8") == answer["body"]
    headers = {"Content-Type": media_type, "Cache-Control": "max-age=300", "x-request-id": "UVhLmgYfliAEPsQ="}
    assert headers.items() <= answer["headers"].items()


@pytest.mark.parametrize("path", [*TYPES, "/docs/unknown"])
def test_clients_that_accept_gzip_get_it(path: str, sandbox: Sandbox) -> None:
    """The content is the same, compressed."""
    plain, answer = ask(sandbox, path), ask(sandbox, path, accept_encoding="br, gzip, deflate")
    assert plain["body"] == gzip.decompress(base64.b64decode(answer["body"])).decode()
    assert "gzip" == answer["headers"]["Content-Encoding"]
    assert answer["isBase64Encoded"]


@pytest.mark.parametrize("name", ["../app.py", "app.py", "docs.html", "", "style.css/.."])
def test_no_other_file_is_served(name: str, sandbox: Sandbox) -> None:
    """A name is looked up, never joined to a path; an unknown one gets the usual 404."""
    answer = ask(sandbox, f"/docs/{name}")
    assert (404, "application/problem+json") == (answer["statusCode"], answer["headers"]["Content-Type"])
    assert "no_such_route" == json.loads(answer["body"])["code"]


def test_the_page_may_load_its_style_only(page: ET.Element, sandbox: Sandbox) -> None:
    """The page works without internet access, runs no code and sends nothing about its reader."""
    assert "default-src 'none'; style-src 'self'" in ask(sandbox, "/docs")["headers"]["Content-Security-Policy"]
    names = ("src", "href", "style", "action")
    addresses = {value for element in page.iter() for name, value in element.attrib.items() if name in names}
    assert {"docs/style.css", "openapi.json"} == {address for address in addresses if not address.startswith("#")}
    assert {"link", "meta", "title"} == {element.tag for element in page.find("head") or ()}


def test_the_page_is_small() -> None:
    """Anyone may fetch it, and traffic out of AWS costs money."""
    assert LARGEST_PAGE > len((FOLDER / "docs.html").read_bytes())


def test_internal_links_work(page: ET.Element, sections: dict[str, ET.Element]) -> None:
    """Every link within the page has its anchor, and anchors are unique."""
    links = {element.attrib["href"][1:] for element in page.iter("a") if element.attrib["href"].startswith("#")}
    assert set() == links - sections.keys()
    assert len(sections) == len([element for element in page.iter() if "id" in element.attrib])


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_route_is_shown(
    method: str, path: str, operation: dict[str, Any], sections: dict[str, ET.Element]
) -> None:
    """It has its summary, parameters, bodies and answers."""
    shown = text_of(sections[operation["operationId"]])
    expected = [method.upper(), path, operation["summary"], *operation["responses"]]
    expected += [parameter["name"] for parameter in operation.get("parameters", [])]
    expected += [schema.rpartition("/")[2] for schema in references(operation)]
    assert [] == [part for part in expected if part not in shown]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_is_shown(name: str, sections: dict[str, ET.Element]) -> None:
    """Fields of nested objects are shown, too."""
    shown = text_of(sections[f"schema-{name}"])
    assert [] == [field for field in properties(SCHEMAS[name]) if field not in shown]


def references(content: Any) -> Iterator[str]:  # noqa: ANN401 - any part of the document
    """Yield the schemas that a part of the document points at."""
    if isinstance(content, dict):
        yield from (value for name, value in content.items() if name == "$ref")
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for part in inner:
        yield from references(part)


def properties(schema: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a schema
    """Yield the names of all fields, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for part in inner:
        yield from properties(part)
