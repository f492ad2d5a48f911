"""What the demo shows, and what it refuses to call a success."""

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
    """A door at which nothing happens."""

    name: str = "S3 door"
    arrival: str = "dropped"
    parcel: str = "a folder"
    waits_for: str = "waits"
    receipts: str = "folder"

    def send(self) -> Snapshot | None:
        """Do nothing."""
        return None

    def look(self) -> Snapshot | None:
        """See nothing."""
        return None

    def fetch_video(self) -> bytes:
        """Return what is no film."""
        return VIDEO


@pytest.fixture
def clock() -> ManualClock:
    """Let time stand still."""
    return ManualClock()


@pytest.fixture
def track(clock: ManualClock) -> Track:
    """Begin at the door."""
    return Track(QuietDoor(), clock, clock.now())


def test_a_track_notes_when_each_stage_was_reached(track: Track, clock: ManualClock) -> None:
    """Only a new stage is a change, and the moment before the request is part of the first."""
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
    """It names all stages, tells when those behind were reached, and is never wider than 80 columns."""
    for stage in track.stages[1:stages]:
        clock.advance(65)
        track.see(Snapshot(JOB, stage, 0.7, is_estimate=True))
    line = display.timeline(track).plain
    assert all(stage in line for stage in track.stages)
    assert max(0, stages - 1) == sum(f"{minute}:" in line for minute in range(1, 6))
    assert len(line) <= 80


def test_a_stage_that_nobody_saw_lies_behind_all_the_same(track: Track, clock: ManualClock) -> None:
    """A job that was queued and started between two looks is running, and nothing before it is drawn as open."""
    clock.advance(18)
    track.see(Snapshot(JOB, "running", 0.7, is_estimate=True))
    line = display.timeline(track)
    assert line.plain.startswith("dropped ━━━ queued ━━━ running 0:18 ─")
    assert ["green", "green"] == [
        span.style for span in line.spans if line.plain[span.start : span.end] in track.stages[:2]
    ]


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("CI", "true"), ("TERM", "dumb")])
def test_lines_are_plain_where_nothing_may_move(variable: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Even in a terminal, if it is asked for."""
    for name in ("NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert isinstance(display.display(), display.LiveDisplay)
    monkeypatch.setenv(*variable)
    assert isinstance(display.display(), display.PlainDisplay)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the files of a job that went well."""
    monkeypatch.setattr(proof, "play", lambda _: FILM)
    write(tmp_path, RECEIPT)
    (tmp_path / "status.json").write_text(json.dumps({"state": "succeeded"}))
    (tmp_path / "video.mp4").write_bytes(VIDEO)
    return tmp_path


def write(folder: Path, receipt: dict[str, Any]) -> None:
    """Write a receipt."""
    (folder / "video.json").write_text(json.dumps(receipt))


def test_a_job_that_went_well_passes(folder: Path) -> None:
    """One task, of which the receipt speaks, and a film as ordered."""
    evidence = proof.examine(folder, LEDGER, 80.0)
    proof.audit([evidence], LEDGER)
    assert ("S3", 1) == (evidence.door, evidence.tasks)


def test_a_film_of_another_kind_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was ordered is what has to be there."""
    monkeypatch.setattr(proof, "play", lambda _: proof.Film("h264", "720x1280", 24, 5))
    with pytest.raises(DemoFailed, match=r"the video is .*; expected H\.264, 1280x720"):
        proof.examine(folder, LEDGER, 80.0)


def test_other_bytes_than_the_receipt_names_are_a_failure(folder: Path) -> None:
    """A receipt vouches for its video."""
    (folder / "video.mp4").write_bytes(VIDEO + b"!")
    with pytest.raises(DemoFailed, match="SHA-256"):
        proof.examine(folder, LEDGER, 80.0)


@pytest.mark.parametrize("tasks", [[], LEDGER["tasks"] * 2, [{**LEDGER["tasks"][0], "task_id": "task-2"}]])
def test_other_tasks_than_the_one_of_the_receipt_are_a_failure(folder: Path, tasks: list[dict[str, Any]]) -> None:
    """None, two, or another one: each is told."""
    with pytest.raises(DemoFailed, match="DashScope's tasks"):
        proof.examine(folder, {**LEDGER, "tasks": tasks}, 80.0)


def test_a_second_paid_request_is_a_failure(folder: Path) -> None:
    """Also one that made no task."""
    ledger = deepcopy(LEDGER)
    ledger["requests"]["submit"] = 2
    evidence = proof.examine(folder, ledger, 80.0)
    with pytest.raises(DemoFailed, match="1 jobs made 2 paid requests"):
        proof.audit([evidence], ledger)
