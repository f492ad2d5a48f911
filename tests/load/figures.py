"""The results of a run, from the fake DashScope's record and from Gallop's, and the promises that it broke."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gallop.domain.job import is_terminal

from tests.load import accounts
from tests.load.vendor import QUERY, SUBMIT, most_at_once
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.job import Job

    from fake_dashscope.switches import Limits
    from fake_dashscope.task import Task
    from tests.load.usage import Usage
from tests.load.vendor import WatchedDashScope

MAX_IN_FLIGHT = int(stack.parameter("MaxInFlight"))
NEVER = float("inf")
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The raw results of a run. Times are in seconds; DashScope's are simulated."""

    new_jobs: Sequence[str]
    """The prompts that were sent; the last one is the late one."""
    jobs: Sequence[Job]
    fake: WatchedDashScope
    late_at: float
    left_over: int
    """Slots, queue entries and waiters that are still in the table, running executions, and dead letters."""
    usage: Usage
    simulated: float
    real: float
    repeated: int = 0
    """Creates that were sent again, with their Idempotency-Key, because there was no response in time."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one run."""

    new_jobs: int
    states: Mapping[str, int]
    stuck: int
    duplicates: int
    lost: int
    left_over: int
    most_in_flight: Mapping[str, int]
    """The most tasks that were at DashScope at once, by account."""
    throughput: float
    """Tasks that ended per hour, from the first end until the last start: while jobs wait for all lanes."""
    most_submits: int
    most_queries: int
    queries: int
    """How many queries DashScope got in all."""
    refused: int
    misplaced: int
    """Jobs whose task is not in the account that their record names, or is where their request forbids it."""
    overtaken: int
    """How many tasks ended between the late create and its start."""
    usage: Usage
    simulated: float
    real: float
    repeated: int
    limits: Limits

    @property
    def lanes(self) -> int:
        """Return how many accounts there were."""
        return len(self.most_in_flight)

    def promises(self) -> dict[str, bool]:
        """Return for each promise whether it was kept."""
        slots = MAX_IN_FLIGHT * self.lanes
        return {
            "every create makes one job, and every job one task": not self.lost and not self.duplicates,
            "all jobs end, with a video": not self.stuck and set(self.states) == {"succeeded"},
            "each task is in the account of its job's record, and where its request allows it": not self.misplaced,
            "nothing is left over": not self.left_over,
            f"each account has at most {MAX_IN_FLIGHT} tasks": max(self.most_in_flight.values()) <= MAX_IN_FLIGHT,
            "DashScope refuses nothing for its limits": not self.refused,
            f"a late job starts within {slots} ends": self.overtaken <= slots,
        }

    def a_job(self, used: float) -> float:
        """Divide by the number of jobs."""
        return used / self.new_jobs


def figures(evidence: Evidence) -> Figures:
    """Compute the figures."""
    jobs, fake, tasks = evidence.jobs, evidence.fake, evidence.fake.tasks()
    made = [Counter(job.request.prompt for job in jobs), Counter(task.order.prompt for task in tasks)]
    return Figures(
        new_jobs=len(evidence.new_jobs),
        states=Counter(job.state.value for job in jobs),
        stuck=sum(not is_terminal(job.state) for job in jobs),
        duplicates=sum(count - 1 for by_prompt in made for count in by_prompt.values()),
        lost=sum(prompt not in by_prompt for by_prompt in made for prompt in evidence.new_jobs),
        left_over=evidence.left_over,
        most_in_flight={name: _most_in_flight(tasks, name) for name in fake.accounts},
        throughput=throughput(tasks),
        most_submits=fake.most_a_second(SUBMIT),
        most_queries=fake.most_a_second(QUERY),
        queries=fake.count(QUERY),
        refused=fake.refused(),
        misplaced=misplaced(jobs, tasks, fake.accounts),
        overtaken=overtaken(tasks, evidence.new_jobs[-1], evidence.late_at),
        usage=evidence.usage,
        simulated=evidence.simulated,
        real=evidence.real,
        repeated=evidence.repeated,
        limits=fake.vendor.limits,
    )


def _most_in_flight(tasks: Sequence[Task], account: str) -> int:
    return most_at_once((task.submitted, task.ended or NEVER) for task in tasks if task.account.name == account)


def misplaced(jobs: Sequence[Job], tasks: Sequence[Task], names: Sequence[str]) -> int:
    """Count the jobs whose task is not in the account that their record names, or where they may not run."""
    found = {task.id: task.account.name for task in tasks}
    tags = {name: accounts.tags(number) for number, name in enumerate(names)}
    return sum(
        found[job.task_id] != (job.account or accounts.DEFAULT)
        or not job.request.placement.allows(found[job.task_id], tags[found[job.task_id]])
        for job in jobs
        if job.task_id
    )


def throughput(tasks: Sequence[Task]) -> float:
    """Return how many tasks ended per hour, from the first end until the last start."""
    ends = sorted(task.ended for task in tasks if task.ended)
    last = max((task.submitted for task in tasks), default=0.0)
    if not ends or last <= ends[0]:
        return 0.0
    return HOUR * sum(end <= last for end in ends[1:]) / (last - ends[0])


def overtaken(tasks: Sequence[Task], late: str, late_at: float) -> int:
    """Count the tasks that ended between the late create and its start."""
    starts = next((task.submitted for task in tasks if task.order.prompt == late), NEVER)
    return sum(late_at < task.ended < starts for task in tasks)
