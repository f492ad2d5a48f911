"""Show the progress of jobs: live in a terminal, one line per change elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from tests.testbed.demo.track import Track

PLAIN_WIDTH = 100
WIDTH = 78
LINK = 3
REFRESHES_PER_SECOND = 8


class Display(Protocol):
    """The output of the demo."""

    console: Console

    def showing(self, tracks: Sequence[Track]) -> AbstractContextManager[None]:
        """Show the tracks for the duration of the context."""
        ...

    def changed(self, track: Track) -> None:
        """Show that a job has reached a new stage."""
        ...


def display() -> Display:
    """Return the display that suits standard output."""
    plain = any(os.environ.get(name) for name in ("NO_COLOR", "CI")) or os.environ.get("TERM") in ("dumb", "unknown")
    return LiveDisplay() if sys.stdout.isatty() and not plain else PlainDisplay()


class PlainDisplay:
    """Prints one line per change."""

    def __init__(self) -> None:
        """Write to standard output, without colours or cursor movements."""
        self.console = Console(force_terminal=False, no_color=True, highlight=False, width=PLAIN_WIDTH)

    @contextmanager
    def showing(self, tracks: Sequence[Track]) -> Iterator[None]:
        """Print what the jobs are."""
        for track in tracks:
            self.console.print(f"  {track.kind:<12}{track.door.sample.parcel}")
        yield

    def changed(self, track: Track) -> None:
        """Print the line."""
        seconds = track.reached[track.stage]
        money = f"{track.snapshot.job_id}  {cost(track)}" if track.snapshot else ""
        self.console.print(f"  {minutes(seconds):>5}  {track.kind:<12}{track.stage:<11}{money}".rstrip())


class LiveDisplay:
    """Redraws the jobs in place."""

    def __init__(self) -> None:
        """Write to the terminal."""
        self.console = Console(highlight=False)

    @contextmanager
    def showing(self, tracks: Sequence[Track]) -> Iterator[None]:
        """Redraw the jobs continuously, and leave the last state on the screen."""
        with Live(_Scene(tracks), console=self.console, refresh_per_second=REFRESHES_PER_SECOND):
            yield

    def changed(self, track: Track) -> None:
        """Do nothing: the next redraw shows it."""


class _Scene:
    """The content of each redraw, which Rich requests."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self._tracks = tracks

    def __rich__(self) -> Group:
        return Group(*(line for track in self._tracks for line in (_head(track), _job(track), timeline(track), "")))


def _head(track: Track) -> Table:
    row = Table.grid(expand=False)
    row.width = WIDTH
    row.add_column(width=12)
    row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    row.add_column(justify="right", no_wrap=True)
    style = "bold green" if track.is_done else "bold"
    row.add_row(Text(track.kind, style), track.door.sample.parcel, Text(minutes(track.elapsed), style))
    return row


def _job(track: Track) -> Table:
    row = Table.grid(expand=False)
    row.width = WIDTH
    row.add_column(ratio=1, no_wrap=True, style="dim")
    row.add_column(justify="right", no_wrap=True)
    row.add_row(" " * 12 + (track.snapshot.job_id if track.snapshot else track.door.waits_for), cost(track))
    return row


def timeline(track: Track) -> Text:
    """Draw the stages with the time at which each was reached, and the progress of the task."""
    line = Text(no_wrap=True, overflow="ellipsis")
    labels = [_label(track, stage) for stage in track.stages]
    room = WIDTH - sum(len(label) for label in labels) - (len(labels) - 2) * (LINK + 2) - 2
    for stage, label in zip(track.stages, labels, strict=True):
        if line:
            line.append_text(_link(track, stage, room if stage == "storing" else LINK))
        is_current = stage == track.stage and not track.is_done
        line.append(label, "bold cyan" if is_current else "green" if track.has_passed(stage) else "dim")
    return line


def _label(track: Track, stage: str) -> str:
    seconds = track.reached.get(stage)
    return f"{stage} {minutes(seconds)}" if seconds else stage


def _link(track: Track, to: str, length: int) -> Text:
    share = track.progress if to == "storing" else float(track.has_passed(to))
    done = round(length * share)
    return Text.assemble(" ", ("━" * done, "green"), ("─" * (length - done), "dim"), " ")


def minutes(seconds: float) -> str:
    """Format a duration of the testbed's clock: ``1:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def cost(track: Track) -> str:
    """Format the job's cost."""
    if track.snapshot is None:
        return ""
    return f"${track.snapshot.cost:.2f}{' estimated' if track.snapshot.is_estimate else ''}"
