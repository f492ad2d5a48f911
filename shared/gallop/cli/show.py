"""What commands say: results on standard output, for people or for programs, and remarks on standard error."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Wide enough that nothing is cut where no terminal says how wide it is.
UNBOUNDED = 400

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


def remark(text: str) -> None:
    """Say something that is not the result."""
    typer.echo(text, err=True)


def refuse(reason: str) -> NoReturn:
    """Say what cannot be done, and end with exit code 2; nothing stands on standard output."""
    remark(reason)
    raise typer.Exit(2)


def as_json(value: object) -> None:
    """Show a result to a program."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def as_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Show results to a person."""
    table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else UNBOUNDED).print(table)


def iso(seconds: float | None) -> str | None:
    """Write a time for programs, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
