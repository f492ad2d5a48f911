"""The output of commands: results on standard output, as tables or JSON, and remarks on standard error."""

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

# Wide enough that nothing is cut off where the width of the output is unknown.
UNBOUNDED = 400

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def remark(text: str) -> None:
    """Print a message that is not the result."""
    typer.echo(text, err=True)


def refuse(reason: str) -> NoReturn:
    """Print what is wrong and exit with code 2; standard output stays empty."""
    remark(reason)
    raise typer.Exit(2)


def as_json(value: object) -> None:
    """Print a result as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def as_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print results as a table."""
    table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else UNBOUNDED).print(table)


def iso(seconds: float | None) -> str | None:
    """Return a time in ISO 8601, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
