"""The results of the jobs, counted, and the violations of the promise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from gallop.domain.job import is_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.job import Job

    from tests.e2e.matrix import Cell, Matrix


@dataclass(frozen=True, slots=True)
class Figures:
    """The table's figures. Times are simulated seconds from the create to the end."""

    new_jobs: int
    jobs: int
    succeeded: int
    failures: dict[str, int]
    unexplained: int
    tasks: int
    charged_seconds: float
    duplicates: int
    stuck: int
    wrong_bytes: int
    dead_letters: int
    p50: float
    p95: float

    @property
    def violations(self) -> int:
        """How often the promise was broken."""
        lost = max(0, self.new_jobs - self.jobs)
        return self.duplicates + self.stuck + self.wrong_bytes + self.dead_letters + self.unexplained + lost

    def rows(self) -> list[tuple[str, str]]:
        """Return the rows of the table."""
        failed = ", ".join(f"{count} {code}" for code, count in sorted(self.failures.items())) or "0"
        return [
            ("creates", str(self.new_jobs)),
            ("jobs", str(self.jobs)),
            ("succeeded", str(self.succeeded)),
            ("failed", failed),
            ("failed without a fault at DashScope", str(self.unexplained)),
            ("tasks", str(self.tasks)),
            ("charged seconds", f"{self.charged_seconds:g}"),
            ("duplicate jobs or tasks", str(self.duplicates)),
            ("stuck", str(self.stuck)),
            ("wrong bytes", str(self.wrong_bytes)),
            ("dead letters", str(self.dead_letters)),
            ("time to end, p50", f"{self.p50:.0f} s"),
            ("time to end, p95", f"{self.p95:.0f} s"),
            ("violations", str(self.violations)),
        ]


def figures(matrix: Matrix, cells: Sequence[Cell]) -> Figures:
    """Compute the figures of the cells."""
    jobs = [job for cell in cells for job in matrix.jobs.get(cell.prompt, [])]
    tasks: list[dict[str, Any]] = matrix.fake.ledger()["tasks"]
    made = [Counter(task["prompt"] for task in tasks), Counter(job.request.prompt for job in jobs)]
    times = sorted(job.ended_at - job.created_at for job in jobs if job.ended_at)
    middle = quantiles(times, n=20) if len(times) > 1 else [0.0] * 19
    failures = {cell.prompt: job for cell in cells for job in matrix.jobs.get(cell.prompt, []) if job.failure}
    return Figures(
        new_jobs=len(cells),
        jobs=len(jobs),
        succeeded=sum(job.state.value == "succeeded" for job in jobs),
        failures=dict(Counter(job.failure.code for job in jobs if job.failure)),
        unexplained=sum(not _has_a_cause(cell) for cell in cells if cell.prompt in failures),
        tasks=len(tasks),
        charged_seconds=sum(task["billed_seconds"] for task in tasks),
        duplicates=sum(count - 1 for by_prompt in made for count in by_prompt.values()),
        stuck=sum(not is_terminal(job.state) for job in jobs),
        wrong_bytes=sum(_is_wrong(matrix, job) for job in jobs),
        dead_letters=matrix.caller.dead_letters(),
        p50=middle[9],
        p95=middle[18],
    )


def _has_a_cause(cell: Cell) -> bool:
    return any(fault["on"] == "task" for fault in cell.faults)


def _is_wrong(matrix: Matrix, job: Job) -> bool:
    if job.state.value != "succeeded" or job.result is None:
        return False
    stored = matrix.digest(job.result.key)
    return not matrix.film(job.task_id) == job.result.sha256 == stored
