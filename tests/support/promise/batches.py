"""Batches in simulated time: their lines and their outcomes."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.support.promise.simulation import HANDLERS, Simulation, fresh
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROMPT = "The girl of [Image 1] waves."
URL = "https://example.com/girl.jpg"
CONCURRENCY = int(stack.parameter("BatchConcurrency"))
HOUR = 3600
QUIET = int(stack.parameter("QuietSeconds"))


@contextmanager
def quick() -> Iterator[Simulation]:
    """Give an empty world whose tasks are done at the first question; frames are others' matter."""
    with patch.dict(HANDLERS, Thumbnail=lambda *_: {}), fresh() as made:
        made.fake.vendor.switches = replace(made.fake.vendor.switches, task_seconds=20.0)
        yield made


def a_line(**fields: Any) -> str:  # noqa: ANN401 - any field of a request
    """Write a minimal line, except for ``fields``."""
    return json.dumps({"prompt": PROMPT, "images": [URL], "duration": 3, **fields})


def work_off(simulation: Simulation, lines: list[str], times: int = 1) -> int:
    """Upload a batch and let time pass until it is over; gives the most jobs that were open at a time."""
    simulation.drop("drop/spring/batch.jsonl", "\n".join(lines).encode(), times)
    most = 0
    for _ in range(24 * HOUR // 30):
        simulation.run_for(30)
        live = [one.name for one in simulation.workflow.executions.values() if one.status == "RUNNING"]
        most = max(most, sum(name.startswith("job_") for name in live))
        if not live and not simulation.queue.messages:
            return most
    raise AssertionError("the batch hangs")


@contextmanager
def one_at_a_time() -> Iterator[Simulation]:
    """Give an empty world in which DashScope makes one long video at a time, so that others wait."""
    with quick() as made, patch.dict("os.environ", MAX_IN_FLIGHT="1"):
        made.fake.vendor.switches = replace(made.fake.vendor.switches, task_seconds=1500.0)
        yield made


def begin(simulation: Simulation, lines: Sequence[str]) -> None:
    """Upload a batch, and wait until one of its jobs runs and others wait."""
    simulation.drop("drop/spring/batch.jsonl", "\n".join(lines).encode())
    simulation.run_for(QUIET + 30)


def cancel(simulation: Simulation, times: int = 1) -> None:
    """Upload a CANCEL beside the batch; its event is delivered the given number of times."""
    simulation.drop("drop/spring/CANCEL", b"", times)


def jobs_by_state(simulation: Simulation) -> Counter[str]:
    """Count the jobs by state."""
    return Counter(job.state.value for job in simulation.jobs())


def rows_by_state(simulation: Simulation) -> Counter[str]:
    """Count the rows of the table by state."""
    return Counter(row["state"] for row in rows(simulation))


def receipt(simulation: Simulation) -> dict[str, Any]:
    """Read the receipt of the batch."""
    return simulation.receipt("spring/batch.json")


def rows(simulation: Simulation) -> list[dict[str, str]]:
    """Read the table of the batch."""
    text = simulation.result("spring/batch.csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def charges(simulation: Simulation) -> int:
    """Count the tasks that the vendor charged."""
    return sum(bool(task["billed_seconds"]) for task in simulation.tasks())
