"""Run the benchmarks: ``make bench``, or ``make bench ONLY="cold_start result"`` for some of them.

All of them together write ``docs/performance.md``; some of them only print their tables.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.bench import record
from tests.bench.machine import ROOT, this_machine
from tests.bench.part import PARTS, kind_of
from tests.docs import performance_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FOLDER = ROOT / "out" / "bench"


# Counts only, for minutes: in the idle time of the other, which mostly waits.
COUNTED, WAITING, LOWEST_PRIORITY = "jobs", "overhead", 19


def main(arguments: Sequence[str]) -> int:
    """Run the parts that are named, or all; return the exit code."""
    names = [name.replace("-", "_") for name in arguments] or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        sys.stderr.write(f"No such part: {', '.join(unknown)}. The parts are {', '.join(PARTS)}.\n")
        return 2
    began = time.monotonic()
    found = dict(_run(names))
    seconds = time.monotonic() - began
    if len(found) < len(PARTS):
        for name, figures in found.items():
            Console().print(Markdown(performance_page.section(name, figures)))
        return 0
    performance_page.write(found, this_machine(), seconds)
    Console().print(Markdown(performance_page.targets(found)))
    sys.stderr.write(f"{performance_page.PAGE.relative_to(ROOT)} is written, after {seconds:.0f} s.\n")
    return 0


def _run(names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Run parts, one after another, except for the one that only counts."""
    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    are_both = {COUNTED, WAITING} <= set(names)
    with ThreadPoolExecutor(1) as beside, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("")
        for name in [name for name in names if name != COUNTED or not are_both]:
            counting = beside.submit(_measure, COUNTED, lambda _: None) if are_both and name == WAITING else None
            began = time.monotonic()
            yield name, _measure(name, lambda what, name=name: progress.update(task, description=f"{name}: {what}"))  # type: ignore[misc]
            console.print(f"{name:10} {time.monotonic() - began:4.0f} s")
            if counting:
                progress.update(task, description=COUNTED)
                yield COUNTED, counting.result()


def _measure(name: str, say: Callable[[str], None]) -> Any:  # noqa: ANN401 - the figures of any part
    """Measure a part in a process of its own, so that none finds what another has left."""
    file, errors = FOLDER / f"{name}.json", FOLDER / f"{name}.log"
    errors.parent.mkdir(parents=True, exist_ok=True)
    polite = ["nice", "-n", str(LOWEST_PRIORITY)] if name == COUNTED else []
    command = [*polite, sys.executable, "-m", "tests.bench.part", name, str(file)]
    with (
        errors.open("w", encoding="utf-8") as log,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            say(line.strip())
    if process.returncode:
        raise SystemExit(f"{name} failed; its errors are in {errors.relative_to(ROOT)}.")
    return record.read(file, kind_of(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
