"""The testbed itself: what a job of ``make load`` takes of this machine's cores, and the time of 100 jobs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.machine import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS = 100


@dataclass(frozen=True, slots=True)
class Load:
    """A run of ``make load``: seconds, and seconds of a core."""

    jobs: int
    seconds: float
    core_seconds: float

    @property
    def core_seconds_per_job(self) -> float:
        """Seconds of a core for each job, of which the start of the testbed is a part."""
        return self.core_seconds / self.jobs


def measure(say: Callable[[str], None]) -> Load:
    """Run jobs on the testbed, with every function in its own process."""
    say(f"make load N={JOBS}")
    began, used = time.monotonic(), _core_seconds()
    variables = {**os.environ, "N": str(JOBS)}
    subprocess.run([sys.executable, "-m", "tests.load"], cwd=ROOT, env=variables, stdout=subprocess.PIPE, check=True)
    return Load(JOBS, time.monotonic() - began, _core_seconds() - used)


def _core_seconds() -> float:
    """Return what ended children, and their children, have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
