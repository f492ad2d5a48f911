"""The OpenAPI document describes what the door does: routes, bodies, answers and refusals."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from gallop import __version__
from gallop.domain import groups, models, views
from gallop.domain.errors import InvalidRequest
from gallop.domain.job import JobState
from gallop.domain.request.idempotency import fingerprint_of
from gallop.domain.request.reader import read
from gallop.domain.request.request import RequestDefaults
from gallop.doors.https.openapi import document, examples
from gallop.doors.https.openapi.files import files
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.support.jobs import START, a_job
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = stack.ROOT / "functions" / "describe"
GROUND = RequestDefaults("1.0", "inbox", "ada", (), takes_n=True)
IMAGE = "https://example.com/cat.jpg"
PLAIN = {"prompt": "A cat.", "images": [IMAGE]}
OF_THE_DESCRIPTION = {"ANY /openapi.json", "ANY /docs", "ANY /docs/{name}"}
OF_THE_PAGE = {"ANY /app", "ANY /app/{name}"}
OF_NO_CLIENT = {"POST /events/dashscope"}
# The Model Context Protocol describes itself.
OF_AGENTS = {"POST /mcp"}
METADATA: tuple[object, ...] = ({}, {"a": [1]}, [], "text", None)
# Valid and invalid values of a field: the schema and the code must agree on each.
BODIES: list[dict[str, Any]] = [
    PLAIN,
    {},
    {"prompt": "A cat."},
    {**PLAIN, "prompt": ""},
    {**PLAIN, "prompt": " \n"},
    {**PLAIN, "prompt": None},
    {**PLAIN, "prompt": "a" * 5000},
    {**PLAIN, "prompt": "a" * 5001},
    {**PLAIN, "images": []},
    {**PLAIN, "images": IMAGE},
    {**PLAIN, "images": [IMAGE] * 9},
    {**PLAIN, "images": [IMAGE] * 10},
    {**PLAIN, "images": ["ftp://example.com/cat.jpg"]},
    {**PLAIN, "images": ["upload_" + "a" * 26]},
    {**PLAIN, "images": ["s3://inbox/uploads/cat.jpg"]},
    {**PLAIN, "images": [7]},
    {"prompt": "A cat.", "input_reference": {"image_url": IMAGE}},
    {"prompt": "A cat.", "input_reference": {"image_url": IMAGE, "file_id": IMAGE}},
    {"prompt": "A cat.", "input_reference": [IMAGE, {"file_id": "upload_" + "a" * 26}]},
    {"prompt": "A cat.", "media": [{"type": "reference_image", "url": IMAGE}]},
    {"prompt": "A cat.", "media": [{"type": "video", "url": IMAGE}]},
    {"prompt": "A cat.", "media": [{"url": IMAGE, "more": 1}]},
    {"first_frame": IMAGE},
    {"prompt": "A cat.", "video": IMAGE, "images": [IMAGE] * 5, "audio": "origin"},
    {"prompt": "A cat.", "video": f"data:video/mp4;base64,{'A' * 8}"},
    {"prompt": "A cat.", "first_frame": [IMAGE, IMAGE]},
    *({**PLAIN, "model": model} for model in (*models.MODELS, "sora-2", 5, None)),
    *({**PLAIN, "resolution": value} for value in ("720P", "1080P", "720p", "4K", None)),
    *({**PLAIN, "ratio": value} for value in (*models.RATIOS, "2:1", None)),
    *({**PLAIN, "duration": value} for value in (2, 3, 5.0, 5.5, 15, 16, "5", True, None)),
    *({**PLAIN, "seconds": value} for value in (2, 3, "5", "abc", 16, None)),
    *({**PLAIN, "seed": value} for value in (-1, 0, 2_147_483_647, 2_147_483_648, "1", None)),
    *({**PLAIN, "n": value} for value in (0, 1, 4, 5, "2", True, None)),
    *({**PLAIN, "watermark": value} for value in (True, False, "true", 0, None)),
    *({**PLAIN, "size": value} for value in ("1280x720", "1x1", 5, None)),
    *({**PLAIN, "metadata": value} for value in METADATA),
    {**PLAIN, "promt": "A cat."},
]
# What the schema of all models allows, and the model of the request does not.
OF_ITS_MODEL: list[dict[str, Any]] = [
    {},
    {**PLAIN, "prompt": ""},
    {**PLAIN, "prompt": " \n"},
    {"prompt": "A cat.", "media": [{"type": "video", "url": IMAGE}], "duration": 5},
    *({**PLAIN, "model": model.id} for model in models.MODELS.values() if model.kind is not models.Kind.R2V),
    {**PLAIN, "audio": "origin"},
    {**PLAIN, "resolution": "480P"},
    {"prompt": "A cat.", "first_frame": IMAGE, "ratio": "16:9"},
    {"prompt": "A cat.", "first_frame": IMAGE, "images": [IMAGE]},
]
BODIES += [body for body in OF_ITS_MODEL if body not in BODIES]


@cache
def components() -> dict[str, Any]:
    """Return the schemas of the document."""
    found: dict[str, Any] = document(__version__)["components"]["schemas"]
    return found


def validator(name: str) -> Draft202012Validator:
    """Return the validator of a component."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": components()}})


def is_accepted(body: dict[str, Any]) -> bool:
    """Return whether the door accepts a body; every image is valid."""
    try:
        read(body, GROUND, lambda _, source, _rules: source)
    except InvalidRequest:
        return False
    return True


def test_the_document_is_valid() -> None:
    """Any tool can read it."""
    validate(document(__version__))


def test_the_documents_routes_are_those_of_the_template() -> None:
    """Neither has a route that the other lacks. The routes of DashScope's protocol share a path."""
    described = {
        f"{method.upper()} {path}" for path, methods in document(__version__)["paths"].items() for method in methods
    }
    events = [
        event["Properties"]
        for resource in stack.written()["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Path" in event["Properties"]
    ]
    there = {f"{event['Method']} {event['Path']}".replace("ANY /health", "GET /health") for event in events}
    shared = {route.removesuffix("{proxy+}") for route in there if route.endswith("{proxy+}")}
    open_to_all = OF_THE_DESCRIPTION | OF_THE_PAGE | OF_NO_CLIENT
    own = {route for route in there if not route.endswith("{proxy+}")} - open_to_all - OF_AGENTS
    assert described - {route for route in described if route.startswith(tuple(shared))} == own
    assert shared == {prefix for prefix in shared if any(route.startswith(prefix) for route in described)}


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_the_schema_and_the_code_agree(body: dict[str, Any]) -> None:
    """The door accepts what the schema allows, and refuses what it forbids, except for what depends on the model."""
    assert is_accepted(dict(body)) == (validator("VideoRequest").is_valid(body) and body not in OF_ITS_MODEL)


def test_generators_understand_every_object() -> None:
    """Free objects are open, choices have a type, and no object with properties has alternatives."""
    nodes = [node for node in everything(document(__version__)) if isinstance(node, dict)]
    assert [] == [node for node in nodes if node.get("type") == "object" and node.keys() <= {"type", "description"}]
    assert [] == [node for node in nodes if isinstance(node.get("enum"), list) and "type" not in node]
    assert [] == [node for node in nodes if "properties" in node and "anyOf" in node]


def test_a_create_without_a_key_is_nothing_that_a_generated_client_does() -> None:
    """A repetition of a create must not be a second charge by default."""
    (key, *_) = document(__version__)["paths"]["/v1/videos"]["post"]["parameters"]
    assert ("Idempotency-Key", True) == (key["name"], key["required"])


def test_no_default_is_more_than_the_door_adds() -> None:
    """A client that sends every default creates the same job as one that sends none."""
    inner = {name: field.get("anyOf", [field])[0] for name, field in components()["VideoRequest"]["properties"].items()}
    defaults = {name: field["default"] for name, field in inner.items() if "default" in field and name != "dry_run"}
    sent, plain = (read(body, GROUND, lambda _, source, _rules: source) for body in ({**PLAIN, **defaults}, PLAIN))
    assert fingerprint_of(plain) == fingerprint_of(sent)


def test_dashscopes_defaults_are_dashscopes() -> None:
    """They cost more than Gallop's own, and are what its clients know."""
    parameters = components()["DashScopeRequest"]["properties"]["parameters"]["properties"]
    expected = {"resolution": "1080P", "watermark": True, "ratio": "16:9", "duration": 5, "audio_setting": "auto"}
    assert expected == {name: field["default"] for name, field in parameters.items() if "default" in field}


def everything(part: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Yield a part of the document and everything in it, except examples."""
    yield part
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, one in inner:
        if name not in ("example", "examples"):
            yield from everything(one)


def test_every_field_is_described() -> None:
    """The schema has exactly the fields that the door accepts."""
    with pytest.raises(InvalidRequest) as refused:
        read({**PLAIN, "zzz": 1}, GROUND, lambda _, source, _rules: source)
    known = set(re.findall(r"[a-z_]+", refused.value.faults[-1].remedy.partition("Valid fields are ")[2]))
    assert known | {"dry_run"} == components()["VideoRequest"]["properties"].keys()


@pytest.mark.parametrize("state", JobState)
def test_every_job_matches_its_description(state: JobState) -> None:
    """In every state the job has exactly the described fields."""
    view = views.job_view(a_job(state), START, "https://api.example.com")
    validator("Video").validate(view)
    assert view.keys() <= components()["Video"]["properties"].keys()


@pytest.mark.parametrize("states", [(JobState.QUEUED, JobState.RUNNING), (JobState.SUCCEEDED, JobState.FAILED)])
def test_every_group_matches_its_description(states: tuple[JobState, ...]) -> None:
    """It has exactly the described fields, and so has the place of each of its jobs."""
    members = [
        a_job(state, group=place, cost=Decimal(1))
        for state, place in zip(states, groups.places(groups.new_group_id(START), 2), strict=True)
    ]
    shown = [views.job_view(member, START, "https://api.example.com") for member in members]
    view = groups.view(members, shown)
    validator("VideoGroup").validate(view)
    assert view.keys() == components()["VideoGroup"]["properties"].keys()


def test_examples_match_their_descriptions() -> None:
    """A copied example works."""
    validator("VideoRequest").validate(examples.REQUEST)
    validator("Video").validate(examples.queued())
    validator("Video").validate(examples.succeeded())
    validator("Problem").validate(examples.refused(InvalidRequest))
    assert is_accepted(dict(examples.REQUEST))


def test_the_documents_version_is_that_of_the_package() -> None:
    """The version is written in one place, and the document shows it."""
    assert __version__ == document(__version__)["info"]["version"]


@pytest.mark.parametrize("name", files())
def test_the_files_match_the_code(name: str) -> None:
    """After a change of a route, field or error, `make docs` must be run."""
    assert files()[name] == (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_files_are_reproducible(seed: str, tmp_path: Path) -> None:
    """The output does not depend on the order of a set, which differs from process to process."""
    command = [sys.executable, "-m", "gallop.doors.https.openapi", str(tmp_path)]
    subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(stack.ROOT / "shared"), "PYTHONHASHSEED": seed}, check=True
    )
    assert files() == {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
