"""Tables in terminals of any width, and in pipes."""

from __future__ import annotations

import sys

import pytest
from gallop.cli import show

HEAD = ("JOB", "CLIENT", "STATE")
ROWS = [(f"job_{'a' * 26}", "acme", "queued (parked)"), (f"job_{'b' * 26}", "[bold]", "")]


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Print the table; return its lines."""
    show.as_table(HEAD, ROWS)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("columns", [20, 40])
def test_a_narrow_terminal_shows_a_line_per_cell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    """No ID is broken, and an empty cell is left out."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    lines = printed(capsys)
    assert [f"JOB: {ROWS[0][0]}", "CLIENT: acme", "STATE: queued (parked)", ""] == lines[:4]
    assert [f"JOB: {ROWS[1][0]}", "CLIENT: [bold]", ""] == lines[4:]


def test_a_pipe_gets_a_line_per_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """However narrow the terminal is beside it; what is in brackets is no markup."""
    monkeypatch.setenv("COLUMNS", "20")
    assert [["JOB", "CLIENT", "STATE"], [ROWS[0][0], "acme", "queued", "(parked)"], [ROWS[1][0], "[bold]"]] == [
        line.split() for line in printed(capsys)
    ]
