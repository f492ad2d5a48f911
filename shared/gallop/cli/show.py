"""The output of commands: results on standard output, as tables or JSON, and remarks on standard error."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Wide enough that nothing is cut off where the width of the output is unknown.
UNBOUNDED = 400
# Between two columns.
GAP = 2

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def remark(text: str) -> None:
    """Print a message that is not the result."""
    typer.echo(text, err=True)


def refuse(reason: str) -> NoReturn:
    """Print what is wrong and exit with code 2; standard output stays empty."""
    remark(reason)
    raise typer.Exit(2)


def fail(reason: str) -> NoReturn:
    """Print what has failed and exit with code 1."""
    remark(reason)
    raise typer.Exit(1)


def as_json(value: object) -> None:
    """Print a result as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def as_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print results as a table; in a terminal that is too narrow for it, one line per cell."""
    rows = [tuple(row) for row in rows]
    console = Console(width=None if sys.stdout.isatty() else UNBOUNDED, highlight=False)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    if sum(widths) + GAP * (len(head) - 1) > console.width:
        _as_blocks(console, head, rows)
        return
    table = Table(*head, box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for row in rows:
        # Not as a string, in which rich would read what is in brackets as markup.
        table.add_row(*map(Text, row))
    console.print(table)


def _as_blocks(console: Console, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    for row in rows:
        for name, cell in zip(head, row, strict=True):
            if cell:
                console.print(Text(f"{name}: {cell}"), soft_wrap=True)
        console.print()


def as_lines(facts: Iterable[tuple[str, str]]) -> None:
    """Print named facts, one per line; a long one is not broken, so that it can be copied and searched."""
    facts = list(facts)
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        typer.echo(f"{name:<{width}}  {value}")


def confirm(what: str, *, is_sure: bool) -> None:
    """Say what is about to be done, and ask; any answer but yes, and no terminal to ask, ends the command."""
    remark(what)
    if is_sure:
        return
    if not sys.stdin.isatty():
        refuse("Nothing was changed: there is no terminal to ask. Add --yes.")
    if not typer.confirm("Continue?", err=True):
        fail("Nothing was changed.")


def iso(seconds: float | None) -> str | None:
    """Return a time in ISO 8601, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
