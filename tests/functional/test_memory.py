"""The memory that a large video needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from gallop.domain.job import JobState

from tests.support.jobs import a_job
from tests.support.stack import CREDENTIALS, ROOT
from tests.support.stand_ins import stand_ins

MEBIBYTE = 1024 * 1024
GIGABYTE = 1024 * MEBIBYTE
ALLOWED = 64 * MEBIBYTE


def test_memory_does_not_grow_with_the_video() -> None:
    """A gigabyte is streamed with less than 64 MB more than the idle function has."""
    with stand_ins(GIGABYTE) as server:
        server.job = a_job(JobState.STORING, base_url=f"{server.url}/api/v1")
        ran = subprocess.run(
            [
                sys.executable,
                "-P",
                str(ROOT / "tests/support/measured.py"),
                str(ROOT / "functions/save_result/app.py"),
                json.dumps({"job_id": server.job.id}),
            ],
            env={
                **os.environ,
                **CREDENTIALS,
                "AWS_ENDPOINT_URL": server.url,
                "DASHSCOPE_BASE_URL": server.job.base_url,
                "JOB_TABLE": "jobs",
                "PYTHONPATH": str(ROOT / "shared"),
                "RESULTS_BUCKET": "results",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert 0 == ran.returncode, ran.stderr
        measured = json.loads(ran.stdout.splitlines()[-1])
        assert "finish" == measured["answer"]["next"]
        assert GIGABYTE <= server.stored < GIGABYTE + MEBIBYTE
        assert 1 == len(server.updates)
    assert measured["peak"] - measured["idle"] < ALLOWED
