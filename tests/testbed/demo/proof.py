"""Check what the demo claims: against the fake DashScope's ledger, and in the files themselves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING, Any

from gallop.domain import models

from tests.testbed.demo import film
from tests.testbed.demo.doors import DemoFailed
from tests.testbed.demo.samples import CLIP, FRAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.testbed.demo.film import Film

FRAMES_PER_SECOND = 24
# The pixels of each tier, of which a video whose shape is that of an input has about as many.
PIXELS = {"480P": 854 * 480, "720P": 1280 * 720, "1080P": 1920 * 1080}
# Sides are even numbers, and DashScope may round further.
PIXELS_TOLERANCE, SHAPE_TOLERANCE, SOUND_TOLERANCE_SECONDS = 0.02, 0.01, 0.1
# Two encodings of a picture differ by 1 to 3, and two pictures by 40 and more.
MAX_DIFFERENCE = 6.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finished job's folder, receipt and video, and the number of tasks that DashScope created for it.

    ``seconds`` are measured on the testbed's clock, from the door to the end. ``billed`` are the seconds that DashScope
    charged.
    """

    folder: Path
    receipt: Mapping[str, Any]
    film: Film
    tasks: int
    seconds: float
    billed: float

    @property
    def kind(self) -> str:
        """What the video was made from."""
        return str(models.MODELS[self.receipt["request"]["model"]].kind)


def examine(folder: Path, ledger: Mapping[str, Any], seconds: float) -> Evidence:
    """Check one job by its files and the ledger; ``seconds`` is how long it took.

    Raises:
        DemoFailed: A check failed.

    """
    receipt, status = (json.loads((folder / name).read_text()) for name in ("video.json", "status.json"))
    video = (folder / "video.mp4").read_bytes()
    request = receipt["request"]
    _expect(folder, "the state", "succeeded", status["state"])
    _expect(folder, "the SHA-256", receipt["video"]["sha256"], hashlib.sha256(video).hexdigest())
    played = film.play(video)
    given = _given(folder)
    length = request["duration"] if given is None or "duration" in request else film.play(given).seconds
    _check_film(folder, request, played, length)
    if given is not None:
        _check_opening(folder, given, video)
    tasks = [task for task in ledger["tasks"] if task["model"] == request["model"]]
    _expect(folder, "DashScope's tasks", [receipt["task"]["task_id"]], [task["task_id"] for task in tasks])
    billed = sum(task["billed_seconds"] for task in tasks)
    _expect(folder, "the seconds billed", length if "duration" in request else 2 * length, billed)
    return Evidence(folder, receipt, played, len(tasks), seconds, billed)


def audit(evidence: Sequence[Evidence], ledger: Mapping[str, Any]) -> None:
    """Check that nothing was sent to DashScope except for what the jobs account for.

    Raises:
        DemoFailed: There are other requests or tasks.

    """
    jobs = len(evidence)
    posts, tasks = ledger["requests"]["submit"], len(ledger["tasks"])
    if (posts, tasks) != (jobs, jobs):
        raise DemoFailed(f"{jobs} jobs made {posts} paid requests and {tasks} tasks at DashScope; each must make one.")


def _given(folder: Path) -> bytes | None:
    """Return the file that decides how the video begins: its first frame, or the video to edit."""
    files = (folder / name for name in (FRAME, CLIP))
    return next((file.read_bytes() for file in files if file.exists()), None)


def _check_film(folder: Path, request: Mapping[str, Any], played: Film, seconds: float) -> None:
    found = (played.codec, played.frames_per_second, played.seconds, played.audio)
    _expect(folder, "codec, frames per second, seconds and sound", ("h264", FRAMES_PER_SECOND, seconds, "aac"), found)
    if abs(played.sound_seconds - seconds) > SOUND_TOLERANCE_SECONDS:
        raise DemoFailed(f"{folder}: the sound has {played.sound_seconds} s; expected {seconds} s.")
    size = f"{played.width}x{played.height}"
    if "ratio" in request:
        _expect(folder, "the size", models.size(request["resolution"], request["ratio"]), size)
    elif not isclose(played.width * played.height, PIXELS[request["resolution"]], rel_tol=PIXELS_TOLERANCE):
        raise DemoFailed(f"{folder}: the size is {size}; expected about {PIXELS[request['resolution']]:,} pixels.")


def _check_opening(folder: Path, given: bytes, video: bytes) -> None:
    """Check that a video has the shape of what it was made from, and starts with it."""
    wanted, found = film.opening(given), film.opening(video)
    if not isclose(wanted.width / wanted.height, found.width / found.height, rel_tol=SHAPE_TOLERANCE):
        raise DemoFailed(f"{folder}: the video has another shape than its input.")
    if (difference := film.difference(wanted, found)) > MAX_DIFFERENCE:
        raise DemoFailed(f"{folder}: the video does not start with its input (difference {difference:.0f}).")


def _expect(folder: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise DemoFailed(f"{folder}: {what} is {found}; expected {expected}.")
