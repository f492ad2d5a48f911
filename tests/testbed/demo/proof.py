"""Check what the demo claims: against the fake DashScope's ledger, and in the files themselves."""

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
    """The properties of a video file, of which every frame was decoded."""

    codec: str
    size: str
    frames_per_second: float
    seconds: float

    def __str__(self) -> str:
        """Format them for people."""
        codec = self.codec.upper().replace("H26", "H.26")
        return f"{codec}, {self.size}, {self.frames_per_second:g} fps, {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finished job's folder, receipt and video, and the number of tasks that DashScope created for it.

    ``seconds`` are measured on the testbed's clock, from the door to the end.
    """

    folder: Path
    receipt: Mapping[str, Any]
    film: Film
    tasks: int
    seconds: float

    @property
    def door(self) -> str:
        """The door's name, for people."""
        return str(self.receipt["door"]).upper()


def play(video: bytes) -> Film:
    """Decode a video completely and return its properties."""
    with av.open(io.BytesIO(video), "r") as container:
        stream = container.streams.video[0]
        frames = len(list(container.decode(stream)))
        rate = float(stream.average_rate or 0)
        return Film(stream.codec_context.name, f"{stream.width}x{stream.height}", rate, round(frames / rate, 2))


def examine(folder: Path, ledger: Mapping[str, Any], seconds: float) -> Evidence:
    """Check one job by its files and the ledger; ``seconds`` is how long it took.

    Raises:
        DemoFailed: A check failed.

    """
    receipt, status = (json.loads((folder / name).read_text()) for name in ("video.json", "status.json"))
    video = (folder / "video.mp4").read_bytes()
    request = receipt["request"]
    film = play(video)
    size = str(models.size(request["resolution"], request["ratio"]))
    _expect(folder, "the video", Film("h264", size, FRAMES_PER_SECOND, request["duration"]), film)
    _expect(folder, "the SHA-256", receipt["video"]["sha256"], hashlib.sha256(video).hexdigest())
    _expect(folder, "the state", "succeeded", status["state"])
    tasks = [task for task in ledger["tasks"] if task["prompt"] == request["prompt"]]
    _expect(folder, "DashScope's tasks", [receipt["task"]["task_id"]], [task["task_id"] for task in tasks])
    _expect(folder, "the seconds billed", request["duration"], sum(task["billed_seconds"] for task in tasks))
    return Evidence(folder, receipt, film, len(tasks), seconds)


def audit(evidence: Sequence[Evidence], ledger: Mapping[str, Any]) -> None:
    """Check that nothing was sent to DashScope except for what the jobs account for.

    Raises:
        DemoFailed: There are other requests or tasks.

    """
    jobs = len(evidence)
    posts, tasks = ledger["requests"]["submit"], len(ledger["tasks"])
    if (posts, tasks) != (jobs, jobs):
        raise DemoFailed(f"{jobs} jobs made {posts} paid requests and {tasks} tasks at DashScope; each must make one.")


def _expect(folder: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise DemoFailed(f"{folder}: {what} is {found}; expected {expected}.")
