"""Run it: ``make load N="10 100" SPEED=5``, or ``python -m tests.load``. The exit code is 1 if a promise was broken.

On the testbed, with functions as processes and a clock that jumps; with ``SPEED=0`` in one process on a manual clock.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from tests.load import display, in_process, on_testbed
from tests.load.figures import figures

if TYPE_CHECKING:
    from tests.load.figures import Figures

DEFAULTS = {"N": "100", "SPEED": "5", "SEED": "1", "KILLS": "0"}
PLAIN_WIDTH = 120


def main() -> int:
    """Make a run for each number of jobs; return the exit code."""
    # The interpreter of state machines logs every failed call at length.
    logging.disable(logging.CRITICAL)
    options = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    runs = [load(int(size), options, console) for size in options["N"].split()]
    console.print(display.comparison(runs))
    broken = [(run, promise) for run in runs for promise, holds in run.promises().items() if not holds]
    for run, promise in broken:
        console.print(f"N = {run.new_jobs - 1}: broken promise: {promise}", style="bold red")
    return 1 if broken else 0


def load(size: int, options: dict[str, str], console: Console) -> Figures:
    """Make one run."""
    speed, seed, kills = float(options["SPEED"]), int(options["SEED"]), int(options["KILLS"])
    console.print(f"{size} jobs of 3 clients at once, and a late one; seed {seed}, speed {speed:g}, {kills} kills")
    with (
        on_testbed.started(size, speed, seed, kills) if speed else in_process.started(size, seed) as run,
        display.showing(run, console),
    ):
        made = figures(run.make())
    console.print(display.details(made))
    return made


if __name__ == "__main__":
    sys.exit(main())
