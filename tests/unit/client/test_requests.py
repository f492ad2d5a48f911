"""What is sent, and which requests are the same."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from gallop.client import Gallop, Refused
from gallop.client.sources import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.client.conftest import Script

JPEG = b"\xff\xd8\xff" + bytes(100)


@pytest.fixture
def sent(script: Script, view: Callable[..., dict[str, Any]]) -> Script:
    """Give a door that accepts everything."""
    script.answers = [httpx.Response(202, json=view())]
    return script


def test_addresses_are_sent_as_they_are(client: Gallop, sent: Script) -> None:
    """And files as data; an option of None is absent."""
    client.make("A.", images=["https://example.com/a.jpg", JPEG], first_frame="upload_" + "a" * 26, seed=None)  # type: ignore[arg-type]
    body = json.loads(sent.requests[0].content)
    assert ["https://example.com/a.jpg", "data:image/jpeg;base64,"] == [body["images"][0], body["images"][1][:23]]
    assert {"prompt", "images", "first_frame"} == body.keys()


def test_everything_that_defines_a_job_is_in_its_key(client: Gallop, sent: Script) -> None:
    """Each of these differs from all others."""
    variants: list[dict[str, Any]] = [
        {"images": [JPEG]},
        {"images": [JPEG, JPEG]},
        {"images": [JPEG + b"1"]},
        {"first_frame": JPEG},
        {"images": [JPEG], "again": 2},
        {"images": [JPEG], "duration": 3},
        {"images": [JPEG], "metadata": {"order": 1}},
        {"images": ["https://example.com/a.jpg"]},
    ]
    for variant in variants:
        client.make("A.", **variant)
    client.make("B.", images=[JPEG])
    assert len(variants) + 1 == len(sent.keys)


def test_a_prompt_that_is_not_valid_unicode_is_for_the_door(client: Gallop, sent: Script) -> None:
    """It says what is wrong; nothing breaks here."""
    client.make("A \ud800.")
    assert "\\ud800" in sent.requests[0].content.decode()


def test_one_image_instead_of_several_is_a_mistake(client: Gallop) -> None:
    """A text would be read letter by letter."""
    with pytest.raises(TypeError, match="images=\\[image\\]"):
        client.make("A.", images="girl.jpg")
    with pytest.raises(FileNotFoundError):
        client.make("A.", images=["girl.jpg"])


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypavif", "image/avif"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x18ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x18moov", "video/quicktime"),
        (b"hello", "application/octet-stream"),
    ],
)
def test_a_type_is_that_of_the_content(head: bytes, media_type: str) -> None:
    """Whatever the name is."""
    found = read(head)
    assert not isinstance(found, str)
    assert media_type == found.media_type


def test_a_wait_asks_when_it_is_worth_it(client: Gallop, script: Script, view: Callable[..., dict[str, Any]]) -> None:
    """A held answer is followed at once, another one after Retry-After; an unchanged job is not sent again."""
    held, soon = {"Preference-Applied": "wait=20", "Retry-After": "5"}, {"Retry-After": "4"}
    far = {"Preference-Applied": "wait=20", "Retry-After": "45"}
    script.answers = [
        httpx.Response(200, headers={**held, "ETag": '"1"'}, json=view()),
        httpx.Response(304, headers=held),
        httpx.Response(304, headers={"Retry-After": "3"}),
        httpx.Response(200, headers=far, json=view(state="running")),
        httpx.Response(200, headers=soon, json=view(state="running")),
        httpx.Response(200, json=view(state="succeeded")),
    ]
    states: list[str] = []
    client.wait("job_a", progress=lambda job: states.append(job.state))
    assert [3.0, 25.0, 4.0] == script.pauses
    assert ["queued", "running", "running", "succeeded"] == states
    assert [None, '"1"', '"1"', '"1"'] == [request.headers.get("if-none-match") for request in script.requests[:4]]
    assert {"wait=20"} == {request.headers["prefer"] for request in script.requests}


def test_a_wait_may_be_limited(
    client: Gallop, script: Script, view: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks a last time when the time is over; the job continues."""
    monkeypatch.setattr(time, "monotonic", lambda: sum(script.pauses))
    script.answers = [httpx.Response(200, headers={"Retry-After": "5"}, json=view())]
    with pytest.raises(TimeoutError, match="It continues"):
        client.wait("job_a", seconds=7)
    assert [5, 2] == script.pauses
    assert ["wait=7", "wait=2", "wait=0"] == [request.headers["prefer"] for request in script.requests]


def test_a_folder_is_refused_with_what_is_wrong(client: Gallop, tmp_path: Path) -> None:
    """What a drop would do that a folder cannot, or what would surprise."""
    for name, problem in (("batch.jsonl", "is a batch"), ("CANCEL", "cancels")):
        folder = tmp_path / name.lower()
        folder.mkdir()
        (folder / name).write_bytes(b"x")
        with pytest.raises(Refused, match=problem):
            client.make_folder(folder)
    with pytest.raises(Refused, match="is empty"):
        client.make_folder(_folder(tmp_path / "empty"))
    with pytest.raises(Refused, match="dry_run"):
        client.make_folder(_folder(tmp_path / "dry", job='{"prompt": "A.", "images": [], "dry_run": true}'))
    with pytest.raises(Refused, match="the maximum is 262,144"):
        client.make_folder(_folder(tmp_path / "large", job=" " * 300_000))
    with pytest.raises(NotADirectoryError):
        client.make_folder(_folder(tmp_path / "one", job="{}") / "job.json")


def _folder(path: Path, job: str = "") -> Path:
    path.mkdir()
    if job:
        (path / "job.json").write_text(job, encoding="utf-8")
    return path
