"""Run it: ``make load N="10 100" LANES="1 4" SPEED=5``, or ``python -m tests.load``.

On the testbed, with functions as processes and a clock that jumps; with ``SPEED=0`` in one process on a manual clock.
``PAGE=1`` writes the tables and the plot of docs/load.md. The exit code is 1 if a promise was broken.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from tests.docs import load_page
from tests.load import display, in_process, on_testbed, scaling
from tests.load.figures import figures

if TYPE_CHECKING:
    from tests.load.figures import Figures

DEFAULTS = {"N": "100", "LANES": "1", "PAGE": "", "SPEED": "5", "SEED": "1", "KILLS": "0"}
PLAIN_WIDTH = 120


def main() -> int:
    """Make a run for each number of jobs; return the exit code."""
    # The interpreter of state machines logs every failed call at length.
    logging.disable(logging.CRITICAL)
    options = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    sizes = [(int(size), int(lanes)) for size in options["N"].split() for lanes in options["LANES"].split()]
    runs = [load(size, lanes, options, console) for size, lanes in sizes]
    console.print(display.comparison(runs))
    broken = [
        f"{display.name(run)}: {promise}" for run in runs for promise, holds in run.promises().items() if not holds
    ]
    broken += [promise for promise, holds in scaling.promises(runs).items() if not holds]
    for promise in broken:
        console.print(f"broken promise: {promise}", style="bold red")
    if options["PAGE"] and not broken:
        load_page.write(runs, is_testbed=float(options["SPEED"]) > 0)
    return 1 if broken else 0


def load(size: int, lanes: int, options: dict[str, str], console: Console) -> Figures:
    """Make one run."""
    speed, seed, kills = float(options["SPEED"]), int(options["SEED"]), int(options["KILLS"])
    console.print(
        f"{size} jobs of 3 clients at once, and a late one; {lanes} lanes, seed {seed}, speed {speed:g}, {kills} kills"
    )
    with (
        on_testbed.started(size, speed, seed, kills, lanes) if speed else in_process.started(size, seed, lanes) as run,
        display.showing(run, console),
    ):
        made = figures(run.make())
    console.print(display.details(made))
    return made


if __name__ == "__main__":
    sys.exit(main())
