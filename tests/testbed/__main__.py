"""``make up``: a complete Gallop on this machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.testbed.aws.template import TemplateError
from tests.testbed.mailbox import Mailbox
from tests.testbed.signals import stop_on_interrupt
from tests.testbed.stack import DEFAULT_SPEED, ROOT, Coordinates, Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = ROOT / ".testbed.json"
# Beside that file.
MAILS = "out/mails"


@contextmanager
def published(coordinates: Coordinates, path: Path) -> Iterator[None]:
    """Publish a file, written atomically and readable only by its owner, for the duration of the context."""
    draft = path.with_suffix(".tmp")
    draft.touch(mode=0o600)
    draft.write_text(coordinates.to_json(), encoding="utf-8")
    draft.replace(path)
    try:
        yield
    finally:
        # Another testbed may have replaced the file meanwhile.
        if path.exists() and path.read_text(encoding="utf-8") == coordinates.to_json():
            path.unlink()


def table(coordinates: Coordinates) -> Table:
    """Return what a person needs to start."""
    rows = Table.grid(padding=(0, 2))
    rows.add_row("page", f"{coordinates.api_url}/app")
    rows.add_row("HTTPS door", coordinates.api_url)
    rows.add_row("API key", coordinates.api_key)
    rows.add_row("S3 door", f"s3://{coordinates.inbox_bucket}/drop/")
    rows.add_row("results", f"s3://{coordinates.results_bucket}/")
    rows.add_row("AWS endpoint", f"{coordinates.aws_endpoint_url} ({coordinates.region})")
    rows.add_row("DashScope", coordinates.dashscope_url)
    rows.add_row("mails", f"to {_address()}, here and in {MAILS}/")
    rows.add_row("clock", f"{coordinates.speed:g} times as fast as real time")
    return rows


def main(file: Path = FILE) -> int:
    """Run the testbed until it is stopped; return the exit code."""
    console = Console()
    mailbox = Mailbox(file.parent / MAILS, partial(console.print, markup=False, highlight=False, soft_wrap=True))
    started = time.monotonic()
    stop_on_interrupt()
    try:
        with _from_environment(mailbox) as testbed, published(testbed.coordinates, file):
            console.print(table(testbed.coordinates))
            seconds = time.monotonic() - started
            console.print(f"\nReady after {seconds:.1f} s. Details are in {file.name}. Ctrl-C stops it.", style="bold")
            signal.pause()
    except KeyboardInterrupt:
        console.print("Stopped.")
    except (TemplateError, OSError, ValueError) as error:
        console.print(f"The testbed cannot start: {error}", style="bold red")
        return 1
    return 0


def _from_environment(mailbox: Mailbox) -> Testbed:
    return Testbed(
        parameters={"NotifyEmail": _address(), "NotifyOf": "all"},
        mail=mailbox.take,
        speed=float(os.environ.get("SPEED") or DEFAULT_SPEED),
        api_port=_port("API_PORT"),
        aws_port=_port("AWS_PORT"),
        dashscope_port=_port("DASHSCOPE_PORT"),
        account_concurrency=_concurrency(),
    )


def _address() -> str:
    """Return whom the mails about ended jobs are addressed to; none leaves this machine."""
    return os.environ.get("NOTIFY_EMAIL") or "you@example.com"


def _concurrency() -> int | None:
    """Read the account's concurrency from the environment; raise ``ValueError`` if it is not a positive number."""
    text = os.environ.get("CONCURRENCY")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ValueError(f"CONCURRENCY={text} is not valid. Use a positive number; a new AWS account has 10.")
    return int(text)


def _port(name: str) -> int:
    """Read a port from the environment; raise ``ValueError`` if it is in use."""
    port = int(os.environ.get(name) or 0)
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise ValueError(f"{name}={port} is not available: {error}. Choose another port, or 0 for any.") from error
    return port


if __name__ == "__main__":
    sys.exit(main())
