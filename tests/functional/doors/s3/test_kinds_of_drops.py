"""Which files make which kind of video at the S3 door, what is waited for, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.doors.test_bad_media import QUIET, assert_nothing_paid, drop, faults_in
from tests.support.clips import clip
from tests.support.pictures import picture

if TYPE_CHECKING:
    from tests.support.promise import Simulation

HOUR = 3700
I2V = "happyhorse-1.0-i2v"
STARTED: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "a first frame alone, in capitals": ({"first-frame.PNG": picture("PNG")}, I2V, ["first_frame"]),
    "a first frame that job.json names": (
        {"job.json": {"first_frame": "cat.jpg"}, "cat.jpg": picture()},
        I2V,
        ["first_frame"],
    ),
    "no images": ({"job.json": {"images": [], "prompt": "A cat."}}, "happyhorse-1.0-t2v", []),
    "a model that needs none": (
        {"job.json": {"model": "happyhorse-1.1-t2v"}, "prompt.txt": b"A cat."},
        "happyhorse-1.1-t2v",
        [],
    ),
    "a video": (
        {"a.MOV": clip(form="mov"), "prompt.txt": b"At night."},
        "happyhorse-1.0-video-edit",
        ["video"],
    ),
    "the video that job.json names, of two": (
        {"a.mp4": clip(), "b.mp4": clip(4), "job.json": {"video": "b.mp4", "prompt": "At night."}},
        "happyhorse-1.0-video-edit",
        ["video"],
    ),
}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "two videos": (
        {"a.mp4": clip(), "b.mp4": clip(4), "prompt.txt": b"At night."},
        {"f": "there are 2 videos; exactly 1 is required"},
    ),
    "two first frames": (
        {"first-frame.jpg": picture(), "First Frame.png": picture("PNG")},
        {"f": "there are 2 first frames; exactly 1 is required"},
    ),
    "a first frame and references": (
        {"first-frame.jpg": picture(), "1.jpg": picture(shade=1), "2.jpg": picture(shade=2)},
        {"f": f"{I2V} takes no reference image"},
    ),
    "a ratio for i2v": (
        {"first-frame.jpg": picture(), "job.json": {"ratio": "1:1"}},
        {"job.json /ratio": f"is not a parameter of {I2V}: the video has the shape of its first frame"},
    ),
    "a duration and six references for an edit": (
        {
            "a.mp4": clip(),
            **{f"{number}.jpg": picture(shade=number) for number in range(6)},
            "job.json": {"duration": 5, "prompt": "At night."},
        },
        {
            "f": "there are 6 images; the maximum is 5",
            "job.json /duration": "is not a parameter of happyhorse-1.0-video-edit: "
            "the result is as long as the input video, at most 15 seconds",
        },
    ),
    "a Matroska with references": (
        {"a.mkv": clip(form="mkv"), "1.jpg": picture(), "prompt.txt": b"At night, with the hat of [Image 1]."},
        {"a.mkv": "is a WebM or Matroska video; MP4 or MOV is required"},
    ),
    "a list as first frame": (
        {"cat.jpg": picture(), "job.json": {"first_frame": ["cat.jpg"]}},
        {"job.json": "has an invalid first_frame"},
    ),
    "a video as first frame": (
        {"a.mp4": clip(), "job.json": {"first_frame": "a.mp4"}},
        {"a.mp4": "is not a supported image: its content looks like a video"},
    ),
}
WAITING: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "a video without a prompt": ({"a.mp4": clip()}, {"prompt.txt": "is missing"}, "describes what should happen"),
    "a text alone": ({"prompt.txt": b"A cat."}, {"f": "has no image"}, '{"images": []} in job.json'),
    "no images and no prompt": ({"job.json": {"images": []}}, {"prompt.txt": "is missing"}, "describes what should"),
    "a first frame that may still come": (
        {"job.json": {"model": I2V}},
        {"f": "has no first frame"},
        "Upload it as first-frame.jpg.",
    ),
    "a video that may still come": (
        {"job.json": {"model": "happyhorse-1.0-video-edit", "prompt": "At night."}},
        {"f": "has no video"},
        "Upload one video (MP4 or MOV)",
    ),
}


@pytest.mark.parametrize("name", STARTED)
def test_the_files_of_a_folder_decide_its_video(gallop: Simulation, name: str) -> None:
    """As far as job.json does not; one task is paid."""
    files, model, types = STARTED[name]
    drop(gallop, {f"f/{file}": content for file, content in files.items()})
    gallop.run_for(HOUR)
    (task,) = gallop.tasks()
    assert model == task["model"]
    assert types == [medium["type"] for medium in task["media"]]
    assert "succeeded" == gallop.receipt("f/status.json")["state"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_no_model_takes_is_refused(gallop: Simulation, name: str) -> None:
    """After the quiet time, with all faults."""
    files, faults = REFUSED[name]
    drop(gallop, {f"f/{file}": content for file, content in files.items()})
    gallop.run_for(QUIET)
    assert faults == dict(faults_in(gallop, "f/error.json"))
    assert_nothing_paid(gallop)


@pytest.mark.parametrize("name", WAITING)
def test_a_folder_that_may_be_incomplete_is_waited_for(gallop: Simulation, name: str) -> None:
    """Then its error.json says what is missing, and how to continue."""
    files, faults, remedy = WAITING[name]
    drop(gallop, {f"f/{file}": content for file, content in files.items()})
    gallop.run_for(QUIET)
    assert "incomplete" == gallop.receipt("f/status.json")["state"]
    assert faults == {fault["file"]: fault["detail"] for fault in gallop.receipt("f/status.json")["waiting_for"]}
    gallop.run_for(HOUR)
    assert faults == dict(faults_in(gallop, "f/error.json"))
    assert remedy in json.dumps(gallop.receipt("f/error.json"), ensure_ascii=False).replace('\\"', '"')
    assert_nothing_paid(gallop)


@pytest.mark.parametrize("text", [[], ["clip.txt"], ["clip.mp4.txt"]], ids=str)
@pytest.mark.parametrize("form", ["mp4", "mov", "mkv"])
def test_a_video_outside_a_folder_is_refused(gallop: Simulation, form: str, text: list[str]) -> None:
    """At once, under its own name: nothing that is uploaded later completes it."""
    names = [name.replace("mp4", form) for name in text]
    drop(gallop, {f"clip.{form}": clip(form=form), **dict.fromkeys(names, b"At night.")})
    gallop.run_for(QUIET)
    assert {f"clip.{form}": "is a video outside a folder"} == dict(faults_in(gallop, f"clip.{form}/error.json"))
    assert {f"clip.{form}"} == {key.partition("/")[0] for key in gallop.results_there()}
    assert_nothing_paid(gallop)
