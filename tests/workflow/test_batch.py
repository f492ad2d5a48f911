"""Batches, from the file to the table, run by the interpreter of the language with the real handlers."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope.clock import ManualClock
from tests.support.drops import Door
from tests.support.pictures import picture
from tests.support.stack import Stack, aws, deployed
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.workflow.runs import Runs

PROMPT = "The woman of [Image 1] smiles."
URL = "https://example.com/girl.jpg"


PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Yield the deployed template; executions run concurrently, because those of a batch wait for those of its jobs."""
    with deployed(ManualClock(), executing=True, BatchConcurrency="2") as stack:
        yield stack


def a_line(**fields: Any) -> str:  # noqa: ANN401 - any field of a request
    """Return a minimal line, changed by ``fields``."""
    return json.dumps({"prompt": PROMPT, "images": [URL], "duration": 3, **fields})


def drop(runs: Runs, *lines: str, folder: str = "spring/") -> str:
    """Upload a batch, wait until it is processed, and return how its execution ended."""
    runs.sandbox.drop(f"drop/{folder}batch.jsonl", "\n".join(lines).encode())
    Door(runs.sandbox).run(60)
    machine = runs.sandbox.stack.resource("BatchWorkflow")

    def end() -> str | None:
        found = aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        statuses = {execution["status"] for execution in found}
        return None if "RUNNING" in statuses or not statuses else str(statuses.pop())

    return str(eventually(end, PATIENCE_SECONDS, otherwise="the batch hangs"))


def rows(runs: Runs, path: str = "spring/batch") -> list[dict[str, str]]:
    """Read the table of a batch."""
    text = runs.sandbox.result(f"{path}.csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_batch_runs_to_its_table(runs: Runs) -> None:
    """Each valid line is a job with its own receipts; invalid ones are reported and stop nothing."""
    runs.sandbox.drop("drop/spring/1.jpg", picture())
    lines = [a_line(), "{oops", a_line(images=["1.jpg"]), a_line(duration=99, ratio="2:7")]
    assert "SUCCEEDED" == drop(runs, *lines)
    receipt = runs.sandbox.receipt("spring/batch.json")
    assert "finished" == receipt["state"]
    assert 4 == receipt["lines"]
    assert 2 == receipt["good"]
    assert 2 == receipt["bad"]
    assert [(1, "succeeded"), (2, "refused"), (3, "succeeded"), (4, "refused")] == [
        (int(row["line"]), row["state"]) for row in rows(runs)
    ]
    assert [(2, 2, ""), (4, None, "/ratio"), (4, None, "/duration")] == [
        (fault["line"], fault.get("column"), fault.get("pointer", "")) for fault in receipt["faults"]
    ]
    assert 2 == len(runs.sandbox.tasks())
    for row in (row for row in rows(runs) if row["job"]):
        assert f"s3://{runs.sandbox.results}/spring/batch/{int(row['line']):05d}/video.mp4" == row["video"]
        assert "succeeded" == runs.sandbox.receipt(f"spring/batch/{int(row['line']):05d}/status.json")["state"]
