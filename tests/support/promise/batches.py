"""Batches in simulated time: their lines and their outcomes."""

from __future__ import annotations

import csv
import io
import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.support.promise.simulation import HANDLERS, Simulation, fresh
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "The girl of [Image 1] waves."
URL = "https://example.com/girl.jpg"
CONCURRENCY = int(stack.parameter("BatchConcurrency"))
HOUR = 3600


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
