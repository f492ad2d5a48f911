"""Run it: ``make chaos N=200 SEED=1``, or ``python -m tests.chaos``. The exit code is 1 if the promise was broken."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table

from fake_dashscope import Limits, Switches
from tests.chaos import sdk
from tests.chaos.figures import Figures, figures
from tests.chaos.schedule import schedule, submit_faults
from tests.e2e.caller import Caller
from tests.e2e.matrix import Matrix
from tests.testbed.jumping_clock import JumpingClock
from tests.testbed.stack import Testbed
from tests.testbed.targeted_faults import TargetedDashScope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.e2e.matrix import Cell

DEFAULT_JOBS, DEFAULT_SEED, DEFAULT_SPEED = 200, 1, 20.0
RUNNING_AT_A_TIME = 20
SECONDS_A_JOB = 3.0
LEAST_PATIENCE_S = 180.0
EVERY_S = 3.0


def main() -> int:
    """Run the chaos; return the exit code."""
    # The interpreter of state machines logs every failed call at length; here hundreds of calls fail.
    logging.disable(logging.CRITICAL)
    jobs, seed = int(os.environ.get("N") or DEFAULT_JOBS), int(os.environ.get("SEED") or DEFAULT_SEED)
    speed = float(os.environ.get("SPEED") or DEFAULT_SPEED)
    console = Console(highlight=False)
    cells = schedule(jobs, seed)
    disturbed = sum(bool(cell.faults or cell.kills) for cell in cells)
    console.print(f"{jobs} jobs through both doors, {disturbed} disturbed; seed {seed}, {speed:g} times real time")
    result = run(cells, speed, console)
    console.print(table("Results", result.rows()))
    console.print(comparison(cells))
    return 1 if result.violations else 0


def run(cells: Sequence[Cell], speed: float, console: Console) -> Figures:
    """Send the jobs, show their progress, and return the figures."""
    limits = Limits(running=RUNNING_AT_A_TIME)
    fake = TargetedDashScope(JumpingClock(speed), limits=limits, switches=Switches(audio=False))
    patience = max(LEAST_PATIENCE_S, SECONDS_A_JOB * len(cells))
    slots = {"MaxInFlight": str(RUNNING_AT_A_TIME)}
    with Testbed(speed=speed, fake=fake, parameters=slots) as testbed, Caller(testbed) as caller:
        matrix = Matrix(testbed, caller, fake, patience_s=patience)
        if console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                matrix.on_glance = now_and_then(lambda made: live.update(progress(made, len(cells)), refresh=True))
                matrix.run(cells)
        else:
            matrix.on_glance = now_and_then(lambda made: console.print(line(made, len(cells))))
            matrix.run(cells)
        return figures(matrix, cells)


def now_and_then(show: Callable[[Matrix], None]) -> Callable[[Matrix], None]:
    """Show it every few seconds only: measuring takes the testbed's time."""
    shown = [0.0]

    def glance(matrix: Matrix) -> None:
        if time.monotonic() - shown[0] >= EVERY_S:
            show(matrix)
            shown[0] = time.monotonic()

    return glance


def states(matrix: Matrix) -> Counter[str]:
    """Count the jobs by their states."""
    return Counter(str(item["state"]) for item in matrix.records())


def line(matrix: Matrix, new_jobs: int) -> str:
    """Return the progress on one line."""
    counted = states(matrix)
    seconds = matrix.testbed.clock.now() - matrix.began_at
    return f"{seconds:6.0f} s  {counted.total()}/{new_jobs}  " + "  ".join(f"{n} {name}" for name, n in counted.items())


def progress(matrix: Matrix, new_jobs: int) -> Table:
    """Draw the progress."""
    counted = states(matrix)
    seconds = matrix.testbed.clock.now() - matrix.began_at
    return table(
        f"{counted.total()} of {new_jobs} jobs, after {seconds:.0f} s", [(k, str(n)) for k, n in counted.items()]
    )


def comparison(cells: Sequence[Cell]) -> Table:
    """Compare with the official package: the same jobs and the same submit faults, without Gallop."""
    drawn = Table("client", "submits", "tasks", "duplicates", "tasks unknown to the caller", title="Without Gallop")
    for name, paid in sdk.measure(submit_faults([*cells])).items():
        drawn.add_row(name, *map(str, (paid.submits, paid.tasks, paid.duplicates, paid.lost)))
    return drawn


def table(title: str, rows: Sequence[tuple[str, str]]) -> Table:
    """Draw a table of two columns."""
    drawn = Table(title=title, show_header=False)
    for row in rows:
        drawn.add_row(*row)
    return drawn


if __name__ == "__main__":
    sys.exit(main())
