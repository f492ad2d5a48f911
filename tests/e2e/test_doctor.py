"""``gallop doctor`` on a running testbed: permissions are enforced, functions are processes, checks run in parallel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import Gallop
    from tests.testbed.stack import Testbed

ROOT = Path(__file__).parents[2]


def test_a_healthy_testbed_has_no_failure(testbed: Testbed, gallop: Gallop) -> None:
    """Once the sweep has run; no call of the stack's own functions is refused."""
    group, logs = testbed.aws.deployment.resources["ReconcileLogs"].physical_id, testbed.aws.client("logs")
    eventually(lambda: logs.filter_log_events(logGroupName=group, filterPattern='"Sweeps"')["events"])
    found = json.loads(gallop("doctor", "--json"))
    assert [] == [one for one in found if one["level"] == "failure"]
    assert [] == testbed.aws.authority.audit.refusals()


def test_a_killed_run_is_continued(testbed: Testbed, gallop: Gallop, tmp_path: Path) -> None:
    """Killed once its job is there and run again, it makes one task in all; nothing of the job is left."""
    file = tmp_path / "killed.json"
    file.write_text(testbed.coordinates_now().to_json(), encoding="utf-8")
    code = (
        f"import pathlib; from gallop.cli import app, testbed; testbed.RUNNING = pathlib.Path({str(file)!r}); app.app()"
    )
    command = [sys.executable, "-c", code, "doctor", "--spend", "--yes"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "shared")}
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stderr
        assert any("job_" in line for line in run.stderr)
        run.kill()
    found = {one["check"]: one for one in json.loads(gallop("doctor", "--spend", "--yes", "--json"))}
    assert {"ok"} == {found[name]["level"] for name in ("job", "cost", "video", "receipt", "delete")}
    (task,) = testbed.dashscope.ledger()["tasks"]
    assert 3 == task["billed_seconds"]
