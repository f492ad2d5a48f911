"""Checks what the demo claims: against the vendor's ledger, and in the files themselves."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
from gallop.domain import models

from tests.testbed.demo.doors import DemoFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FRAMES_PER_SECOND = 24


@dataclass(frozen=True, slots=True)
class Film:
    """What a video file turns out to be once every frame of it has been decoded."""

    codec: str
    size: str
    frames_per_second: float
    seconds: float

    def __str__(self) -> str:
        """Say it as people do."""
        codec = self.codec.upper().replace("H26", "H.26")
        return f"{codec}, {self.size}, {self.frames_per_second:g} fps, {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finished job's folder, receipt and film, and how many tasks the vendor made for it.

    ``seconds`` are those of the testbed's clock, from the door to the end.
    """

    folder: Path
    receipt: Mapping[str, Any]
    film: Film
    tasks: int
    seconds: float

    @property
    def door(self) -> str:
        """Name the door as people do."""
        return str(self.receipt["door"]).upper()


def play(video: bytes) -> Film:
    """Decode a video to its last frame."""
    with av.open(io.BytesIO(video), "r") as container:
        stream = container.streams.video[0]
        frames = len(list(container.decode(stream)))
        rate = float(stream.average_rate or 0)
        return Film(stream.codec_context.name, f"{stream.width}x{stream.height}", rate, round(frames / rate, 2))


def examine(folder: Path, ledger: Mapping[str, Any], seconds: float) -> Evidence:
    """Check one job, which took so many seconds, by its files and the ledger.

    Raises:
        DemoFailed: something is not as it should be.

    """
    receipt, status = (json.loads((folder / name).read_text()) for name in ("video.json", "status.json"))
    video = (folder / "video.mp4").read_bytes()
    request = receipt["request"]
    film = play(video)
    size = models.size(request["resolution"], request["ratio"])
    _expect(folder, "the film", Film("h264", size, FRAMES_PER_SECOND, request["duration"]), film)
    _expect(folder, "the SHA-256", receipt["video"]["sha256"], hashlib.sha256(video).hexdigest())
    _expect(folder, "the state", "succeeded", status["state"])
    tasks = [task for task in ledger["tasks"] if task["prompt"] == request["prompt"]]
    _expect(folder, "DashScope's tasks", [receipt["task"]["task_id"]], [task["task_id"] for task in tasks])
    _expect(folder, "the seconds billed", request["duration"], sum(task["billed_seconds"] for task in tasks))
    return Evidence(folder, receipt, film, len(tasks), seconds)


def audit(evidence: Sequence[Evidence], ledger: Mapping[str, Any]) -> None:
    """Check that nothing was sent to DashScope beside what the jobs account for.

    Raises:
        DemoFailed: something was.

    """
    jobs = len(evidence)
    posts, tasks = ledger["requests"]["submit"], len(ledger["tasks"])
    if (posts, tasks) != (jobs, jobs):
        raise DemoFailed(f"{jobs} jobs made {posts} paid requests and {tasks} tasks at DashScope.")


def _expect(folder: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise DemoFailed(f"{folder}: {what} should be {expected}, and is {found}.")
