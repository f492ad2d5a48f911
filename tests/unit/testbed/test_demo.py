"""What the demo shows, and what it counts as a failure."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope.clock import ManualClock
from tests.testbed.demo import display, proof
from tests.testbed.demo.doors import DemoFailed, Snapshot
from tests.testbed.demo.track import Track

if TYPE_CHECKING:
    from pathlib import Path

JOB = "job_aaaaaaaaaaaaaaaaaaaaaaaaaa"
FILM = proof.Film("h264", "1280x720", 24, 5)
VIDEO = b"a film"
RECEIPT = {
    "job": JOB,
    "door": "s3",
    "request": {"prompt": "a horse", "resolution": "720P", "ratio": "16:9", "duration": 5},
    "task": {"task_id": "task-1"},
    "video": {"sha256": hashlib.sha256(VIDEO).hexdigest()},
}
LEDGER: dict[str, Any] = {
    "tasks": [{"task_id": "task-1", "prompt": "a horse", "billed_seconds": 5}],
    "requests": {"submit": 1},
}


@dataclass(slots=True)
class QuietDoor:
    """A door that never shows anything."""

    name: str = "S3 door"
    arrival: str = "dropped"
    parcel: str = "a folder"
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
    return Track(QuietDoor(), clock, clock.now())


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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the files of a job that succeeded."""
    monkeypatch.setattr(proof, "play", lambda _: FILM)
    write(tmp_path, RECEIPT)
    (tmp_path / "status.json").write_text(json.dumps({"state": "succeeded"}))
    (tmp_path / "video.mp4").write_bytes(VIDEO)
    return tmp_path


def write(folder: Path, receipt: dict[str, Any]) -> None:
    """Write a receipt."""
    (folder / "video.json").write_text(json.dumps(receipt))


def test_a_successful_job_passes(folder: Path) -> None:
    """It has one task, which the receipt names, and a video as ordered."""
    evidence = proof.examine(folder, LEDGER, 80.0)
    proof.audit([evidence], LEDGER)
    assert ("S3", 1) == (evidence.door, evidence.tasks)


def test_another_video_than_ordered_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The video must match the request."""
    monkeypatch.setattr(proof, "play", lambda _: proof.Film("h264", "720x1280", 24, 5))
    with pytest.raises(DemoFailed, match=r"the video is .*; expected H\.264, 1280x720"):
        proof.examine(folder, LEDGER, 80.0)


def test_bytes_that_differ_from_the_receipt_are_a_failure(folder: Path) -> None:
    """The receipt has the video's hash."""
    (folder / "video.mp4").write_bytes(VIDEO + b"!")
    with pytest.raises(DemoFailed, match="SHA-256"):
        proof.examine(folder, LEDGER, 80.0)


@pytest.mark.parametrize("tasks", [[], LEDGER["tasks"] * 2, [{**LEDGER["tasks"][0], "task_id": "task-2"}]])
def test_tasks_that_differ_from_the_receipt_are_a_failure(folder: Path, tasks: list[dict[str, Any]]) -> None:
    """No task, two tasks and another task are each reported."""
    with pytest.raises(DemoFailed, match="DashScope's tasks"):
        proof.examine(folder, {**LEDGER, "tasks": tasks}, 80.0)


def test_a_second_paid_request_is_a_failure(folder: Path) -> None:
    """Even a request that created no task counts."""
    ledger = deepcopy(LEDGER)
    ledger["requests"]["submit"] = 2
    evidence = proof.examine(folder, ledger, 80.0)
    with pytest.raises(DemoFailed, match="1 jobs made 2 paid requests"):
        proof.audit([evidence], ledger)
