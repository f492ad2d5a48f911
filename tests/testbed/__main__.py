"""``make up``: a whole Gallop on this machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.testbed.stack import DEFAULT_SPEED, ROOT, Coordinates, Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = ROOT / ".testbed.json"


@contextmanager
def published(coordinates: Coordinates, path: Path) -> Iterator[None]:
    """Show a file, whole from the first moment on and for its owner only, for as long as the context lasts."""
    draft = path.with_suffix(".tmp")
    draft.touch(mode=0o600)
    draft.write_text(coordinates.to_json(), encoding="utf-8")
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def table(coordinates: Coordinates) -> Table:
    """Show what a person needs to begin."""
    rows = Table.grid(padding=(0, 2))
    rows.add_row("HTTPS door", coordinates.api_url)
    rows.add_row("API key", coordinates.api_key)
    rows.add_row("S3 door", f"s3://{coordinates.inbox_bucket}/drop/")
    rows.add_row("results", f"s3://{coordinates.results_bucket}/")
    rows.add_row("AWS endpoint", f"{coordinates.aws_endpoint_url} ({coordinates.region})")
    rows.add_row("DashScope", coordinates.dashscope_url)
    rows.add_row("clock", f"{coordinates.speed:g} times as fast as real time")
    return rows


def main() -> int:
    """Run the testbed until it is told to stop."""
    console = Console()
    started = time.monotonic()
    try:
        with _from_environment() as testbed, published(testbed.coordinates, FILE):
            console.print(table(testbed.coordinates))
            seconds = time.monotonic() - started
            console.print(f"\nReady after {seconds:.1f} s. All of it is in {FILE.name}. Ctrl-C stops it.", style="bold")
            signal.pause()
    except KeyboardInterrupt:
        console.print("Stopped.")
    return 0


def _from_environment() -> Testbed:
    return Testbed(
        speed=float(os.environ.get("SPEED") or DEFAULT_SPEED),
        api_port=int(os.environ.get("API_PORT") or 0),
        aws_port=int(os.environ.get("AWS_PORT") or 0),
        dashscope_port=int(os.environ.get("DASHSCOPE_PORT") or 0),
    )


if __name__ == "__main__":
    sys.exit(main())
