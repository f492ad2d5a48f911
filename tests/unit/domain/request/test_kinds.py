"""Every model, in every protocol: what it takes, what it refuses, and what it costs."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters.dashscope import submission
from gallop.domain import models
from gallop.domain.dashscope import request as dashscope_request
from gallop.domain.errors import InvalidRequest
from gallop.domain.media_rules import ImageRules
from gallop.domain.models import Kind
from gallop.domain.prices import Scope
from gallop.domain.request import estimate, form, reader
from gallop.domain.request.clips import ClipFacts, LinkedClip
from gallop.domain.request.dialects import Dialect
from gallop.domain.request.images import LinkedImage
from gallop.domain.request.request import RequestDefaults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.domain.models import Model
    from gallop.domain.request.media import Source
    from gallop.domain.request.request import VideoRequest

IMAGE, VIDEO = "https://example.com/cat.jpg", "https://example.com/cat.mp4"
FACTS = ClipFacts(6.62, 1280, 720, 24.0, "H.264", "MP4", 1_000_000, has_audio=True)
DEFAULTS = RequestDefaults("1.0", "inbox", "ada", ())
# What each kind needs, under Gallop's names.
NEEDS: dict[Kind, dict[str, Any]] = {
    Kind.T2V: {"prompt": "A cat."},
    Kind.I2V: {"first_frame": IMAGE},
    Kind.R2V: {"prompt": "The cat of [Image 1].", "images": [IMAGE]},
    Kind.VIDEO_EDIT: {"prompt": "At night.", "video": VIDEO},
}
EVERY_MODEL = pytest.mark.parametrize("model", models.MODELS.values(), ids=models.MODELS)


def measured(_: str, source: Source, _rules: models.Rules) -> Source:
    """Accept every file; a video has the seconds of DashScope's own sample."""
    return replace(source, facts=FACTS) if isinstance(source, LinkedClip) else source


def native(fields: Mapping[str, Any]) -> VideoRequest:
    """Read a native body."""
    return reader.read(dict(fields), DEFAULTS, measured)


def as_form(fields: Mapping[str, Any]) -> VideoRequest:
    """Read the same fields as a form."""
    parts = []
    for name, value in fields.items():
        named = f"{name}[]" if isinstance(value, list) else name
        for one in value if isinstance(value, list) else [value]:
            text = one if isinstance(one, str) else json.dumps(one)
            parts.append(f'--b\r\nContent-Disposition: form-data; name="{named}"\r\n\r\n{text}\r\n')
    return reader.read(form.read(b"b", ("".join(parts) + "--b--\r\n").encode()), DEFAULTS, measured)


def openai(fields: Mapping[str, Any]) -> VideoRequest:
    """Read the same request in OpenAI's names: images are ``input_reference``, the duration is ``seconds``."""
    fields = dict(fields)
    frames = fields.pop("first_frame", [])
    images = [*fields.pop("images", []), *(frames if isinstance(frames, list) else [frames])]
    if images:
        fields["input_reference"] = [{"image_url": url} for url in images]
    if "duration" in fields:
        fields["seconds"] = str(fields.pop("duration"))
    return reader.read(fields, replace(DEFAULTS, dialect=Dialect.OPENAI), measured)


def dashscope(fields: Mapping[str, Any]) -> VideoRequest:
    """Read the same request in DashScope's protocol, with Gallop's defaults spelled out."""
    fields = {"resolution": "720P", "watermark": False, **fields}
    model = models.MODELS[fields.pop("model")]
    media = []
    for field in models.media_fields().values():
        values = fields.pop(field.name, [])
        media += [{"type": field.type, "url": url} for url in (values if isinstance(values, list) else [values])]
    vendors = {name: variants[0].vendor for name, variants in models.parameters().items()}
    asked = {"prompt": fields.pop("prompt")} if "prompt" in fields else {"prompt": ""}
    body = {
        "model": model.id,
        "input": {**asked, "media": media},
        "parameters": {vendors[name]: value for name, value in fields.items()},
    }
    return dashscope_request.read(json.dumps(body), DEFAULTS, measured)


DIALECTS = {"native": native, "form": as_form, "openai": openai, "dashscope": dashscope}
EVERY_DIALECT = pytest.mark.parametrize("dialect", DIALECTS)


def needed(model: Model) -> dict[str, Any]:
    """Return the smallest request for a model."""
    return {"model": model.id, **NEEDS[model.kind]}


@EVERY_DIALECT
@EVERY_MODEL
def test_every_protocol_creates_every_kind(model: Model, dialect: str) -> None:
    """The same request in any protocol is the same request."""
    request = DIALECTS[dialect](needed(model))
    assert native(needed(model)) == request
    assert model.id == request.model
    assert {field.name: field.default for field in model.parameters} == request.parameters


@EVERY_DIALECT
@EVERY_MODEL
def test_every_parameter_of_a_model_is_read(model: Model, dialect: str) -> None:
    """Each has a value that is not the default."""
    other: dict[str, Any] = {"resolution": "1080P", "watermark": True, "seed": 7}
    other |= {"ratio": "9:16"} if model.parameter("ratio") else {}
    other |= {"duration": 15} if model.parameter("duration") else {}
    other |= {"audio": "origin"} if model.parameter("audio") else {}
    assert other == DIALECTS[dialect]({**needed(model), **other}).parameters


@EVERY_MODEL
def test_the_files_decide_the_model(model: Model) -> None:
    """Without a model, the kind comes from the files, and the version from the stack."""
    by_files = reader.read(dict(NEEDS[model.kind]), replace(DEFAULTS, model_version=model.version), measured)
    assert model.id == by_files.model


def test_a_version_without_a_kind_gets_that_kind_in_another() -> None:
    """There is no happyhorse-1.1-video-edit."""
    request = reader.read(dict(NEEDS[Kind.VIDEO_EDIT]), replace(DEFAULTS, model_version="1.1"), measured)
    assert "happyhorse-1.0-video-edit" == request.model


@EVERY_MODEL
def test_the_vendor_gets_every_parameter_under_its_own_name(model: Model) -> None:
    """What DashScope receives is what its pages describe (fact sheet §1.2 and §14)."""
    request = native({**needed(model), "seed": 7})
    addresses = [str(getattr(source, "url", "")) for source in request.sources]
    types = {Kind.T2V: [], Kind.I2V: ["first_frame"], Kind.R2V: ["reference_image"], Kind.VIDEO_EDIT: ["video"]}
    expected: dict[str, Any] = {"resolution": "720P", "watermark": False, "seed": 7}
    expected |= {"ratio": "16:9"} if model.kind in (Kind.T2V, Kind.R2V) else {}
    expected |= {"audio_setting": "auto"} if model.kind is Kind.VIDEO_EDIT else {"duration": 5}
    body = submission(request, addresses)
    assert expected == body["parameters"]
    assert types[model.kind] == [medium["type"] for medium in body["input"].get("media", [])]
    assert ("prompt" in body["input"]) == (model.kind is not Kind.I2V)


@dataclass(frozen=True)
class Wrong:
    """A request that must be refused: what is changed, the field that is named, and what is said."""

    kind: Kind
    change: dict[str, Any]
    field: str
    says: str


WRONG = [
    Wrong(Kind.I2V, {"ratio": "16:9"}, "ratio", "is not a parameter of {}: the video has the shape of its first frame"),
    Wrong(Kind.I2V, {"audio": "auto"}, "audio", "is not a parameter of {}: only models that edit a video have it"),
    Wrong(Kind.I2V, {"first_frame": [IMAGE, IMAGE]}, "first_frame", "there are 2 first frames; exactly 1 is required"),
    Wrong(Kind.I2V, {"duration": 2}, "duration", "must be a whole number from 3 to 15 seconds, not 2"),
    Wrong(Kind.I2V, {"prompt": "[Image 2]"}, "prompt", "refers to [Image 2], but there is only 1 image"),
    Wrong(Kind.T2V, {"prompt": ""}, "prompt", "is missing or empty"),
    Wrong(Kind.T2V, {"prompt": "[Image 1]"}, "prompt", "refers to [Image 1], but the request has none"),
    Wrong(Kind.T2V, {"duration": 16}, "duration", "must be a whole number from 3 to 15 seconds, not 16"),
    Wrong(Kind.R2V, {"prompt": " "}, "prompt", "is missing or empty"),
    Wrong(Kind.R2V, {"images": [], "prompt": "A cat."}, "images", "there are 0 images; 1 to 9 are required"),
    Wrong(Kind.R2V, {"images": [IMAGE] * 10}, "images", "there are 10 images; 1 to 9 are required"),
    Wrong(Kind.VIDEO_EDIT, {"images": [IMAGE] * 6}, "images", "there are 6 images; the maximum is 5"),
    Wrong(Kind.VIDEO_EDIT, {"ratio": "16:9"}, "ratio", "is not a parameter of {}: the result has the shape of"),
    Wrong(Kind.VIDEO_EDIT, {"duration": 5}, "duration", "is not a parameter of {}: the result is as long as"),
    Wrong(Kind.VIDEO_EDIT, {"resolution": "480P"}, "resolution", 'unknown value "480P"'),
    Wrong(Kind.VIDEO_EDIT, {"audio": "mute"}, "audio", 'unknown value "mute"'),
    Wrong(Kind.VIDEO_EDIT, {"video": [VIDEO, VIDEO]}, "video", "there are 2 videos; exactly 1 is required"),
    Wrong(Kind.VIDEO_EDIT, {"prompt": ""}, "prompt", "is missing or empty"),
]


@EVERY_DIALECT
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.kind} {wrong.change}"[:60])
def test_what_a_model_does_not_take_is_refused(wrong: Wrong, dialect: str) -> None:
    """Before any money is spent; the fault names the field as the client knows it."""
    model = models.default_model(wrong.kind, "1.0")
    with pytest.raises(InvalidRequest) as refused:
        DIALECTS[dialect]({**needed(model), **wrong.change})
    (fault,) = refused.value.faults
    assert wrong.says.format(model.id) in fault.detail
    assert place_of(wrong.field, dialect) == fault.pointer


def place_of(field: str, dialect: str) -> str:
    """Return where a field is in a protocol."""
    if dialect == "openai":
        named = {"images": "input_reference", "first_frame": "input_reference", "duration": "seconds"}
        return f"/{named.get(field, field)}"
    if dialect == "dashscope":
        if field in models.media_fields():
            return "/input/media"
        return "/input/prompt" if field == "prompt" else f"/parameters/{'audio_setting' if field == 'audio' else field}"
    return f"/{field}"


@pytest.mark.parametrize(
    ("kind", "extra", "says"),
    [
        (Kind.T2V, {"images": [IMAGE]}, "happyhorse-1.0-t2v takes no reference image"),
        (Kind.T2V, {"video": VIDEO}, "happyhorse-1.0-t2v takes no video"),
        (Kind.I2V, {"images": [IMAGE]}, "happyhorse-1.0-i2v takes no reference image"),
        (Kind.R2V, {"first_frame": IMAGE}, "happyhorse-1.0-r2v takes no first frame"),
        (Kind.VIDEO_EDIT, {"first_frame": IMAGE}, "happyhorse-1.0-video-edit takes no first frame"),
    ],
)
@pytest.mark.parametrize("dialect", ["native", "form", "dashscope"])
def test_a_file_that_a_model_does_not_take_is_refused(
    kind: Kind, extra: dict[str, Any], says: str, dialect: str
) -> None:
    """It would be ignored, or make the task fail."""
    with pytest.raises(InvalidRequest) as refused:
        DIALECTS[dialect]({**needed(models.default_model(kind, "1.0")), **extra})
    (fault,) = refused.value.faults
    assert says == fault.detail
    assert "or use a model that does: happyhorse-1." in fault.remedy


def test_all_faults_of_an_edit_are_reported_at_once() -> None:
    """One answer says everything."""
    wrong = {"video": VIDEO, "images": [IMAGE] * 6, "ratio": "16:9", "duration": 5, "audio": "loud", "first_frame": 7}
    with pytest.raises(InvalidRequest) as refused:
        native(wrong)
    expected = {"/images", "/ratio", "/duration", "/audio", "/first_frame", "/prompt"}
    assert expected == {fault.pointer for fault in refused.value.faults}


def test_openais_image_is_the_first_frame_only_for_a_model_that_has_one() -> None:
    """Its protocol has one name for images: what it means depends on the model."""
    for model, field in (("happyhorse-1.1-i2v", "first_frame"), ("happyhorse-1.1-r2v", "images")):
        request = native({"model": model, "prompt": "A cat.", "input_reference": {"image_url": IMAGE}})
        assert [(field, LinkedImage(IMAGE))] == [(medium.field, medium.source) for medium in request.media]


@pytest.mark.parametrize("model", ["happyhorse-1.0-i2v", "happyhorse-1.0-video-edit"])
def test_openais_size_is_refused_where_the_input_decides_the_shape(model: str) -> None:
    """The remedy names what can be chosen."""
    with pytest.raises(InvalidRequest) as refused:
        native({**needed(models.MODELS[model]), "size": "1280x720"})
    (fault,) = refused.value.faults
    assert ("/size", "Send resolution instead: 720P or 1080P.") == (fault.pointer, fault.remedy)


PRICES = [
    ("happyhorse-1.0-t2v", {"duration": 5}, "0.7", "0.6188"),
    ("happyhorse-1.0-i2v", {"duration": 7, "resolution": "1080P"}, "1.68", "1.5402"),
    ("happyhorse-1.0-r2v", {"duration": 15, "resolution": "1080P"}, "3.6", "3.3005"),
    ("happyhorse-1.0-video-edit", {}, "1.8536", "1.6387"),
    ("happyhorse-1.0-video-edit", {"resolution": "1080P"}, "3.1776", "2.9133"),
    ("happyhorse-1.1-t2v", {"duration": 3, "resolution": "480P"}, "0.21", "0.1857"),
    ("happyhorse-1.1-i2v", {"duration": 5}, "0.7", "0.6188"),
    ("happyhorse-1.1-r2v", {"duration": 5, "resolution": "1080P"}, "0.9", "0.8251"),
]


@EVERY_DIALECT
@pytest.mark.parametrize(("model", "fields", "international", "mainland"), PRICES)
def test_a_request_costs_its_billed_seconds(
    model: str, fields: dict[str, Any], international: str, mainland: str, dialect: str
) -> None:
    """To a hundredth of a cent, in both scopes; an edit of 6.62 s bills 13.24 s (fact sheet §14)."""
    request = DIALECTS[dialect]({**needed(models.MODELS[model]), **fields})
    expected = {Scope.INTERNATIONAL: Decimal(international), Scope.MAINLAND: Decimal(mainland)}
    assert expected == {scope: estimate.of(request, scope).usd for scope in Scope}


@pytest.mark.parametrize(
    ("seconds", "output", "billed"),
    [(3.0, 3, 6), (3.201, 3.21, 6.42), (15.0, 15, 30), (15.1, 15, 30.1), (60.0, 15, 75)],
)
def test_an_edit_is_reserved_at_the_larger_reading(seconds: float, output: float, billed: float) -> None:
    """Hundredths are rounded up; whether seconds beyond 15 are billed is not documented: all of them are reserved."""
    request = reader.read(
        {**NEEDS[Kind.VIDEO_EDIT]},
        DEFAULTS,
        lambda _, _source, _rules: LinkedClip(VIDEO, replace(FACTS, seconds=seconds)),
    )
    found = estimate.of(request, Scope.INTERNATIONAL)
    assert output == found.output_seconds
    assert billed == pytest.approx(found.input_seconds + found.output_seconds)


def test_what_a_video_hides_is_reserved_as_well() -> None:
    """DashScope may bill all that is in the file, as input and as output."""
    facts = replace(FACTS, seconds=4, billed_seconds=6.995)
    request = reader.read(dict(NEEDS[Kind.VIDEO_EDIT]), DEFAULTS, lambda *_: LinkedClip(VIDEO, facts))
    found = estimate.of(request, Scope.INTERNATIONAL)
    assert 7 == found.input_seconds
    assert 7 == found.output_seconds


def test_the_arithmetic_of_an_edit_is_shown() -> None:
    """A person can check it."""
    view = estimate.of(native(NEEDS[Kind.VIDEO_EDIT]), Scope.INTERNATIONAL).view()
    assert "(6.62 s of input + 6.62 s of output) x $0.14 = $1.8536" == view["formula"]


@EVERY_MODEL
def test_every_image_has_the_limits_of_its_field(model: Model) -> None:
    """References of r2v must be larger than first frames, and may have any shape (fact sheet §1.2 and §14)."""
    seen: list[models.Rules] = []

    def inspect(_: str, source: Source, rules: models.Rules) -> Source:
        seen.append(rules)
        return measured(_, source, rules)

    reader.read(needed(model), DEFAULTS, inspect)
    sides = [(rules.short_side, rules.max_aspect) for rules in seen if isinstance(rules, ImageRules)]
    expected = {Kind.I2V: [(300, 2.5)], Kind.R2V: [(400, None)]}
    assert expected.get(model.kind, []) == sides


@pytest.mark.parametrize("field", ["video", "first_frame"])
def test_an_empty_list_of_one_file_is_not_a_text_video(field: str) -> None:
    """A client that sends the field wants it used: a video from the prompt alone would be charged for nothing."""
    with pytest.raises(InvalidRequest) as refused:
        native({"prompt": "At night.", field: []})
    assert {f"/{field}": "is an empty list"} == {fault.pointer: fault.detail for fault in refused.value.faults}


@pytest.mark.parametrize("name", ["images", "input_reference", "media"])
def test_a_million_images_are_counted_and_not_read(name: str) -> None:
    """The answer has the number, and a fault for no more than the first ones."""
    with pytest.raises(InvalidRequest) as refused:
        native({"prompt": "A cat.", name: [{"url": ""} if name == "media" else ""] * 1_000_000})
    assert "there are 1,000,000 images; 1 to 9 are required" in {fault.detail for fault in refused.value.faults}
    assert len(refused.value.faults) <= 10


def test_no_hint_makes_a_video_dearer() -> None:
    """480P is no typing error for 1080P; 720p is one for 720P."""
    remedies = []
    for resolution in ("480P", "720p"):
        with pytest.raises(InvalidRequest) as refused:
            native({**needed(models.MODELS["happyhorse-1.0-r2v"]), "resolution": resolution})
        remedies.append(refused.value.faults[0].remedy)
    assert remedies[0].startswith("Use one of 720P, 1080P.")
    assert remedies[1].startswith("Did you mean 720P?")


def test_metadata_of_a_form_is_valid_text() -> None:
    """An unpaired surrogate in its JSON would break the webhook of the job when its video is paid."""
    with pytest.raises(InvalidRequest) as refused:
        as_form({**needed(models.MODELS["happyhorse-1.0-r2v"]), "metadata": {"a": "\ud800"}})
    assert ["/metadata"] == [fault.pointer for fault in refused.value.faults]
