"""Files that a model does not take, at every door: all faults at once, at their place, before anything is paid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import pytest

from tests.support.bad_media import BAD_FILES
from tests.support.clips import clip
from tests.support.dashscope import Vendor
from tests.support.http import Client
from tests.support.orders import INBOX, uploaded
from tests.support.pictures import data_uri, picture
from tests.support.website import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.http import Answer
    from tests.support.promise import Simulation
    from tests.support.website import Website

EDIT, I2V = "happyhorse-1.0-video-edit", "happyhorse-1.0-i2v"
EVERY_BAD_FILE = pytest.mark.parametrize("name", BAD_FILES)
KEY = "uploads/shared/file"
QUIET, HOUR = 70, 3600


def assert_nothing_paid(gallop: Simulation) -> None:
    """Assert that there is neither a job nor a task."""
    gallop.run_for(2 * HOUR)
    assert [] == gallop.jobs()
    assert [] == gallop.tasks()


def faults_of(answer: Answer) -> list[tuple[str, str]]:
    """Return the places and details of a refusal."""
    assert 400 == answer.status, answer.text
    assert all(fault["remedy"] for fault in answer.json["errors"])
    return [(fault["pointer"], fault["detail"]) for fault in answer.json["errors"]]


def faults_in(gallop: Simulation, key: str) -> list[tuple[str, str]]:
    """Return the places and details of a receipt."""
    faults = gallop.receipt(key)["faults"]
    assert all(fault["remedy"] for fault in faults)
    return [(" ".join(filter(None, (one.get("file"), one.get("pointer")))), one["detail"]) for one in faults]


def drop(gallop: Simulation, files: dict[str, Any]) -> None:
    """Drop files, some of which are JSON."""
    for name, content in files.items():
        gallop.drop(f"drop/{name}", content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.mark.parametrize("how", ["upload", "copy"])
@EVERY_BAD_FILE
def test_a_file_in_the_inbox_is_refused(gallop: Simulation, name: str, how: str) -> None:
    """Whether it was uploaded through Gallop or copied there."""
    bad = BAD_FILES[name]
    if how == "upload":
        reference = uploaded(gallop, bad.make(), "video/mp4")
    else:
        gallop.s3.put_object(Bucket=INBOX, Key=KEY, Body=bad.make())
        reference = f"s3://{INBOX}/{KEY}"
    answer = Client(gallop).post({"prompt": "At night.", bad.field: reference})
    assert [(f"/{bad.field}", detail) for detail in bad.says] == faults_of(answer)
    assert_nothing_paid(gallop)


@EVERY_BAD_FILE
def test_a_file_in_a_folder_is_refused(gallop: Simulation, name: str) -> None:
    """In error.json, by its name."""
    bad = BAD_FILES[name]
    file = "clip.mp4" if bad.field == "video" else "first-frame.jpg"
    drop(gallop, {f"f/{file}": bad.make(), "f/prompt.txt": b"At night."})
    gallop.run_for(QUIET)
    assert [(file, detail) for detail in bad.says] == faults_in(gallop, "f/error.json")
    assert_nothing_paid(gallop)


def test_a_file_that_a_line_names_is_refused(gallop: Simulation) -> None:
    """In the receipt of the batch, by its line and field; beside it, and in the inbox."""
    bad_files = {name: bad for name, bad in BAD_FILES.items() if name != "101 MB"}
    lines, expected = [], []
    for number, bad in enumerate(bad_files.values(), start=1):
        content = bad.make()
        gallop.drop(f"drop/b/{number}", content)
        gallop.s3.put_object(Bucket=INBOX, Key=f"uploads/{number}", Body=content)
        for place in (str(number), f"s3://{INBOX}/uploads/{number}"):
            lines.append(json.dumps({"prompt": "At night.", bad.field: place}))
            expected += [(len(lines), f"/{bad.field}", detail) for detail in bad.says]
    gallop.drop("drop/b/batch.jsonl", "\n".join(lines).encode())
    gallop.run_for(HOUR)
    found = gallop.receipt("b/batch.json")["faults"]
    assert expected == [(fault["line"], fault["pointer"], fault["detail"]) for fault in found]
    assert_nothing_paid(gallop)


@EVERY_BAD_FILE
def test_a_file_at_an_address_is_refused_in_dashscopes_protocol(
    gallop: Simulation, website: Website, name: str
) -> None:
    """In one message, which says everything; an image is sent as base64, because one at an address is not read."""
    bad = BAD_FILES[name]
    is_video = bad.field == "video"
    url = website.put("file", bad.make()) if is_video else data_uri(bad.make())
    model, type_ = (EDIT, "video") if is_video else (I2V, "first_frame")
    body = {"model": model, "input": {"prompt": "At night.", "media": [{"type": type_, "url": url}]}}
    answer = Vendor(gallop).submit(body)
    assert (400, "InvalidParameter") == (answer.status, answer.json["code"])
    for detail in bad.says:
        assert f"/input/media/0/url: {detail}" in answer.json["message"]
    assert_nothing_paid(gallop)


def test_all_faults_of_an_edit_are_reported_at_once(gallop: Simulation) -> None:
    """Of its video, each reference, its parameters and its prompt."""
    references = [data_uri(picture(width=200, shade=shade)) for shade in range(6)]
    wrong = {"images": references, "ratio": "1:1", "duration": 5, "prompt": "[Image 9] leaves."}
    video = uploaded(gallop, BAD_FILES["everything"].make(), "video/mp4")
    found = faults_of(Client(gallop).post({"video": video, **wrong}))
    places = ["/video"] * 3 + [f"/images/{index}" for index in range(5)]
    assert [*places, "/images", "/prompt", "/ratio", "/duration"] == [place for place, _ in found]
    assert ("/images", "there are 6 images; the maximum is 5") in found
    assert_nothing_paid(gallop)


def test_two_first_frames_are_refused(gallop: Simulation) -> None:
    """And a ratio, which i2v does not have."""
    frames = [data_uri(picture(shade=shade)) for shade in (1, 2)]
    expected = [
        ("/first_frame", "there are 2 first frames; exactly 1 is required"),
        ("/ratio", f"is not a parameter of {I2V}: the video has the shape of its first frame"),
    ]
    assert expected == faults_of(Client(gallop).post({"first_frame": frames, "ratio": "1:1"}))
    assert_nothing_paid(gallop)


def test_a_video_in_dashscopes_own_storage_is_refused_with_what_a_video_may_be(gallop: Simulation) -> None:
    """Not with what an image may be."""
    media = [{"type": "video", "url": "oss://dashscope-instant/clip.mp4"}]
    answer = Vendor(gallop).submit({"model": EDIT, "input": {"prompt": "At night.", "media": media}})
    assert answer.json["message"].endswith("Send it as https://...")
    assert "base64" not in answer.json["message"]


def raising(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    """Return what fails like this."""

    def reply(_: httpx.Request) -> httpx.Response:
        raise error

    return reply


UNREADABLE: dict[str, tuple[Callable[[httpx.Request], httpx.Response], str]] = {
    "no ranges": (lambda _: httpx.Response(200, content=clip()), "the host does not send ranges of the file"),
    "no length": (
        lambda _: httpx.Response(206, headers={"Content-Range": "bytes 0-9/*"}, content=bytes(10)),
        "the host does not send ranges of the file with its size",
    ),
    "slow": (raising(httpcore.ReadTimeout()), "the host did not respond (ReadTimeout)"),
    "redirect": (
        lambda _: httpx.Response(302, headers={"Location": "https://example.com/other.mp4"}),
        "the host redirects to another address, and redirects are not followed",
    ),
    "not there": (lambda _: httpx.Response(404), "the host responded with status 404"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_video_that_cannot_be_measured_at_its_address_must_be_uploaded(
    gallop: Simulation, website: Website, name: str
) -> None:
    """Nothing unmeasured is paid for."""
    website.reply, reason = UNREADABLE[name]
    answer = Client(gallop).post({"prompt": "At night.", "video": website.put("clip.mp4", clip())})
    detail = f"cannot be measured at its address before it is paid for: {reason}"
    assert [("/video", detail)] == faults_of(answer)
    assert "POST /v1/uploads" in answer.json["errors"][0]["remedy"]
    assert_nothing_paid(gallop)


def test_a_video_at_a_private_address_is_not_asked_for(gallop: Simulation, website: Website) -> None:
    """Nothing is sent to a name that resolves into a private network."""
    website.address = PRIVATE
    answer = Client(gallop).post({"prompt": "At night.", "video": website.put("clip.mp4", clip())})
    detail = (
        "cannot be measured at its address before it is paid for: the address resolves to a host that is not public"
    )
    assert [("/video", detail)] == faults_of(answer)
    assert 0 == website.requests
    assert_nothing_paid(gallop)
