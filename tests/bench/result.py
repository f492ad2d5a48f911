"""A result of 10 MB and of 1 GB on its way into S3.

SaveResult stores a video of DashScope's in the bucket; beside it, in the same run and in turn, a peer streams the same
video with httpx into boto3's ``upload_fileobj``. Both neighbours are this process, behind one loopback port, and keep
nothing. Seconds and the memory beyond that of the idle process are medians.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from gallop.domain.job import JobState

from tests.support.jobs import a_job
from tests.support.stack import CREDENTIALS, ROOT
from tests.support.stand_ins import StandIns, stand_ins

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES, ROUNDS = (10, 1024), 3
PROGRAMS = {
    "Gallop": ROOT / "functions" / "save_result" / "app.py",
    "upload_fileobj": Path(__file__).with_name("result_peer.py"),
}
MEASURED = ROOT / "tests" / "support" / "measured.py"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Copy:
    """Seconds, and the memory in MB beyond that of the idle process."""

    seconds: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Result:
    """A result of a size, by both ways."""

    megabytes: int
    gallop: Copy
    peer: Copy

    @property
    def ratio(self) -> float:
        """How many times as fast as the peer Gallop is."""
        return self.peer.seconds / self.gallop.seconds


@dataclass(frozen=True, slots=True)
class Results:
    """By size."""

    results: tuple[Result, ...]


def run(server: StandIns, app: Path, job_id: str) -> Copy:
    """Run a program in a process of its own."""
    variables = {
        **os.environ,
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": server.url,
        "DASHSCOPE_BASE_URL": f"{server.url}/api/v1",
        "JOB_TABLE": "jobs",
        "RESULTS_BUCKET": "results",
    }
    before, began = server.stored, time.perf_counter()
    command = [sys.executable, "-P", str(MEASURED), str(app), json.dumps({"job_id": job_id})]
    ran = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - began
    assert server.stored - before >= server.size
    measured = json.loads(ran.stdout.splitlines()[-1])
    return Copy(seconds, (measured["peak"] - measured["idle"]) / MEBIBYTE)


def measure(say: Callable[[str], None]) -> Results:
    """Store a small video and a large one, in turn with the peer."""
    return Results(tuple(_result(megabytes, say) for megabytes in SIZES))


def _result(megabytes: int, say: Callable[[str], None]) -> Result:
    say(f"a result of {megabytes} MB")
    found: dict[str, list[Copy]] = {name: [] for name in PROGRAMS}
    with stand_ins(megabytes * MEBIBYTE) as server:
        server.job = a_job(JobState.STORING, base_url=f"{server.url}/api/v1")
        for _ in range(ROUNDS):
            for name, app in PROGRAMS.items():
                found[name].append(run(server, app, server.job.id))
    gallop, peer = (
        Copy(median(one.seconds for one in runs), median(one.memory_mb for one in runs)) for runs in found.values()
    )
    return Result(megabytes, gallop, peer)
