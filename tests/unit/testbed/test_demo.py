"""What the demo shows, and what it counts as a failure."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import av
import pytest
from PIL import Image

from fake_dashscope.clock import ManualClock
from tests.testbed.demo import clip, display, film, proof
from tests.testbed.demo.doors import DemoFailed, Snapshot
from tests.testbed.demo.film import Film
from tests.testbed.demo.samples import CLIP, FRAME, PICTURES, Sample, samples
from tests.testbed.demo.track import Track

if TYPE_CHECKING:
    from pathlib import Path

JOB = "job_aaaaaaaaaaaaaaaaaaaaaaaaaa"
VIDEO = b"a film"
PORTRAIT = next(sample.inputs[FRAME] for sample in samples() if sample.kind == "i2v")
CLIP_FILM = Film("h264", 480, 360, 24, 3)
REQUESTS: dict[str, dict[str, Any]] = {
    "t2v": {"model": "happyhorse-1.0-t2v", "resolution": "720P", "ratio": "16:9", "duration": 5},
    "i2v": {"model": "happyhorse-1.0-i2v", "resolution": "720P", "duration": 5},
    "video-edit": {"model": "happyhorse-1.0-video-edit", "resolution": "720P"},
}
FILMS = {
    "t2v": Film("h264", 1280, 720, 24, 5, "aac", 4.97),
    "i2v": Film("h264", 832, 1108, 24, 5, "aac", 4.97),
    "video-edit": Film("h264", 1108, 832, 24, 3, "aac", 2.97),
}
BILLED = {"t2v": 5, "i2v": 5, "video-edit": 6}


@dataclass(slots=True)
class QuietDoor:
    """A door that never shows anything."""

    sample: Sample
    arrival: str = "dropped"
    waits_for: str = "waits"
    receipts: str = "folder"

    def send(self) -> Snapshot | None:
        """Send nothing."""
        return None

    def look(self) -> Snapshot | None:
        """Return nothing."""
        return None

    def fetch_video(self) -> bytes:
        """Return bytes that are not a video."""
        return VIDEO


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that does not move."""
    return ManualClock()


@pytest.fixture
def track(clock: ManualClock) -> Track:
    """Start at the quiet door."""
    return Track(QuietDoor(Sample("t2v", "a prompt")), clock, clock.now())


def test_a_track_records_when_each_stage_was_reached(track: Track, clock: ManualClock) -> None:
    """Only a new stage is a change, and the time before the request belongs to the first."""
    changes = []
    for seconds, state in [(12, "queued"), (1, "submitting"), (2, "running"), (30, "running"), (40, "succeeded")]:
        clock.advance(seconds)
        changes.append(track.see(Snapshot(JOB, state, 0.7, is_estimate=True)))
    assert [True, False, True, False, True] == changes
    assert {"dropped": 0.0, "queued": 12.0, "running": 15.0, "succeeded": 85.0} == track.reached
    clock.advance(1000)
    assert 85.0 == track.elapsed


@pytest.mark.parametrize("stages", range(6))
def test_a_timeline_fits_a_terminal_at_every_stage(stages: int, track: Track, clock: ManualClock) -> None:
    """It shows all stages, with the times of those reached, and has at most 80 columns."""
    for stage in track.stages[1:stages]:
        clock.advance(65)
        track.see(Snapshot(JOB, stage, 0.7, is_estimate=True))
    line = display.timeline(track).plain
    assert all(stage in line for stage in track.stages)
    assert max(0, stages - 1) == sum(f"{minute}:" in line for minute in range(1, 6))
    assert len(line) <= 80


def test_a_skipped_stage_counts_as_reached(track: Track, clock: ManualClock) -> None:
    """A job that was queued and started between two polls is running, and no earlier stage is shown as open."""
    clock.advance(18)
    track.see(Snapshot(JOB, "running", 0.7, is_estimate=True))
    line = display.timeline(track)
    assert line.plain.startswith("dropped ━━━ queued ━━━ running 0:18 ─")
    assert ["green", "green"] == [
        span.style for span in line.spans if line.plain[span.start : span.end] in track.stages[:2]
    ]


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("CI", "true"), ("TERM", "dumb")])
def test_lines_are_plain_without_animation(variable: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Animation can be switched off in a terminal, too."""
    for name in ("NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert isinstance(display.display(), display.LiveDisplay)
    monkeypatch.setenv(*variable)
    assert isinstance(display.display(), display.PlainDisplay)


@dataclass(slots=True)
class Made:
    """The files of a job that succeeded, and the fake's ledger; what is played and what a file opens with is given."""

    kind: str
    folder: Path
    ledger: dict[str, Any]
    films: dict[bytes, Film]
    openings: dict[bytes, bytes]

    def examine(self) -> proof.Evidence:
        """Check them."""
        return proof.examine(self.folder, self.ledger, 80.0)


@pytest.fixture(params=REQUESTS)
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Return a job of each kind."""
    kind = request.param
    task = {"task_id": "task-1", "model": REQUESTS[kind]["model"], "billed_seconds": BILLED[kind]}
    ledger = {"tasks": [task], "requests": {"submit": 1}}
    one = Made(kind, tmp_path, ledger, {VIDEO: FILMS[kind], b"a clip": CLIP_FILM}, {VIDEO: resized(FILMS[kind])})
    monkeypatch.setattr(film, "play", one.films.__getitem__)
    opening = cache(film.opening)
    monkeypatch.setattr(film, "opening", lambda data: opening(one.openings.get(data, data)))
    sha256 = hashlib.sha256(VIDEO).hexdigest()
    receipt = {"job": JOB, "request": REQUESTS[kind], "task": {"task_id": "task-1"}, "video": {"sha256": sha256}}
    (tmp_path / "video.json").write_text(json.dumps(receipt))
    (tmp_path / "status.json").write_text(json.dumps({"state": "succeeded"}))
    (tmp_path / "video.mp4").write_bytes(VIDEO)
    if kind == "i2v":
        (tmp_path / FRAME).write_bytes(PORTRAIT)
    if kind == "video-edit":
        (tmp_path / CLIP).write_bytes(b"a clip")
        one.openings[b"a clip"] = resized(CLIP_FILM)
    return one


@cache
def resized(played: Film, picture: bytes = PORTRAIT) -> bytes:
    """Return a picture of the size of a video."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.resize((played.width, played.height)).save(file, "JPEG")
    return file.getvalue()


def test_a_successful_job_passes(made: Made) -> None:
    """It has one task, which the receipt names, and a video as ordered."""
    evidence = made.examine()
    proof.audit([evidence], made.ledger)
    assert 1 == evidence.tasks
    assert BILLED[made.kind] == evidence.billed
    assert made.kind == evidence.kind


@pytest.mark.parametrize(
    "wrong",
    [
        {"codec": "hevc"},
        {"seconds": 9},
        {"frames_per_second": 12},
        {"audio": ""},
        {"sound_seconds": 2},
        {"height": 360},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_another_video_than_ordered_is_a_failure(made: Made, wrong: dict[str, Any]) -> None:
    """Its codec, length, rate, sound and size are those of the request, or of its input."""
    made.films[VIDEO] = replace(FILMS[made.kind], **wrong)
    with pytest.raises(DemoFailed, match="expected"):
        made.examine()


@pytest.mark.parametrize("made", ["i2v", "video-edit"], indirect=True)
def test_a_video_that_starts_with_something_else_is_a_failure(made: Made) -> None:
    """Another picture of the same shape is found, and so is another shape."""
    made.openings[VIDEO] = resized(FILMS[made.kind], (PICTURES / "2-folding-fan.jpg").read_bytes())
    with pytest.raises(DemoFailed, match="does not start with"):
        made.examine()
    made.openings[VIDEO] = resized(FILMS["t2v"])
    with pytest.raises(DemoFailed, match="another shape"):
        made.examine()


def test_bytes_that_differ_from_the_receipt_are_a_failure(made: Made) -> None:
    """The receipt has the video's hash."""
    (made.folder / "video.mp4").write_bytes(VIDEO + b"!")
    with pytest.raises(DemoFailed, match="SHA-256"):
        made.examine()


@pytest.mark.parametrize("tasks", [[], [{}, {}], [{"task_id": "task-2"}]])
def test_tasks_that_differ_from_the_receipt_are_a_failure(made: Made, tasks: list[dict[str, Any]]) -> None:
    """No task, two tasks and another task are each reported."""
    made.ledger["tasks"] = [{**made.ledger["tasks"][0], **task} for task in tasks]
    with pytest.raises(DemoFailed, match="DashScope's tasks"):
        made.examine()


def test_other_seconds_than_ordered_are_a_failure(made: Made) -> None:
    """An edit is billed for its input and its output, everything else for its output."""
    made.ledger["tasks"][0]["billed_seconds"] = 7
    with pytest.raises(DemoFailed, match="the seconds billed is 7"):
        made.examine()


def test_a_second_paid_request_is_a_failure(made: Made) -> None:
    """Even a request that created no task counts."""
    made.ledger["requests"]["submit"] = 2
    evidence = made.examine()
    with pytest.raises(DemoFailed, match="1 jobs made 2 paid requests"):
        proof.audit([evidence], made.ledger)


def test_the_video_to_edit_is_one_that_moves() -> None:
    """It is made by the demo: within the limits of its model, small, and its last frame is not its first."""
    video = clip.make(PICTURES / "2-folding-fan.jpg")
    assert CLIP_FILM == film.play(video)
    assert len(video) < 500_000
    with av.open(io.BytesIO(video), "r") as container:
        *_, last = container.decode(video=0)
    assert film.difference(film.opening(video), last.to_image()) > proof.MAX_DIFFERENCE  # type: ignore[no-untyped-call]
