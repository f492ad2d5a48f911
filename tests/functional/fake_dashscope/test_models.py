"""Models: rows of data, which a test can add; ``wan3.0-video`` is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope import WAN_3_0, WAN_3_0_PRIME, BadModelError, FakeDashScope
from fake_dashscope.catalogue import MODELS, price
from fake_dashscope.cli import build, parser
from fake_dashscope.models import read_model
from tests.functional.fake_dashscope.clips import clip, tone
from tests.functional.fake_dashscope.sandbox import R2V

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.fake_dashscope.origin import Origin
    from tests.functional.fake_dashscope.sandbox import Sandbox

WAN = "wan3.0-video"
PICTURE, VIDEO, SOUND = (f"https://example.com/a.{kind}" for kind in ("jpg", "mp4", "mp3"))
TAKEN: dict[str, tuple[list[tuple[str, str]], dict[str, Any]]] = {
    "a prompt": ([], {"duration": 2, "ratio": "21:9"}),
    "both frames": ([("first_frame", PICTURE), ("last_frame", PICTURE)], {"ratio": "adaptive"}),
    "all references": (
        [("reference_image", PICTURE)] * 10 + [("reference_video", VIDEO)] * 5 + [("reference_audio", SOUND)] * 5,
        {"duration": 30, "resolution": "480P"},
    ),
    "a length that the model chooses": ([], {"duration": -1, "audio": False}),
}
REFUSED: dict[str, tuple[list[tuple[str, str]], dict[str, Any]]] = {
    "a frame beside a reference": ([("first_frame", PICTURE), ("reference_image", PICTURE)], {}),
    "a last frame beside a sound": ([("last_frame", PICTURE), ("reference_audio", SOUND)], {}),
    "two first frames": ([("first_frame", PICTURE)] * 2, {}),
    "eleven images": ([("reference_image", PICTURE)] * 11, {}),
    "six videos": ([("reference_video", VIDEO)] * 6, {}),
    "six sounds": ([("reference_audio", SOUND)] * 6, {}),
    "a video to edit": ([("video", VIDEO)], {}),
    "1 s": ([], {"duration": 1}),
    "31 s": ([], {"duration": 31}),
    "audio that is not a boolean": ([], {"audio": "no"}),
}
BAD_ROWS: dict[str, tuple[object, str]] = {
    "no object": ([], "a Model must be an object"),
    "an unknown field": ({**WAN_3_0, "sides": 3}, "unknown field 'sides' of a Model"),
    "no prices": ({"name": "a", "media": []}, "prices of a Model is required"),
    "one price": ({**WAN_3_0, "prices": {"720P": 0.1}}, "invalid prices of 720P"),
    "no price of the default": ({**WAN_3_0, "prices": {"720P": [0.1, 0.2]}}, "'1080P', the default resolution"),
    "no such ratio": ({**WAN_3_0, "default_ratio": "2:1"}, "'2:1', the default ratio"),
    "an unknown kind": (
        {**WAN_3_0, "exclusive": [], "media": [{"type": "x", "minimum": 0, "maximum": 1, "kind": "scent"}]},
        "unknown kind 'scent'",
    ),
    "an exclusion of nothing": ({**WAN_3_0, "exclusive": [["first_frame"], ["video"]]}, "exclusive names 'video'"),
    "a rule without a maximum": ({**WAN_3_0, "media": [{"type": "x", "minimum": 0}]}, "maximum of a MediaRule"),
}


def wan(media: list[tuple[str, str]], **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the body of a task of wan3.0-video."""
    listed = [{"type": kind, "url": url} for kind, url in media]
    return {"model": WAN, "input": {"prompt": "The cat of Image 1", "media": listed}, "parameters": parameters}


@pytest.fixture
def studio(make_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """Return a fake that knows wan3.0-video."""
    return make_sandbox(models=[WAN_3_0])


def test_only_happyhorse_is_known_from_the_start(sandbox: Sandbox) -> None:
    """A model that is announced must be switched on."""
    assert {"happyhorse"} == {name.partition("-")[0] for name in MODELS}
    assert (404, "ModelNotFound") == ((reply := sandbox.post(wan([]))).status_code, reply.json()["code"])


def test_a_row_can_be_added_in_process(make_sandbox: Callable[..., Sandbox]) -> None:
    """``add_model`` takes a row of data, also while it runs; a reset keeps it."""
    sandbox = make_sandbox()
    sandbox.fake.add_model(WAN_3_0)
    sandbox.fake.reset()
    assert "SUCCEEDED" == sandbox.finish(wan([]))["output"]["task_status"]


def test_a_row_can_be_added_over_http(make_sandbox: Callable[..., Sandbox]) -> None:
    """``POST /__fake__/models`` takes the same row; GET shows all rows as they can be posted again."""
    sandbox = make_sandbox()
    url = f"{sandbox.base}/__fake__/models"
    added = sandbox.client.post(url, json=WAN_3_0)
    assert 200 == added.status_code
    assert added.json() == sandbox.client.get(url).json()
    rows = {row["name"]: row for row in added.json()["models"]}
    assert {*MODELS, WAN} == set(rows)
    assert "SUCCEEDED" == sandbox.finish(wan([]))["output"]["task_status"]
    for row in rows.values():
        assert 200 == sandbox.client.post(url, json=row).status_code
    assert rows == {row["name"]: row for row in sandbox.client.get(url).json()["models"]}


def test_a_row_can_be_added_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``fake-dashscope --model FILE`` reads a row of JSON, and names the file that is not one."""
    path = tmp_path / "wan.json"
    path.write_text(json.dumps(WAN_3_0))
    assert {*MODELS, WAN} == {model.name for model in build(parser().parse_args(["--model", str(path)])).models()}
    path.write_text("{}")
    with pytest.raises(SystemExit):
        parser().parse_args(["--model", str(path)])
    assert f"invalid model {path}: name of a Model is required" in capsys.readouterr().err


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_refused_with_what_is_allowed(name: str) -> None:
    """Unknown and missing fields, and fields that contradict each other, are named."""
    row, message = BAD_ROWS[name]
    with pytest.raises(BadModelError, match=message):
        read_model(row)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"name": "x"}'])
def test_a_bad_row_over_http_is_a_400(sandbox: Sandbox, body: bytes) -> None:
    """The reply says what is wrong, and no model is added."""
    response = sandbox.client.post(f"{sandbox.base}/__fake__/models", content=body)
    assert 400 == response.status_code
    assert response.json()["error"]
    assert set(MODELS) == {model.name for model in sandbox.fake.models()}


def test_a_row_replaces_the_one_of_its_name() -> None:
    """A test can change a price, or any other fact, of a known model."""
    fake = FakeDashScope()
    fake.add_model({**MODELS[R2V].view(), "prices": {"1080P": [1, 2]}})
    assert [2] == [price(model, "1080P", "ap-southeast-1") for model in fake.models() if model.name == R2V]
    assert 0.24 == price(MODELS[R2V], "1080P", "ap-southeast-1")


@pytest.mark.parametrize("name", TAKEN)
def test_wan_takes_text_frames_and_references(studio: Sandbox, name: str) -> None:
    """The row says all of it: counts, ratio, lengths, and whether there is sound."""
    media, parameters = TAKEN[name]
    assert "SUCCEEDED" == studio.finish(wan(media, **parameters))["output"]["task_status"]


@pytest.mark.parametrize("name", REFUSED)
def test_wan_refuses_what_its_row_does_not_take(studio: Sandbox, name: str) -> None:
    """Frames and references exclude each other; counts and ranges are those of the row."""
    media, parameters = REFUSED[name]
    assert (400, "InvalidParameter") == (
        (reply := studio.post(wan(media, **parameters))).status_code,
        reply.json()["code"],
    )


def test_wan_bills_reference_videos(studio: Sandbox, origin: Origin) -> None:
    """The seconds of reference videos are billed beside those of the output, those of sounds are not."""
    media = [("reference_video", origin.add("clip", clip(4.0))), ("reference_audio", origin.add("tone", tone()))]
    usage = studio.finish(wan(media, resolution="720P", duration=2))["usage"]
    assert 6 == usage["duration"]
    assert (4, 2) == (usage["input_video_duration"], usage["output_video_duration"])
    assert 0.6 == studio.fake.ledger()["tasks"][0]["billed_usd"]


@pytest.mark.parametrize(("kind", "body"), [("reference_video", clip(8.0, hertz=0)), ("reference_audio", tone(8.0))])
def test_wan_limits_references_together(studio: Sandbox, origin: Origin, kind: str, body: bytes) -> None:
    """Videos, and sounds, have a maximum of 15 s together."""
    output = studio.finish(wan([(kind, origin.add("reference", body))] * 2))["output"]
    assert ("FAILED", "InvalidFile.Duration") == (output["task_status"], output["code"])


def test_wan_reads_twenty_thousand_characters(studio: Sandbox) -> None:
    """A Chinese character counts as one there."""
    body = wan([])
    body["input"]["prompt"] = "马" * 20_001
    studio.submit(body)
    assert "马" * 20_000 == studio.fake.ledger()["tasks"][0]["prompt"]


def test_wan_has_a_dearer_twin() -> None:
    """The rows differ in name and price."""
    assert {**WAN_3_0, "name": "wan3.0-video-prime", "prices": WAN_3_0_PRIME["prices"]} == WAN_3_0_PRIME
    assert 0.28 == price(read_model(WAN_3_0_PRIME), "1080P", "ap-southeast-1")
