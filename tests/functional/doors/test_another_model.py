"""Another model of the same protocol is another row of data, here and in the fake DashScope: nothing else changes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain import models
from gallop.domain.fields import Choice, Flag, Whole
from gallop.domain.media_rules import MEBIBYTE, AudioRules, ImageRules, VideoRules
from gallop.domain.models import RATIOS, Kind, MediaField, Model
from gallop.domain.prices import Price, Scope

from fake_dashscope import WAN_3_0
from tests.functional.doors.test_models import assert_paid, succeeded, the_task
from tests.support.clips import clip, sound
from tests.support.dashscope import Vendor
from tests.support.http import Client
from tests.support.orders import by_copy
from tests.support.pictures import picture

if TYPE_CHECKING:
    from tests.support.http import Answer
    from tests.support.promise import Simulation
    from tests.support.website import Website

WAN = "wan3.0-video"
FRAMES, REFERENCES = ("first_frame", "last_frame"), ("images", "videos", "audios")
FRAME = ImageRules(short_side=300, max_aspect=2.5, max_bytes=20 * MEBIBYTE)
VIDEOS = VideoRules(
    min_seconds=1, max_seconds=15, short_side=300, long_side=4096, max_aspect=2.5, max_bytes=100 * MEBIBYTE, above_fps=8
)
USD = {"480P": ("0.05", "0.041256"), "720P": ("0.10", "0.082513"), "1080P": ("0.20", "0.165025")}
ROW = Model(
    id=WAN,
    kind=Kind.R2V,
    version="3.0",
    max_prompt_characters=20_000,
    media=(
        MediaField(name="first_frame", type="first_frame", noun="first frame", rules=FRAME),
        MediaField(name="last_frame", type="last_frame", noun="last frame", rules=FRAME),
        MediaField(
            name="images",
            type="reference_image",
            noun="reference image",
            rules=ImageRules(short_side=300, max_aspect=None, max_bytes=20 * MEBIBYTE),
            most=10,
            is_list=True,
            excludes=FRAMES,
        ),
        MediaField(
            name="videos",
            type="reference_video",
            noun="reference video",
            rules=VIDEOS,
            most=5,
            is_list=True,
            is_billed=True,
            max_total_seconds=15,
            excludes=FRAMES,
        ),
        MediaField(
            name="audios",
            type="reference_audio",
            noun="reference audio",
            rules=AudioRules(1, 15, 15 * MEBIBYTE),
            most=5,
            is_list=True,
            max_total_seconds=15,
            excludes=FRAMES,
        ),
    ),
    parameters=(
        Choice(name="resolution", vendor="resolution", choices=tuple(USD), default="720P", vendor_default="1080P"),
        Choice(name="ratio", vendor="ratio", choices=("adaptive", *RATIOS), default="adaptive"),
        Whole(name="duration", vendor="duration", within=range(2, 31), special=(-1,), unit=" seconds", default=5),
        Flag(name="audio", vendor="audio", default=True),
        Flag(name="watermark", vendor="watermark", default=False, vendor_default=True),
        Whole(name="seed", vendor="seed", within=range(2_147_483_648)),
    ),
    prices=tuple(
        Price(scope, resolution, Decimal(usd), date(2026, 11, 30), "a test")
        for resolution, both in USD.items()
        for scope, usd in zip((Scope.INTERNATIONAL, Scope.MAINLAND), both, strict=True)
    ),
)
FILES = {
    "first_frame": [picture(shade=1)],
    "last_frame": [picture(shade=2)],
    "images": [picture(shade=3), picture(shade=4)],
    "videos": [clip(), clip(4)],
    "audios": [sound(3)],
}
# The fields of a request, its files, and the seconds that are charged.
ORDERS: dict[str, tuple[dict[str, Any], tuple[str, ...], float]] = {
    "a text": ({"duration": -1, "audio": False}, (), 5),
    "a long text": ({"prompt": "x" * 20_000, "duration": 2}, (), 2),
    "a first frame": ({"duration": 30, "ratio": "adaptive"}, ("first_frame",), 30),
    "both frames": ({"resolution": "480P", "audio": True}, FRAMES, 5),
    "all references": ({"duration": 2, "ratio": "21:9", "seed": 7}, REFERENCES, 9.2),
    "videos": ({"duration": -1, "resolution": "1080P", "watermark": True}, ("videos",), 12.2),
}
EVERY_ORDER = pytest.mark.parametrize("name", ORDERS)
WRONG: dict[str, tuple[dict[str, Any], dict[str, list[bytes]], str, str]] = {
    "references beside a frame": (
        {},
        {"first_frame": FILES["first_frame"], "images": FILES["images"]},
        "images",
        "reference images cannot be used together with a first frame",
    ),
    "videos of 16 s": (
        {},
        {"videos": [clip(8), clip(8.1)]},
        "videos",
        "the reference videos are 16.1 s together; the maximum is 15 s",
    ),
    "sounds of 16 s": (
        {},
        {"audios": [sound(8), sound(8.1)]},
        "audios",
        "the reference audios are 16.1 s together; the maximum is 15 s",
    ),
    "six videos": (
        {},
        {"videos": [clip(seconds) for seconds in (1, 1.1, 1.2, 1.3, 1.4, 1.5)]},
        "videos",
        "there are 6 reference videos; the maximum is 5",
    ),
    "eleven images": (
        {},
        {"images": [picture(shade=shade) for shade in range(11)]},
        "images",
        "there are 11 images; the maximum is 10",
    ),
    "1 s": ({"duration": 1}, {}, "duration", "must be a whole number from 2 to 30 seconds, or -1, not 1"),
    "31 s": ({"duration": 31}, {}, "duration", "must be a whole number from 2 to 30 seconds, or -1, not 31"),
    "-2 s": ({"duration": -2}, {}, "duration", "must be a whole number from 2 to 30 seconds, or -1, not -2"),
    "a ratio that it does not have": ({"ratio": "2:1"}, {}, "ratio", 'unknown value "2:1"'),
    "a word for the switch of sound": ({"audio": "loud"}, {}, "audio", 'must be true or false, not "loud"'),
    "a longer text": (
        {"prompt": "x" * 20_001},
        {},
        "prompt",
        "is too long: 20,001 characters; the maximum is 20,000 (a Chinese character counts as two)",
    ),
    "a sound as a video": (
        {},
        {"videos": [sound(3)]},
        "videos/0",
        "is not a video: its content looks like an audio file",
    ),
}


@pytest.fixture
def stack(gallop: Simulation, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """Add the row to both."""
    monkeypatch.setitem(models.MODELS, WAN, ROW)
    gallop.fake.add_model(WAN_3_0)
    return gallop


def native(stack: Simulation, fields: dict[str, Any], files: dict[str, list[bytes]]) -> Answer:
    """Send JSON: files of the inbox."""
    copy = by_copy(stack)
    named = {
        name: [copy(name, f"{name}-{index}", data) for index, data in enumerate(all_)] for name, all_ in files.items()
    }
    lists = {name: places if name in REFERENCES else places[0] for name, places in named.items()}
    return Client(stack).post({"model": WAN, "prompt": "A cat runs.", **fields, **lists})


def dashscope(stack: Simulation, website: Website, fields: dict[str, Any], files: dict[str, list[bytes]]) -> Answer:
    """Send DashScope's body: addresses."""
    fields = {"prompt": "A cat runs.", "resolution": "720P", "watermark": False, **fields}
    media = [
        {"type": medium.type, "url": website.put(f"{medium.name}-{index}", data)}
        for medium in ROW.media
        for index, data in enumerate(files.get(medium.name, ()))
    ]
    return Vendor(stack).submit(
        {"model": WAN, "input": {"prompt": fields.pop("prompt"), "media": media}, "parameters": fields}
    )


@EVERY_ORDER
@pytest.mark.parametrize("protocol", ["native", "DashScope"])
def test_a_model_that_is_a_row_makes_videos(stack: Simulation, website: Website, name: str, protocol: str) -> None:
    """With its own media and parameters, charged by its own prices."""
    fields, used, seconds = ORDERS[name]
    files = {field: FILES[field] for field in used}
    answer = (
        native(stack, dict(fields), files) if protocol == "native" else dashscope(stack, website, dict(fields), files)
    )
    assert answer.status in {200, 202}, answer.text
    job = succeeded(stack)
    task = the_task(stack, job)
    assert [medium.type for medium in ROW.media for _ in files.get(medium.name, ())] == [
        medium["type"] for medium in task["media"]
    ]
    assert seconds == pytest.approx(task["billed_seconds"])
    asked = {name: value for name, value in fields.items() if name not in {"prompt", "duration"}}
    assert asked == {name: task["parameters"][name] for name in asked}
    assert fields.get("prompt", "A cat runs.") == task["prompt"]
    assert_paid(stack, job)


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("protocol", ["native", "DashScope"])
def test_what_the_row_does_not_allow_is_refused(stack: Simulation, website: Website, name: str, protocol: str) -> None:
    """In both protocols, at the field as the client knows it, before anything is paid."""
    fields, files, place, detail = WRONG[name]
    if protocol == "native":
        answer = native(stack, fields, files)
        assert 400 == answer.status, answer.text
        assert {(f"/{place}", detail)} == {(one["pointer"], one["detail"]) for one in answer.json["errors"]}
    else:
        answer = dashscope(stack, website, fields, files)
        inside = "/input/prompt" if place == "prompt" else f"/parameters/{place}"
        where = {"videos/0": "/input/media/0/url"}.get(place, "/input/media" if files else inside)
        assert answer.json["message"].startswith(f"{where}: {detail}")
    stack.run_for(3600)
    assert [] == stack.tasks()


def test_the_row_is_offered(stack: Simulation) -> None:
    """In the list of models, with its prices, and nothing changes for a request without a model."""
    shown = Client(stack).get(f"/v1/models/{WAN}").json
    assert ["first_frame", "last_frame", "images", "videos", "audios"] == [one["field"] for one in shown["media"]]
    assert {"480P": 0.05, "720P": 0.1, "1080P": 0.2} == {
        price["resolution"]: price["usd_per_second"] for price in shown["prices"]
    }
    assert 202 == Client(stack).post({"prompt": "A cat.", "images": ["https://example.com/cat.jpg"]}).status
    (job,) = stack.jobs()
    assert "happyhorse-1.0-r2v" == job.request.model
