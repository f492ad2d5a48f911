"""DashScope's request for a video is converted to Gallop's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.dashscope import request as dashscope_request
from gallop.domain.errors import DashScopeRefusal, InvalidRequest
from gallop.domain.faults import Fault
from gallop.domain.request.images import InlineImage, LinkedImage
from gallop.domain.request.request import RequestDefaults
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from gallop.domain.request.request import VideoRequest

GROUND = RequestDefaults("1.0", "inbox", "ada")
PROMPT = "The woman of [Image 1] smiles."
URL = "https://example.com/girl.jpg"
MEDIA = [{"type": "reference_image", "url": URL}]


def body(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a valid body, changed by ``fields``, in which those of ``input`` are top-level arguments."""
    given = {name: fields.pop(name) for name in ("prompt", "media", "extend_prompt") if name in fields}
    return {"model": "happyhorse-1.0-r2v", "input": {"prompt": PROMPT, "media": MEDIA, **given}, **fields}


def read(whole: object) -> VideoRequest:
    """Read a body in which all images are valid."""
    return dashscope_request.read(json.dumps(whole), GROUND, lambda _, source, _rules: source)


def faults(whole: object) -> dict[str, str]:
    """Return the problems of a body, by pointer."""
    with pytest.raises(InvalidRequest) as refused:
        read(whole)
    assert all(fault.detail and fault.remedy for fault in refused.value.faults)
    return {fault.pointer: fault.detail for fault in refused.value.faults}


def refusal(whole: object) -> tuple[int, str, str]:
    """Return the refusal of a body in DashScope's format."""
    with pytest.raises(DashScopeRefusal) as refused:
        read(whole)
    return refused.value.status, refused.value.vendor_code, str(refused.value)


def test_omitted_fields_have_dashscopes_defaults() -> None:
    """They are 1080P, 16:9, 5 seconds and a watermark, not the defaults of Gallop's own protocol."""
    for whole in (body(), body(parameters={}), body(parameters=None), body(parameters={"watermark": None})):
        request = read(whole)
        assert "1080P" == request.resolution
        assert "16:9" == request.parameters["ratio"]
        assert 5 == request.parameters["duration"]
        assert request.parameters["seed"] is None
        assert request.parameters["watermark"] is True


def test_every_field_is_read() -> None:
    """Model, prompt, the ordered images and all parameters are converted."""
    media = [{"type": "reference_image", "url": url} for url in (URL, data_uri(picture()), URL + "?2")]
    chosen = {"resolution": "480P", "ratio": "9:16", "duration": 15, "seed": 7, "watermark": False}
    request = read(body(model="happyhorse-1.1-r2v", media=media, parameters=chosen))
    assert (LinkedImage(URL), InlineImage(picture()), LinkedImage(URL + "?2")) == request.images
    assert ("happyhorse-1.1-r2v", PROMPT) == (request.model, request.prompt)
    assert chosen == request.parameters


def test_undocumented_fields_are_ignored() -> None:
    """The package's own keys, parameters of other models and any other fields do no harm."""
    more = {"prompt_extend": True, "size": "1280*720", "audio": True, "n": 4, "negative_prompt": "rain"}
    assert read(body()) == read(body(parameters=more, extend_prompt=True, resources=[], metadata=1))


def test_all_problems_are_reported_at_once_in_dashscopes_names() -> None:
    """Each problem has its location in the body that was sent."""
    media = [{"type": "first_frame", "url": URL}, {"type": "reference_image", "url": "http://example.com/a.jpg"}, 1]
    chosen = {"resolution": "8K", "ratio": "1:2", "duration": 2.5, "seed": -1, "watermark": "no"}
    expected = {
        "/input/media/0/type",
        "/input/media/1/url",
        "/input/media/2",
        "/input/prompt",
        *(f"/parameters/{name}" for name in chosen),
    }
    assert expected == set(faults(body(prompt=" ", media=media, parameters=chosen)))


@pytest.mark.parametrize(
    ("media", "where", "message"),
    [
        (None, "/input/media", "there are 0 images"),
        ([], "/input/media", "there are 0 images"),
        ("a.jpg", "/input/media", "must be a list"),
        (MEDIA * 10, "/input/media", "are 10 images"),
        ([{"type": "reference_image"}], "/input/media/0/url", "is missing"),
        ([{"type": "reference_image", "url": 7}], "/input/media/0/url", "must be text"),
        ([{"type": "reference_image", "url": "oss://a/b.png"}], "/input/media/0/url", "DashScope's own storage"),
        ([{"type": "reference_image", "url": "https://10.0.0.1/a.jpg"}], "/input/media/0/url", "is an IP address"),
        ([{"url": URL}], "/input/media/0/type", "is not a supported media type"),
    ],
)
def test_unusable_media_are_one_problem(media: object, where: str, message: str) -> None:
    """One mistake is reported once, although two protocols check it."""
    found = faults(body(prompt="She smiles.", media=media))
    assert [where] == list(found)
    assert message in found[where]


def test_a_problem_inside_an_image_has_the_images_location() -> None:
    """A problem with the bytes of an image is reported at the image's pointer."""

    def small(where: str, *_: object) -> list[Fault]:
        return [Fault(where, "is small", "Use another.")]

    with pytest.raises(InvalidRequest) as refused:
        dashscope_request.read(json.dumps(body()), GROUND, small)
    assert ["/input/media/0/url"] == [fault.pointer for fault in refused.value.faults]


def test_a_long_prompt_is_refused_instead_of_cut() -> None:
    """DashScope cuts it silently and charges for the video."""
    assert "too long" in faults(body(prompt="a" * 5001))["/input/prompt"]


def test_a_body_that_is_not_a_request_is_refused_in_dashscopes_format() -> None:
    """Bodies without an input or a known model get DashScope's own codes."""
    message = "Required body invalid, please check the request body format: the body is not a JSON object."
    assert (400, "InvalidParameter", message) == refusal([])
    assert (400, "BadRequest.EmptyInput") == refusal({"model": "happyhorse-1.0-r2v"})[:2]
    assert (400, "BadRequest.EmptyModel") == refusal({**body(), "model": ""})[:2]
    status, code, message = refusal(body(model="happyhorse-1.0-t2i"))
    assert (404, "ModelNotFound") == (status, code)
    assert message.startswith("Model can not be found.")
    assert "happyhorse-1.0-r2v" in message
    assert {"/parameters": "must be an object"} == faults(body(parameters=[1]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(prompt=JSON, media=JSON | st.lists(st.fixed_dictionaries({"type": JSON, "url": JSON})), parameters=JSON)
def test_any_body_is_read_or_refused(prompt: object, media: object, parameters: object) -> None:
    """No body crashes the reader."""
    chosen = dict.fromkeys(("resolution", "ratio", "duration", "seed", "watermark", "audio_setting"), parameters)
    for given_parameters in (parameters, chosen):
        whole = body(prompt=prompt, media=media, parameters=given_parameters)
        try:
            read(whole)
        except (InvalidRequest, DashScopeRefusal) as refused:
            assert str(refused)  # noqa: PT017 - it may be read as well
