"""Run the demo: ``make demo``, or ``python -m tests.testbed.demo``."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed.demo import proof, samples, summary
from tests.testbed.demo.display import display
from tests.testbed.demo.doors import DemoFailed, HttpsDoor, S3Door, caller
from tests.testbed.demo.follow import follow
from tests.testbed.demo.last_error import last_error
from tests.testbed.signals import stop_on_interrupt

if TYPE_CHECKING:
    import httpx

    from tests.testbed.demo.display import Display
    from tests.testbed.demo.doors import Door
    from tests.testbed.demo.samples import Sample
    from tests.testbed.stack import Testbed

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "out" / "demo"
DEFAULT_SPEED = 8.0
MIN_SPEED, MAX_SPEED = 1, 60
INTERRUPTED = 130
# Started in advance: on a fast clock, a cold start of one second would look like many.
FUNCTIONS = (
    "SubmitFunction",
    "AuthorizeFunction",
    "VideosFunction",
    "StartTaskFunction",
    "StatusFunction",
    "SaveResultFunction",
    "ThumbnailFunction",
    "FinishFunction",
)


def main() -> int:
    """Run the demo; return the exit code."""
    screen = display()
    stop_on_interrupt()
    try:
        run(screen)
    except KeyboardInterrupt:
        screen.console.print("\nStopped. Nothing is left running.")
        return INTERRUPTED
    except DemoFailed as failed:
        screen.console.print(f"\nThe demo failed. {failed}", style="bold red")
        _show_notes(screen, failed)
    except Exception as error:  # noqa: BLE001 - a first-time user needs to know where to look
        screen.console.print(f"\nThe demo failed unexpectedly. {type(error).__name__}: {error}", style="bold red")
        _show_notes(screen, error)
        _keep("traceback.txt", traceback.format_exc())
    else:
        return 0
    if (OUT / "logs").exists():
        screen.console.print(f"See the logs in {(OUT / 'logs').relative_to(ROOT)}/.")
    return 1


def run(screen: Display) -> None:
    """Start a Gallop, make a video of each kind, and show the results."""
    began = time.monotonic()
    shutil.rmtree(OUT, ignore_errors=True)
    speed = _speed()
    screen.console.print("Gallop: a text, images or a video in, a video in your own bucket out.", style="bold")
    screen.console.print("Deploying template.yaml onto an embedded AWS, beside a fake DashScope ...")
    from tests.testbed.stack import Testbed  # noqa: PLC0415 - takes seconds; the lines above come first

    with Testbed(speed=speed, prewarm=FUNCTIONS) as testbed, caller(testbed) as http:
        seconds = time.monotonic() - began
        screen.console.print(f"Ready after {seconds:.1f} s. Its clock runs {speed:g} times as fast as yours.\n")
        try:
            doors = [_door(sample, testbed, http) for sample in samples.samples()]
            took = follow(testbed, doors, screen)
            folders = [_fetch(testbed, door) for door in doors]
            ledger = testbed.dashscope.ledger()
        except Exception as error:
            _keep_logs(testbed)
            found = last_error(testbed.invocations())
            if found:
                error.add_note(found)
            raise
    evidence = [proof.examine(folder, ledger, seconds) for folder, seconds in zip(folders, took, strict=True)]
    proof.audit(evidence, ledger)
    summary.show(screen.console, evidence, ROOT, time.monotonic() - began)


def _show_notes(screen: Display, error: Exception) -> None:
    for note in getattr(error, "__notes__", []):
        screen.console.print(note, markup=False, highlight=False, soft_wrap=True)


def _speed() -> float:
    text = os.environ.get("SPEED") or DEFAULT_SPEED
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise DemoFailed(f"SPEED={text} is not valid. Use a number from {MIN_SPEED} to {MAX_SPEED}.")
    return speed


def _door(sample: Sample, testbed: Testbed, http: httpx.Client) -> Door:
    return S3Door(sample, testbed) if sample.files else HttpsDoor(sample, testbed, http)


def _fetch(testbed: Testbed, door: Door) -> Path:
    folder = OUT / door.sample.kind
    folder.mkdir(parents=True)
    for name, data in {**door.sample.inputs, "video.mp4": door.fetch_video()}.items():
        (folder / name).write_bytes(data)
    s3, bucket = testbed.client("s3"), testbed.coordinates.results_bucket
    for name in ("status.json", "video.json"):
        s3.download_file(bucket, f"{door.receipts}/{name}", str(folder / name))
    return folder


def _keep(name: str, text: str) -> None:
    logs = OUT / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    (logs / name).write_text(text)


def _keep_logs(testbed: Testbed) -> None:
    for function in {invocation.function for invocation in testbed.invocations()}:
        _keep(f"{function}.txt", testbed.logs(function))


if __name__ == "__main__":
    sys.exit(main())
