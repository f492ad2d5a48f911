"""What people see while they wait, on standard error.

In a terminal, lines are drawn again and again: a line per file or job, or a few where the terminal is narrow. In a
pipe, and in a terminal that cannot move its cursor, a line is printed when something has changed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.text import Text

from gallop.cli.user import wording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from gallop.client import Job, Transfer

GAP = "  "
REFRESH_PER_SECOND = 4
MIN_BAR, MAX_BAR = 10, 30
CONNECTING = "Asking Gallop"
COLOURS = {"running": "cyan", "storing": "cyan", "succeeded": "green", "failed": "red", "cancelled": "yellow"}


class Display(Protocol):
    """Shows jobs and files; as a context, it is on the screen."""

    def uploading(self, file: Transfer) -> None:
        """Show how far an upload is."""

    def downloading(self, file: Transfer) -> None:
        """Show how far a download is."""

    def job(self, job: Job) -> None:
        """Show a job, which has changed."""

    def lost(self, job_id: str) -> None:
        """Show that the connection was lost while a job was watched."""

    def say(self, text: str, ended: str = "") -> None:
        """Print a line that stays; it says how the job ``ended`` has ended."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def display() -> Display:
    """Return what suits standard error."""
    console = Console(stderr=True, highlight=False)
    return Screen(console) if console.is_terminal and not console.is_dumb_terminal else Log(console)


@dataclass(slots=True)
class Log:
    """A line per change, never drawn again."""

    console: Console
    seen: dict[str, str] = field(default_factory=dict)

    def uploading(self, file: Transfer) -> None:
        """Print that an upload has begun."""
        self._say(f"up {file.name}", f"Uploading {wording.plain(file.name)} ({wording.size(file.total)})")

    def downloading(self, file: Transfer) -> None:
        """Print that a download has begun."""
        self._say(f"down {file.name}", f"Downloading {wording.plain(file.name)} ({wording.size(file.total)})")

    def job(self, job: Job) -> None:
        """Print a state or a position that is new."""
        if not job.has_ended:
            self._say(job.id, f"{job.id}: {wording.state(job)}, {wording.cost(job)}")

    def lost(self, job_id: str) -> None:
        """Print it once."""
        self._say(job_id, f"{job_id}: no connection, retrying")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left to do."""

    def say(self, text: str, ended: str = "") -> None:  # noqa: ARG002 - every line stays
        """Print a line."""
        self.console.print(Text(text), soft_wrap=True)

    def _say(self, what: str, line: str) -> None:
        if self.seen.get(what) != line:
            self.seen[what] = line
            self.say(line)


@dataclass(slots=True)
class Row:
    """A job or a file on the screen: its facts, the most important first, and a share of 1 that is done."""

    name: str
    facts: Callable[[], list[str]]
    share: float | None = None
    style: str = ""


@dataclass(slots=True)
class Screen:
    """Lines that are drawn again, four times per second; they are gone when the context ends."""

    console: Console
    rows: dict[str, Row] = field(default_factory=dict)
    first_seen: dict[str, float] = field(default_factory=dict)
    lost_since: dict[str, float] = field(default_factory=dict)
    live: Live = field(init=False)

    def __post_init__(self) -> None:
        self.live = Live(
            console=self.console,
            get_renderable=self._drawn,
            refresh_per_second=REFRESH_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def uploading(self, file: Transfer) -> None:
        """Show how far an upload is, until it is complete."""
        self._file("uploading", file)

    def downloading(self, file: Transfer) -> None:
        """Show how far a download is, until it is complete."""
        self._file("downloading", file)

    def job(self, job: Job) -> None:
        """Show a job, which has changed."""
        self.rows.pop(CONNECTING, None)
        self.lost_since.pop(job.id, None)
        # The stack's clock may differ from this one's: what counts is how long it was shown, and its age before that.
        now = time.monotonic()
        since = self.first_seen.setdefault(job.id, now - max(0.0, time.time() - job.created_at))
        self.rows[job.id] = Row(
            job.id,
            lambda: [wording.state(job), wording.minutes(_seconds(job, since)), wording.cost(job)],
            style=COLOURS.get(job.state, ""),
        )

    def lost(self, job_id: str) -> None:
        """Show since when there is no connection."""
        since = self.lost_since.setdefault(job_id, time.monotonic())
        self.rows[job_id] = Row(
            job_id, lambda: ["no connection", wording.minutes(time.monotonic() - since), "retrying"], style="yellow"
        )

    def say(self, text: str, ended: str = "") -> None:
        """Print a line above those that are drawn again."""
        self.rows.pop(ended, None)
        self.console.print(Text(text), soft_wrap=True)

    def __enter__(self) -> Self:
        since = time.monotonic()
        self.rows[CONNECTING] = Row(CONNECTING, lambda: [wording.minutes(time.monotonic() - since)])
        self.live.start()
        # Whatever ends this process, the terminal keeps its cursor.
        self.console.show_cursor()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def _file(self, verb: str, file: Transfer) -> None:
        self.rows.pop(CONNECTING, None)
        if file.done >= file.total:
            self.rows.pop(file.name, None)
            return
        share = file.done / file.total
        facts = [f"{verb} {100 * share:.0f} %", f"{wording.size(file.done)} of {wording.size(file.total)}"]
        self.rows[file.name] = Row(wording.plain(file.name), lambda: facts, share)

    def _drawn(self) -> Text:
        width = self.console.width
        lines = [line for row in [*self.rows.values()] for line in drawn(row, width)]
        return Text("\n", overflow="crop", no_wrap=True).join(lines)


def drawn(row: Row, width: int) -> list[Text]:
    """Return the lines of a row: one with a bar if there is room, or as many as its facts need."""
    facts = row.facts()
    whole = GAP.join([row.name, *facts])
    room = width - cell_len(whole) - len(GAP)
    if row.share is not None and room >= MIN_BAR:
        return [Text.assemble(row.name, GAP, _bar(row.share, min(room, MAX_BAR)), GAP, (GAP.join(facts), row.style))]
    lines = [_cut(line, width) for line in _filled([row.name, *facts], width)]
    lines[-1].stylize(row.style)
    return lines


def _filled(words: Iterable[str], width: int) -> list[str]:
    """Put words into lines, as many as have room."""
    lines: list[str] = []
    for word in words:
        if lines and cell_len(lines[-1] + GAP + word) <= width:
            lines[-1] += GAP + word
        else:
            lines.append(word)
    return lines


def _cut(line: str, width: int) -> Text:
    """Return the end of a line that is too long: names differ there."""
    while cell_len(line) > width:
        line = f"…{line[2:]}"
    return Text(line)


def _bar(share: float, width: int) -> Text:
    done = round(share * width)
    return Text.assemble(("━" * done, "cyan"), ("━" * (width - done), "bright_black"))


def _seconds(job: Job, since: float) -> float:
    if job.has_ended and job.completed_at:
        return job.completed_at - job.created_at
    return time.monotonic() - since
