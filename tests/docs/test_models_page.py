"""What the tables of the pages say about the models is what the doors do."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
from gallop.domain import models
from gallop.domain.models import Kind

from tests.docs import models_page, pages
from tests.unit.domain.request.test_kinds import as_form, dashscope, native, openai

EVERY_KIND = pytest.mark.parametrize("kind", Kind)
UPLOAD = "upload_abcdefghijklmnopqrstuvwxyz"


def kind_of(model: str) -> Kind:
    """Return the kind of a model."""
    return models.MODELS[model].kind


@EVERY_KIND
def test_the_json_of_each_kind_is_a_request(kind: Kind) -> None:
    """Its files decide the kind, without a model."""
    body = json.loads(json.dumps(models_page.native(kind)).replace("upload_...", UPLOAD))
    assert kind is kind_of(native(body).model)


@EVERY_KIND
def test_the_form_of_each_kind_is_a_request(kind: Kind) -> None:
    """A file is as good as an address."""
    words = [word for word in shlex.split(models_page.as_form(kind).strip("`")) if word != "-F"]
    fields = dict(word.split("=", 1) for word in words)
    sent = {name: value.replace("upload_...", UPLOAD) for name, value in fields.items()}
    sent |= {name: models_page.FILES[name] for name, value in fields.items() if value.startswith("@")}
    assert kind is kind_of(as_form({n: [v] if n == "images" else v for n, v in sent.items()}).model)


@EVERY_KIND
def test_the_arguments_of_openais_package_are_a_request(kind: Kind) -> None:
    """Its one image is the first frame of a model that has one; what it does not know is in ``extra_body``."""
    shown = models_page.openai(kind).strip("`").replace("upload_...", UPLOAD)
    fields: dict[str, Any] = {"prompt": re.findall(r'prompt="([^"]*)"', shown)[0]}
    if model := re.findall(r'model="([^"]+)"', shown):
        fields["model"] = model[0]
    if extra := re.findall(r"extra_body=({.*})", shown):
        fields |= json.loads(extra[0])
    if "input_reference" in shown:
        fields["images"] = [models_page.FILES["images"]]
    assert kind is kind_of(openai(fields).model)


@EVERY_KIND
def test_the_input_of_dashscopes_protocol_is_a_request(kind: Kind) -> None:
    """Types instead of fields, and addresses only."""
    given = models_page.dashscope(kind)
    fields = {field.type: field.name for field in models.media_fields().values()}
    media = {fields[item["type"]]: item["url"] for item in given.get("media", [])}
    model = models.default_model(kind, "1.0").id
    assert kind is kind_of(dashscope({"model": model, "prompt": given.get("prompt", ""), **media}).model)


def test_the_lines_of_a_batch_are_one_request_each() -> None:
    """The page of the S3 door shows a line of every kind; names of files are as good as addresses."""
    page = (pages.ROOT / "docs" / "s3-door.md").read_text(encoding="utf-8")
    lines = re.findall(r'^\{".*\}$', page, re.MULTILINE)
    addressed = [re.sub(r'"([\w-]+\.(?:jpg|mp4))"', r'"https://example.com/\1"', line) for line in lines]
    kinds = [kind_of(native(json.loads(line)).model) for line in addressed]
    assert [Kind.R2V, Kind.R2V, Kind.R2V, Kind.T2V, Kind.I2V, Kind.VIDEO_EDIT] == kinds
