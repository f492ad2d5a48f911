"""What is drawn while people wait, in terminals of any width and elsewhere."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import pytest
from gallop.cli.user import wording
from gallop.cli.user.progress import Log, Row, Screen, drawn
from gallop.client import Job, Transfer
from rich.cells import cell_len
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = f"job_{'a' * 26}"


@pytest.fixture
def job(view: Callable[..., dict[str, Any]]) -> Callable[..., Job]:
    """Return a job with some facts."""
    return lambda **facts: Job.read({**view(), **facts})


def test_a_wide_terminal_has_a_line_and_a_bar() -> None:
    """The bar takes the room that is left, up to 30 columns."""
    row = Row("a.jpg", lambda: ["uploading 50 %", "2.5 MB of 5.0 MB"], 0.5)
    (line,) = drawn(row, 80)
    assert 30 == line.plain.count("━")
    (line,) = drawn(row, 60)
    assert 60 == cell_len(line.plain)
    (line,) = drawn(row, 50)
    assert "━" not in line.plain


@pytest.mark.parametrize("width", [1, 5, 20, 40, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Facts go to as many lines as they need; of a name that is too long, the end is shown."""
    for name in (NAME, "größe-写真-" * 5 + "1.jpg"):
        lines = [line.plain for line in drawn(Row(name, lambda: ["queued, position 12", "1:02:05", "~$0.70"]), width)]
        assert max(map(cell_len, lines)) <= width
    assert ["…aaaaaaaaaaaaaaaaaaa", "queued, position 12", "1:02:05  ~$0.70"] == [
        line.plain for line in drawn(Row(NAME, lambda: ["queued, position 12", "1:02:05", "~$0.70"]), 20)
    ]


def test_a_pipe_gets_a_line_per_change(job: Callable[..., Job]) -> None:
    """Nothing is drawn again, and nothing is printed twice."""
    out = io.StringIO()
    with Log(Console(file=out)) as log:
        for done in (0, 1_000_000, 5_000_000):
            log.uploading(Transfer("a\x1b[31m.jpg", done, 5_000_000))
        for facts in ({"queue_position": 3}, {"queue_position": 3}, {"queue_position": 2}, {"state": "running"}):
            log.job(job(id=NAME, **facts))
        log.lost(NAME)
        log.lost(NAME)
        log.job(job(id=NAME, state="running", progress=50))
    assert [
        "Uploading a\N{REPLACEMENT CHARACTER}[31m.jpg (5.0 MB)",
        f"{NAME}: queued, position 3, ~$0.70",
        f"{NAME}: queued, position 2, ~$0.70",
        f"{NAME}: running, ~$0.70",
        f"{NAME}: no connection, retrying",
        f"{NAME}: running, ~$0.70",
    ] == out.getvalue().splitlines()


def test_a_terminal_draws_again(job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds since the creation, then how long the job took; a file is gone when it is complete."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: 1_000_005.0)
    screen = Screen(Console(file=io.StringIO(), force_terminal=True, width=80))
    screen.uploading(Transfer("a.jpg", 1, 4))
    assert ["a.jpg"] == list(screen.rows)
    screen.uploading(Transfer("a.jpg", 4, 4))
    screen.job(job(id=NAME, created_at=1_000_000))
    now[0] += 60
    assert f"{NAME}  queued  1:05  ~$0.70" == screen._drawn().plain  # noqa: SLF001 - what is on the screen
    screen.lost(NAME)
    now[0] += 10
    assert "no connection  0:10  retrying" in screen._drawn().plain  # noqa: SLF001 - as above
    screen.job(job(id=NAME, state="succeeded", created_at=1_000_000, completed_at=1_000_125, cost=0.42))
    assert f"{NAME}  succeeded  2:05  $0.42" == screen._drawn().plain  # noqa: SLF001 - as above
    screen.say("made", ended=NAME)
    assert {} == screen.rows


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb\tc", "a b c"), ("\x1b]0;title\x07", "\N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER}")],
)
def test_texts_of_others_do_not_move_the_cursor(text: str, shown: str) -> None:
    """Neither line breaks nor the sequences that terminals obey."""
    assert shown == wording.plain(text)


def test_a_job_that_waits_for_some_accounts_says_so(job: Callable[..., Job]) -> None:
    """Its queue is another one than that of the jobs that may run anywhere."""
    placement = {"account": None, "tags": {"region": "eu"}}
    assert "queued, position 3 for region=eu" == wording.state(job(queue_position=3, placement=placement))
    assert "queued, position 3" == wording.state(job(queue_position=3, placement=None))
    assert "running" == wording.state(job(state="running", placement=placement))
