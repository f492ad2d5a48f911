"""Which requests are valid."""

from __future__ import annotations

from typing import Any

import pytest
from gallop.domain import models
from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault
from gallop.domain.request.images import InlineImage, LinkedImage, StoredImage
from gallop.domain.request.media import IMAGES, Medium, Source
from gallop.domain.request.prompt import length
from gallop.domain.request.reader import Reader, read
from gallop.domain.request.references import Sent
from gallop.domain.request.request import RequestDefaults, VideoRequest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pictures import data_uri

GROUND = RequestDefaults("1.0", "inbox")
PICTURE = "https://example.com/a.jpg"
FIELDS = (
    "prompt",
    "images",
    "model",
    "resolution",
    "ratio",
    "duration",
    "seed",
    "watermark",
    "metadata",
    "seconds",
    "size",
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.sampled_from(["9:16", "8"]),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(st.characters()), inner, max_size=6),
    max_leaves=12,
)
bodies = st.dictionaries(st.sampled_from(FIELDS) | st.text(st.characters()), json_values, max_size=12)


def untouched(_: str, source: Source, _rules: models.Rules) -> Source:
    """Accept every file unchanged."""
    return source


def value_of(request: VideoRequest, name: str) -> object:
    """Return a parameter, or another field."""
    return request.parameters[name] if name in request.parameters else getattr(request, name)


def body(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a valid body, changed by ``fields``."""
    return {"prompt": "The woman of [Image 1] smiles.", "images": [PICTURE], **fields}


def faults_of(value: object) -> dict[str, str]:
    """Read a body that must be refused; return the problems by pointer."""
    with pytest.raises(InvalidRequest) as caught:
        read(value, GROUND, untouched)
    return {fault.pointer: fault.detail for fault in caught.value.faults}


def outcome_of(value: object) -> tuple[VideoRequest | None, tuple[Fault, ...]]:
    """Read any value; return the request or the problems."""
    try:
        return read(value, GROUND, untouched), ()
    except InvalidRequest as invalid:
        return None, invalid.faults


def test_a_minimal_request_has_cheap_defaults() -> None:
    """The defaults are 720P, 16:9, 5 s, a random seed and no watermark."""
    expected = VideoRequest(
        prompt="The woman of [Image 1] smiles.",
        media=(Medium(IMAGES, LinkedImage(PICTURE)),),
        model="happyhorse-1.0-r2v",
        parameters={"resolution": "720P", "ratio": "16:9", "duration": 5, "seed": None, "watermark": False},
        metadata={},
    )
    assert expected == read(body(), GROUND, untouched)


def test_every_field_is_kept_as_sent() -> None:
    """A caller's values are passed to DashScope unchanged."""
    new_jobs = {
        "model": "happyhorse-1.1-r2v",
        "resolution": "480P",
        "ratio": "9:21",
        "duration": 15,
        "seed": 2_147_483_647,
        "watermark": True,
        "metadata": {"order": 17, "tags": ["a", 1.5, None]},
    }
    request = read(body(**new_jobs), GROUND, untouched)
    assert new_jobs == {name: value_of(request, name) for name in new_jobs}


def test_null_means_absent() -> None:
    """A field that is null counts as absent."""
    nulls: dict[str, Any] = dict.fromkeys(FIELDS[2:])
    assert read(body(), GROUND, untouched) == read(body(**nulls), GROUND, untouched)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", 3),
        ("duration", 15),
        ("duration", 5.0),
        ("seed", 0),
        ("seed", 2_147_483_647),
        *(("ratio", ratio) for ratio in models.RATIOS),
        ("resolution", "1080P"),
    ],
)
def test_both_limits_of_every_range_are_allowed(field: str, value: object) -> None:
    """A value that DashScope allows is allowed here."""
    assert value == value_of(read(body(**{field: value}), GROUND, untouched), field)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("prompt", None, "is missing or empty"),
        ("prompt", "", "is missing or empty"),
        ("prompt", " \n\t", "is missing or empty"),
        ("prompt", "\ufeff\u200b", "is missing or empty"),
        ("prompt", "\u0301\u2800\x00", "is missing or empty"),
        ("prompt", 17, "must be text"),
        ("prompt", ["smiles"], "must be text"),
        (
            "prompt",
            "a" * 5001,
            "is too long: 5,001 characters; the maximum is 5,000 (a Chinese character counts as two)",
        ),
        ("images", PICTURE, "must be a list"),
        ("images", {"0": PICTURE}, "must be a list"),
        ("images", [PICTURE] * 10, "there are 10 images; 1 to 9 are required"),
        ("model", "sora-2", 'unknown value "sora-2"'),
        ("model", 1, "unknown value 1"),
        ("resolution", "480P", 'unknown value "480P"'),
        ("resolution", "720p", 'unknown value "720p"'),
        ("ratio", "2:1", 'unknown value "2:1"'),
        ("ratio", ["16:9"], 'unknown value ["16:9"]'),
        ("duration", 2, "must be a whole number from 3 to 15 seconds, not 2"),
        ("duration", 16, "must be a whole number from 3 to 15 seconds, not 16"),
        ("duration", 5.5, "must be a whole number from 3 to 15 seconds, not 5.5"),
        ("duration", "5", 'must be a whole number from 3 to 15 seconds, not "5"'),
        ("duration", True, "must be a whole number from 3 to 15 seconds, not true"),
        ("duration", 10**400, "must be a whole number from 3 to 15 seconds"),
        ("seconds", "2", "must be a whole number from 3 to 15 seconds, not 2"),
        ("seconds", "five", 'must be a whole number from 3 to 15 seconds, not "five"'),
        ("seed", -1, "must be a whole number from 0 to 2,147,483,647, not -1"),
        ("seed", 2_147_483_648, "must be a whole number from 0 to 2,147,483,647, not 2147483648"),
        ("seed", float("inf"), "must be a whole number from 0 to 2,147,483,647, not Infinity"),
        ("watermark", "no", 'must be true or false, not "no"'),
        ("watermark", 0, "must be true or false, not 0"),
        ("metadata", [1], "must be an object"),
        ("metadata", {"a": "x" * 4096}, "is too long: 4,104 bytes as JSON in UTF-8; the maximum is 4,096 bytes"),
        ("size", "100x100", 'unknown value "100x100"'),
        ("size", ["1280x720"], 'unknown value ["1280x720"]'),
        ("webhok", "https://example.com", "is not a field of a video request"),
    ],
)
def test_each_invalid_field_is_reported(field: str, value: object, problem: str) -> None:
    """A problem has a location and a description."""
    assert problem in faults_of(body(**{field: value}))[f"/{field}"]


@pytest.mark.parametrize("prompt", ["🐎", "?", "\u200bx", "跑", "e\u0301", "\U0001fae8", "7"])
def test_one_visible_character_is_a_prompt(prompt: str) -> None:
    """Only what nobody could see is empty."""
    assert "/prompt" not in faults_of(body(prompt=prompt, seed=-1))


@pytest.mark.parametrize("value", [None, [], "text", 5, True, [{"prompt": "x"}]])
def test_a_body_that_is_not_an_object_is_refused(value: object) -> None:
    """Only an object can be a request."""
    assert {"": "the body is not a JSON object"} == faults_of(value)


def test_all_problems_are_reported_at_once() -> None:
    """A request need not be fixed one problem at a time."""
    everything_wrong = {
        "prompt": "x" * 6000 + " like [Image 3]",
        "images": ["ftp://example.com/a.jpg", "https://127.0.0.1/a.jpg"],
        "model": "veo",
        "resolution": "4K",
        "ratio": "1:2",
        "duration": 60,
        "seed": -5,
        "watermark": "yes",
        "metadata": "note",
        "negative_prompt": "blur",
    }
    with pytest.raises(InvalidRequest) as caught:
        read(everything_wrong, GROUND, untouched)
    pointers = sorted(fault.pointer for fault in caught.value.faults)
    expected = [f"/{name}" for name in everything_wrong if name != "images"]
    assert sorted([*expected, "/prompt", "/images/0", "/images/1"]) == pointers


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("ratio", "16/9", "Did you mean 16:9?"),
        ("resolution", "720p", "Did you mean 720P?"),
        ("model", "happyhorse-1.0-rv2", "Did you mean happyhorse-1.0-r2v?"),
        ("duraton", 5, "Did you mean duration?"),
        ("xyz", 5, "Valid fields are account, audio, duration, first_frame, images, input_reference, media, metadata"),
    ],
)
def test_a_typo_gets_a_hint(field: str, value: object, remedy: str) -> None:
    """The remedy names the nearest valid value, if one is close."""
    with pytest.raises(InvalidRequest) as caught:
        read(body(**{field: value}), GROUND, untouched)
    assert remedy in caught.value.faults[0].remedy


@pytest.mark.parametrize(
    ("prompt", "weight"),
    [
        ("a" * 5000, 5000),
        ("中" * 2500, 5000),
        ("中a" * 1666, 4998),
        ("😀" * 10, 10),
        ("é", 1),
        ("\uff0c", 2),
        ("\U00020000", 2),
    ],
)
def test_chinese_characters_count_as_two(prompt: str, weight: int) -> None:
    """A prompt has at most 5,000 other or 2,500 Chinese characters."""
    assert weight == length(prompt)


def test_the_length_of_a_prompt_counts_chinese_characters_as_two() -> None:
    """What DashScope would cut silently is refused; what just fits is not."""
    assert "中" * 2500 == read(body(prompt="中" * 2500), GROUND, untouched).prompt
    assert "5,002 characters" in faults_of(body(prompt="中" * 2501))["/prompt"]


@pytest.mark.parametrize("spelling", ["[Image 2]", "[image 2]", "[ Image  2 ]", "[IMAGE2]"])
def test_a_prompt_may_only_refer_to_existing_images(spelling: str) -> None:
    """[Image N] means the N-th image, in any spelling."""
    prompt = f"The woman of {spelling} dances."
    assert {"/prompt": "refers to [Image 2], but there is only 1 image"} == faults_of(body(prompt=prompt))
    assert prompt == read(body(prompt=prompt, images=[PICTURE, PICTURE]), GROUND, untouched).prompt


def test_images_are_numbered_from_one() -> None:
    """There is no [Image 0]."""
    assert {"/prompt": "refers to [Image 0], but there is only 1 image"} == faults_of(body(prompt="[Image 0]"))


def test_an_image_of_absurd_number_is_only_not_there() -> None:
    """A number too long to be read as one is a fault like any other."""
    assert "but there is only 1 image" in faults_of(body(prompt=f"[Image {'9' * 4500}]"))["/prompt"]


@pytest.mark.parametrize(
    ("size", "resolution", "ratio"),
    [
        ("1280x720", "720P", "16:9"),
        ("720x1280", "720P", "9:16"),
        ("1920x1080", "1080P", "16:9"),
        ("720x720", "720P", "1:1"),
    ],
)
def test_openais_size_sets_resolution_and_ratio(size: str, resolution: str, ratio: str) -> None:
    """OpenAI's clients send both as one value."""
    request = read(body(size=size), GROUND, untouched)
    assert (resolution, ratio) == (request.resolution, request.parameters["ratio"])


def test_every_resolution_and_ratio_has_its_own_size() -> None:
    """No two combinations share a size, or one could not be requested."""
    sizes = {
        models.size(resolution, ratio)
        for model in models.MODELS.values()
        for resolution in model.choices("resolution")
        for ratio in models.RATIOS
    }
    assert 3 * len(models.RATIOS) == len(sizes)


@pytest.mark.parametrize("seconds", ["8", 8, 8.0])
def test_openais_seconds_set_the_duration(seconds: object) -> None:
    """OpenAI's clients send the seconds as text."""
    assert 8 == read(body(seconds=seconds), GROUND, untouched).parameters["duration"]


def test_seconds_and_duration_must_agree() -> None:
    """Two answers to one question are a fault."""
    assert {"/seconds": "is 8, but duration is 5"} == faults_of(body(seconds=8, duration=5))
    assert 8 == read(body(seconds=8, duration=8), GROUND, untouched).parameters["duration"]


@pytest.mark.parametrize(
    "url",
    [
        "https://help-static-aliyun-doc.aliyuncs.com/file-manage-files/zh-CN/20260424/mvzfud/hh-v2v-girl.jpg",
        "HTTPS://EXAMPLE.COM/A.JPG",
        "https://example.com:443/a.jpg?x=1#part",
        "https://example.com/a%20b.jpg",
        "https://xn--bcher-kva.example/a.jpg",
        "https://example.com/" + "a" * 8172,
    ],
)
def test_a_public_address_is_passed_on_unchanged(url: str) -> None:
    """DashScope gets exactly the address that was sent."""
    assert (LinkedImage(url),) == read(body(images=[url]), GROUND, untouched).images


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("http://example.com/a.jpg", "is not a supported image reference"),
        ("file:///etc/passwd", "is not a supported image reference"),
        ("javascript:alert(1)", "is not a supported image reference"),
        ("a.jpg", "is not a supported image reference"),
        ("", "is not a supported image reference"),
        (None, "is not a supported image reference"),
        (7, "is not a supported image reference"),
        ({"url": PICTURE}, "is not a supported image reference"),
        ("https://", "is not a valid URL"),
        ("https:///a.jpg", "is not a valid URL"),
        ("https://[::1/a.jpg", "is not a valid URL"),
        ("https://example.com:99999/a.jpg", "is not a valid URL"),
        ("https://example.com/a b.jpg", "is not a valid URL"),
        ("https://example.com/a\nb.jpg", "is not a valid URL"),
        ("https://ada:secret@example.com/a.jpg", "contains a user name or password"),
        ("https://@example.com/a.jpg", "contains a user name or password"),
        ("https://example.com:8443/a.jpg", "uses a port other than 443"),
        ("https://127.0.0.1/a.jpg", "has a host that is an IP address or is not public"),
        ("https://2130706433/a.jpg", "has a host that is an IP address or is not public"),
        ("https://[::1]/a.jpg", "has a host that is an IP address or is not public"),
        ("https://localhost/a.jpg", "has a host that is an IP address or is not public"),
        ("https://example.com/" + "a" * 8173, "is longer than 8,192 characters"),
        ("data:image/png,abc", "is a data URI without base64"),
        ("data:image/png;base64", "is a data URI without base64"),
        ("data:image/png;base64,a", "is a data URI with invalid base64"),
        ("data:image/png;base64,ü", "is a data URI with invalid base64"),
        ("s3://inbox", "refers to an object outside uploads/ in the inbox bucket"),
        ("s3://inbox/drop/a.jpg", "refers to an object outside uploads/ in the inbox bucket"),
        ("s3://inbox/uploads/", "refers to an object outside uploads/ in the inbox bucket"),
        ("s3://other/uploads/a.jpg", "refers to an object outside uploads/ in the inbox bucket"),
    ],
)
def test_an_invalid_image_is_reported(value: object, problem: str) -> None:
    """Only public https addresses, inline images and uploads in the inbox are images."""
    assert problem in faults_of(body(images=[PICTURE, value]))["/images/1"]


def test_images_of_all_three_kinds_keep_their_order() -> None:
    """Images are numbered in the order in which they are sent."""
    sent = ["s3://inbox/uploads/b.png", PICTURE, data_uri(b"bytes")]
    expected = (StoredImage("inbox", "uploads/b.png"), LinkedImage(PICTURE), InlineImage(b"bytes"))
    assert expected == read(body(images=sent), GROUND, untouched).images


def test_a_problem_inside_an_image_is_reported_with_the_others() -> None:
    """An unusable image is reported together with everything else."""

    def inspect(where: str, source: Source, _: models.Rules) -> Source | list[Fault]:
        return [Fault(where, "is too small", "")] if where == "/images/1" else source

    with pytest.raises(InvalidRequest) as caught:
        read(body(images=[PICTURE, PICTURE], ratio="1:2"), GROUND, inspect)
    assert ["/images/1", "/ratio"] == [fault.pointer for fault in caught.value.faults]


def test_an_invalid_image_still_counts() -> None:
    """[Image 2] of two is valid, even if the second image must be fixed."""
    sent = body(prompt="[Image 2]", images=[PICTURE, "gopher://x"])
    assert ["/images/1"] == list(faults_of(sent))


@pytest.mark.parametrize("name", ["prompt", "metadata", "ratio"])
def test_an_unpaired_surrogate_is_refused(name: str) -> None:
    """JSON can contain one, but neither DashScope nor S3 accepts it."""
    value: object = {"note": "\ud800"} if name == "metadata" else "\ud800 of [Image 1]"
    assert f"/{name}" in faults_of(body(**{name: value}))


def test_every_pointer_can_be_encoded() -> None:
    """A problem is reported in UTF-8, whatever the names of the caller's fields."""
    for pointer in faults_of(body(**{"\ud800/~": 1})):
        assert pointer.encode()


def test_fields_and_images_apart_follow_the_same_rules() -> None:
    """The S3 door passes the images separately: both are checked like one body."""
    image = StoredImage("inbox", "drop/a/1.jpg", "v1", "hash")
    fields = {"prompt": "[Image 1]", "duration": 3}
    assert (image,) == Reader(fields, GROUND, untouched).request([Sent(IMAGES, "1.jpg", image, IMAGES)]).images
    too_small = Sent(IMAGES, "1.jpg", Fault("1.jpg", "is too small", ""), IMAGES)
    others = [Sent(IMAGES, "2.jpg", image, IMAGES)] * 9
    with pytest.raises(InvalidRequest) as caught:
        Reader({**fields, "duration": 2}, GROUND, untouched).request([too_small, *others])
    assert ["1.jpg", "/images", "/duration"] == [fault.pointer for fault in caught.value.faults]


@given(json_values | bodies)
def test_no_json_value_crashes_the_reader(value: object) -> None:
    """Any JSON gives a request or a list of problems that can be encoded, never an exception."""
    request, faults = outcome_of(value)
    assert all(f"{fault.pointer}{fault.detail}{fault.remedy}".encode() for fault in faults)
    if request is None:
        assert faults
    else:
        model = models.MODELS[request.model]
        assert {field.name for field in model.parameters} == request.parameters.keys()
        assert request.resolution in model.choices("resolution")
        assert all(field.least <= len(request.of(field.name)) <= field.most for field in model.media)


@given(
    st.fixed_dictionaries(
        {
            "prompt": st.text(max_size=100).filter(lambda text: "[" not in text).map("x".__add__),
            "images": st.lists(st.just(PICTURE), min_size=1, max_size=9),
            "model": st.sampled_from(["happyhorse-1.0-r2v", "happyhorse-1.1-r2v"]),
            "resolution": st.sampled_from(["720P", "1080P"]),
            "ratio": st.sampled_from(models.RATIOS),
            "duration": st.integers(3, 15),
            "seed": st.integers(0, 2_147_483_647),
            "watermark": st.booleans(),
            "metadata": st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9), max_size=5),
        }
    )
)
def test_every_allowed_combination_is_accepted(fields: dict[str, Any]) -> None:
    """No two allowed values exclude each other."""
    request = read(fields, GROUND, untouched)
    assert {name: value for name, value in fields.items() if name != "images"} == {
        name: value_of(request, name) for name in fields if name != "images"
    }
