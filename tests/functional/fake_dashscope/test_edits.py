"""Edits: the video that goes in, the one that comes out, and what both cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope import Switches
from tests.functional.fake_dashscope.clips import clip, tone
from tests.functional.fake_dashscope.test_media import data_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.fake_dashscope.origin import Origin
    from tests.functional.fake_dashscope.sandbox import Sandbox

EDIT = "happyhorse-1.0-video-edit"
CLIPS: dict[str, tuple[dict[str, Any], str | None]] = {
    "three seconds": ({}, None),
    "upright": ({"size": (360, 640)}, None),
    "a MOV": ({"kind": "mov"}, None),
    "without sound": ({"hertz": 0}, None),
    "the longest side": ({"size": (4096, 1640), "fps": 9}, None),
    "9 frames per second": ({"fps": 9}, None),
    "60 s": ({"seconds": 60, "fps": 9, "hertz": 0}, None),
    "a Matroska": ({"kind": "matroska"}, "InvalidFile.Format"),
    "2.9 s": ({"seconds": 2.9}, "InvalidFile.Duration"),
    "60.2 s": ({"seconds": 60.2, "hertz": 0}, "InvalidFile.Duration"),
    "a short side of 358": ({"size": (640, 358)}, "InvalidFile.Resolution"),
    "a long side of 4098": ({"size": (4098, 1640), "fps": 9}, "InvalidFile.Resolution"),
    "wider than 2.5:1": ({"size": (902, 360)}, "InvalidFile.AspectRatio"),
    "8 frames per second": ({"fps": 8}, "InvalidFile.FPS"),
}


def edit(url: str, *references: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the body of an edit."""
    media = [{"type": "video", "url": url}, *({"type": "reference_image", "url": other} for other in references)]
    return {"model": EDIT, "input": {"prompt": "Make it night", "media": media}, "parameters": parameters}


@pytest.mark.parametrize("name", CLIPS)
def test_a_video_must_keep_the_limits_of_an_edit(
    make_sandbox: Callable[..., Sandbox], origin: Origin, name: str
) -> None:
    """MP4 or MOV, 3 to 60 s, 360 to 4,096 px, up to 2.5:1, above 8 frames per second; anything else fails the task."""
    options, code = CLIPS[name]
    output = make_sandbox().finish(edit(origin.add("clip", clip(**options)), resolution="720P"))["output"]
    assert code == output.get("code"), output
    assert ("FAILED" if code else "SUCCEEDED") == output["task_status"]


@pytest.mark.parametrize("body", [b"This is not a video.", clip()[:-2000], tone()], ids=["text", "cut", "a sound"])
def test_an_edit_of_something_else_than_a_video_fails(sandbox: Sandbox, origin: Origin, body: bytes) -> None:
    """A file that is not a whole video fails the task, and costs nothing."""
    output = sandbox.finish(edit(origin.add("clip", body)))["output"]
    assert ("FAILED", "InvalidFile.Format") == (output["task_status"], output["code"])
    assert 0 == sandbox.fake.ledger()["accounts"]["main"]["billed_usd"]


def test_a_video_over_100_megabytes_fails_the_task(make_sandbox: Callable[..., Sandbox]) -> None:
    """The fake reads one byte more than the limit, and no more."""

    def get(url: str, max_bytes: int, timeout: float) -> bytes:
        assert (100 * 1024 * 1024, 10) == (max_bytes, timeout), url
        return bytes(max_bytes + 1)

    output = make_sandbox(get=get).finish(edit("http://localhost/a.mp4"))["output"]
    assert ("FAILED", "InvalidFile.Size") == (output["task_status"], output["code"])


def test_a_video_is_read_with_one_get(sandbox: Sandbox, origin: Origin) -> None:
    """The vendor fetches a video by its URL, with a plain GET."""
    del origin.methods[:]
    sandbox.finish(edit(origin.add("clip", clip()), origin.url("red.png")))
    assert ["GET"] * 2 == origin.methods


def test_a_video_comes_by_url_only(sandbox: Sandbox) -> None:
    """A data URI is refused for a video, and taken for a reference image."""
    refused = sandbox.post(edit(data_uri(clip(), "video/mp4")))
    assert (400, "InvalidURL") == (refused.status_code, refused.json()["code"])
    assert 200 == sandbox.post(edit("https://example.com/a.mp4", data_uri(b"", "image/png"))).status_code


def test_a_video_as_data_uri_may_fail_the_task_instead(make_sandbox: Callable[..., Sandbox]) -> None:
    """By the switch for bad parameters it is a FAILED task."""
    sandbox = make_sandbox(switches=Switches(bad_parameters="task"))
    output = sandbox.finish(edit(data_uri(clip(), "video/mp4")))["output"]
    assert ("FAILED", "InvalidURL") == (output["task_status"], output["code"])


@pytest.mark.parametrize("name", ["small.png", "tiny.png", "strip.png"])
def test_references_of_an_edit_have_their_own_limits(sandbox: Sandbox, origin: Origin, name: str) -> None:
    """A reference image beside a video has a short side of 300 px and a maximum of 2.5:1."""
    output = sandbox.finish(edit(origin.add("clip", clip()), origin.url(name)))["output"]
    expected = {"small.png": None, "tiny.png": "InvalidParameter", "strip.png": "InvalidFile.AspectRatio"}
    assert expected[name] == output.get("code")


def test_input_and_output_seconds_are_billed(sandbox: Sandbox, origin: Origin) -> None:
    """The output is as long as the input, to a hundredth of a second; usage has both and no ratio."""
    reply = sandbox.finish(edit(origin.add("clip", clip(6.62, fps=50)), resolution="720P", ratio="1:1", duration=9))
    assert {
        "duration": 13.24,
        "input_video_duration": 6.62,
        "output_video_duration": 6.62,
        "video_count": 1,
        "SR": 720,
    } == reply["usage"]
    task = sandbox.fake.ledger()["tasks"][0]
    assert 13.24 == task["billed_seconds"]
    assert round(13.24 * 0.14, 6) == task["billed_usd"]
    assert "auto" == task["parameters"]["audio_setting"]


def test_the_account_sets_the_price(make_sandbox: Callable[..., Sandbox], origin: Origin) -> None:
    """An account in mainland China pays less for the same edit."""
    sandbox = make_sandbox(region="cn-beijing")
    sandbox.base = sandbox.base.replace("dashscope-intl", "dashscope")
    task_id = sandbox.submit(edit(origin.add("clip", clip()), resolution="1080P"), key="sk-beijing")
    sandbox.advance(1)
    sandbox.advance(3600)
    (task,) = sandbox.fake.ledger()["tasks"]
    assert (task_id, round(6 * 0.220034, 6)) == (task["task_id"], task["billed_usd"])


@pytest.mark.parametrize(
    ("switches", "billed"), [(Switches(render_ahead=False), 20), (Switches(render_ahead=False, edit_input="used"), 15)]
)
def test_a_long_video_is_cut_at_15_seconds(
    make_sandbox: Callable[..., Sandbox], origin: Origin, switches: Switches, billed: int
) -> None:
    """The output ends at 15 s; whether all seconds of the input are billed is a switch."""
    sandbox = make_sandbox(switches=switches)
    usage = sandbox.finish(edit(origin.add("clip", clip(20.0, hertz=0))))["usage"]
    assert (billed, 15) == (usage["input_video_duration"], usage["output_video_duration"])
    assert billed + 15 == usage["duration"]


def test_a_video_that_is_not_downloaded_counts_six_seconds(sandbox: Sandbox) -> None:
    """A public URL is a placeholder of 6 s."""
    assert 12 == sandbox.finish(edit("https://example.com/a.mp4"))["usage"]["duration"]


def test_an_audio_setting_is_auto_or_origin(sandbox: Sandbox) -> None:
    """Anything else is a bad parameter; other models ignore it."""
    refused = sandbox.post(edit("https://example.com/a.mp4", audio_setting="off"))
    assert (400, "The audio_setting is not valid off") == (refused.status_code, refused.json()["message"])
    assert 200 == sandbox.post(edit("https://example.com/a.mp4", audio_setting="origin")).status_code
    text = {"model": "happyhorse-1.0-t2v", "input": {"prompt": "A cat"}, "parameters": {"audio_setting": "off"}}
    assert 200 == sandbox.post(text).status_code
