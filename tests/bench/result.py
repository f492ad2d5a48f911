"""A result on its way into S3: ``python -m tests.bench.result [MEGABYTES [ROUNDS]]`` (1024, 3).

SaveResult stores a video of DashScope's in the bucket; beside it, in the same run and in turn, a peer streams the same
video with httpx into boto3's ``upload_fileobj``. Both neighbours are this process, behind one loopback port, and keep
nothing. Printed are the median seconds, and the memory beyond that of the idle process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from gallop.domain.job import JobState

from tests.support.jobs import a_job
from tests.support.stack import CREDENTIALS, ROOT
from tests.support.stand_ins import StandIns, stand_ins

PEER = Path(__file__).with_name("result_peer.py")
MEASURED = ROOT / "tests" / "support" / "measured.py"
MEBIBYTE = 1024 * 1024


def run(server: StandIns, app: Path, job_id: str) -> tuple[float, float]:
    """Run a program in a process of its own; return its seconds, and its megabytes beyond idle."""
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
    return seconds, (measured["peak"] - measured["idle"]) / MEBIBYTE


def main() -> None:
    """Print the table."""
    given = [int(word) for word in sys.argv[1:]]
    megabytes, rounds = [*given, *(1024, 3)[len(given) :]]
    programs = {"Gallop": ROOT / "functions" / "save_result" / "app.py", "upload_fileobj": PEER}
    with stand_ins(megabytes * MEBIBYTE) as server:
        server.job = a_job(JobState.STORING, base_url=f"{server.url}/api/v1")
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        for _ in range(rounds):
            for name, app in programs.items():
                found[name].append(run(server, app, server.job.id))
    for name, runs in found.items():
        seconds, memory = (median(values) for values in zip(*runs, strict=True))
        print(f"{name:15} {seconds:6.1f} s  {megabytes / seconds:6.0f} MB/s  {memory:5.0f} MB beyond idle")  # noqa: T201


if __name__ == "__main__":
    main()
