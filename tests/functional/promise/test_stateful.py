"""The promise under anything, in any order: creates, repeats, faults, kills, failures, time, sweeps."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain import groups
from gallop.domain.errors import AwsTrouble, CallerError
from gallop.domain.job import JobState, is_terminal
from gallop.domain.request.idempotency import RETRY_SECONDS
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fake_dashscope.notices import MODES
from tests.support.pictures import picture
from tests.support.promise import Killed, fresh
from tests.support.promise.recorded import OF_A_JOB, OF_A_RECONCILIATION
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.promise import Simulation
    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P1", "P2", "P3", "P4", "P6", "P10")

FUNCTIONS = ("StartTask", "Status", "Reconcile", "SaveResult", "Thumbnail", "Finish", "Drops", "Wake")
KILLS = [(function, kill) for function in FUNCTIONS for kill in points_of(OF_A_JOB[function])]
KILLS += [("Reconcile", kill) for kill in points_of(OF_A_RECONCILIATION)]
FAULTS = [
    *[
        ("submit", kind)
        for kind in (
            "drop_after_accept",
            "drop_before_accept",
            "500_after_accept",
            "502_html",
            "stall_after_accept",
            "unreadable_200",
            "429",
        )
    ],
    *[("query", kind) for kind in ("drop", "stall", "500", "429", "unknown", "malformed")],
    *[("list", kind) for kind in ("drop", "500", "429", "malformed")],
    *[("download", kind) for kind in ("truncate", "stall", "403_expired", "500", "no_content_length", "wrong_bytes")],
    *[("task", kind) for kind in ("fail", "fail_without_detail", "succeed_without_url")],
]
# The states that may precede each state; an attempt that created no task may be followed by another.
BEFORE = {
    JobState.QUEUED: set(),
    JobState.SUBMITTING: {JobState.QUEUED, JobState.OUTCOME_UNKNOWN},
    JobState.OUTCOME_UNKNOWN: {JobState.QUEUED, JobState.SUBMITTING},
    JobState.RUNNING: {JobState.QUEUED, JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN},
}
# Whatever fails, a job does not end with a message that only a programmer understands.
REASONS = {
    "outcome_unknown",
    "generation_failed",
    "result_unusable",
    "result_incomplete",
    "vendor_unavailable",
    "vendor_throttled",
    "vendor_unreachable",
    "deadline_exceeded",
    "workflow_lost",
    # Its execution was stopped while it had no task.
    "cancelled",
}
SLOTS = st.integers(0, 2)
ENDS_WITHIN = 30
HOUR = 3600


class Promise(RuleBasedStateMachine):
    """Up to nine requests: three through each door, and three drops for two videos each."""

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.simulation: Simulation = self.resources.enter_context(fresh())
        self.seen: dict[str, Job] = {}
        self.tries: dict[str, int] = {}
        self.first_try: dict[str, float] = {}
        self.answered: dict[str, str] = {}

    @initialize(
        task_seconds=st.sampled_from([20.0, 60.0, 400.0]),
        lag=st.sampled_from([0.0, 5.0]),
        events=st.none() | st.sampled_from([*MODES]),
    )
    def vendor(self, task_seconds: float, lag: float, events: str | None) -> None:
        """Choose how long tasks run, how late the list shows them, and how reliably completion events arrive."""
        if events:
            os.environ["COMPLETION_EVENTS"] = "on"
            self.simulation.notify(mode=events)
        self.simulation.fake.vendor.switches = replace(
            self.simulation.fake.vendor.switches, task_seconds=task_seconds, list_lag=lag
        )

    @rule(
        slot=SLOTS, how=st.sampled_from(["key", "sdk"]), kill=st.none() | st.sampled_from(points_of(OF_A_JOB["Submit"]))
    )
    def post(self, slot: int, how: str, kill: KillPoint | None) -> None:
        """Create at the HTTPS door, for the first time or again, with a key or as an SDK retries."""
        prompt = f"By {how} {slot}: the girl of [Image 1]."
        tried = self.tries.get(prompt, 0)
        now = self.simulation.clock.now()
        if how == "sdk" and now >= self.first_try.setdefault(prompt, now) + RETRY_SECONDS:
            return
        by_key = {"idempotency_key": prompt.replace(" ", "_")}
        headers = by_key if how == "key" else {"x_stainless_retry_count": str(tried)}
        self.tries[prompt] = tried + 1
        try:
            made = self.simulation.post(prompt, kill, **headers)
        except (Killed, AwsTrouble, CallerError):
            return
        assert not isinstance(made, dict)
        assert made.job.id == self.answered.setdefault(prompt, made.job.id)

    @rule(slot=SLOTS, times=st.integers(1, 5))
    def drop(self, slot: int, times: int) -> None:
        """Drop a folder, for the first time or again; its events are repeated."""
        prompt = f"By drop {slot}: the girl of [Image 1]."
        self.simulation.drop(f"drop/folder {slot}/1.jpg", picture(), times)
        self.simulation.drop(f"drop/folder {slot}/prompt.txt", prompt.encode(), times)

    @rule(slot=SLOTS, times=st.integers(1, 5))
    def drop_for_two(self, slot: int, times: int) -> None:
        """Drop a folder for two videos, for the first time or again; its events are repeated."""
        settings = {"prompt": f"By pair {slot}: the girl of [Image 1].", "images": ["1.jpg"], "n": 2}
        self.simulation.drop(f"drop/pair {slot}/job.json", json.dumps(settings).encode(), times)
        self.simulation.drop(f"drop/pair {slot}/1.jpg", picture(), times)

    @rule(fault=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def fault(self, fault: tuple[str, str], times: int) -> None:
        """Let DashScope or the connection to it fail."""
        on, kind = fault
        self.simulation.fake.fault(on=on, kind=kind, times=times)

    @rule(kill=st.sampled_from(KILLS))
    def kill(self, kill: tuple[str, KillPoint]) -> None:
        """Let the next run of a function that makes a call die there."""
        function, point = kill
        self.simulation.kills.setdefault(function, []).append(point)

    @precondition(lambda self: self.simulation.workflow.executions)
    @rule(number=st.integers(0, 5), how=st.sampled_from(["crash", "stop", "redrive"]))
    def break_down(self, number: int, how: str) -> None:
        """Let an execution fail, stop it, or redrive one that has ended."""
        names = list(self.simulation.workflow.executions)
        name = names[number % len(names)]
        if how == "crash":
            self.simulation.workflow.crash(name)
        elif how == "stop":
            self.simulation.workflow.stop(name)
        elif self.simulation.workflow.executions[name].status in ("FAILED", "ABORTED"):
            self.simulation.workflow.redrive(name)

    @rule(seconds=st.sampled_from([1, 5, 15, 40, 100, 300, 1500]))
    def wait(self, seconds: int) -> None:
        """Let time pass and everything happen that is due."""
        self.simulation.run_for(seconds)

    @rule(seconds=st.sampled_from([30, 120, 4000]))
    def jump(self, seconds: int) -> None:
        """Let time pass while nothing runs."""
        self.simulation.clock.advance(seconds)

    @rule()
    def sweep(self) -> None:
        """Run the sweep, which may be killed, too."""
        try:
            self.simulation.sweep()
        except Killed:
            return

    @invariant()
    def one_job_per_request_and_one_task_per_job(self) -> None:
        """Despite repeats there is one job, or two; despite lost replies there is one task and one charge for each."""
        jobs = Counter(job.request.prompt for job in self.simulation.jobs())
        assert all(count == videos_of(prompt) for prompt, count in jobs.items())
        tasks = Counter(task["prompt"] for task in self.simulation.tasks())
        assert all(count <= videos_of(prompt) for prompt, count in tasks.items())

    @invariant()
    def forward_only(self) -> None:
        """States only move forward, and an end is final; only a repeated drop is recorded later."""
        for job in self.simulation.jobs():
            before = self.seen.get(job.id)
            if before is not None and is_terminal(before.state):
                assert replace(before, dropped_again_at=job.dropped_again_at) == job
            elif before is not None and before.state is not job.state:
                assert before.state in BEFORE.get(job.state, {*JobState})
            self.seen[job.id] = job

    def teardown(self) -> None:
        """Check that after enough time and sweeps each job has ended, and its client can see that."""
        with self.resources:
            # Kills that met no such call are over now, with those of the HTTPS door.
            self.simulation.kills.clear()
            for _ in range(ENDS_WITHIN):
                if self.settled():
                    break
                self.simulation.run_for(HOUR)
                self.simulation.sweep()
            self.check_invariants_again()
            for job in self.simulation.jobs():
                self.check_end(job)
            for of_drop in self.groups():
                self.check_group(of_drop)

    def settled(self) -> bool:
        """Return whether all work is done."""
        return not self.simulation.queue.messages and all(
            "is_open" not in record for record in self.simulation.records("JOB")
        )

    def check_invariants_again(self) -> None:
        """Check the invariants again at the end."""
        self.one_job_per_request_and_one_task_per_job()
        self.forward_only()

    def check_end(self, job: Job) -> None:
        """Expect the vendor's bytes for a job that succeeded, a reason for one that failed, and receipts for both."""
        assert is_terminal(job.state), job
        assert job.state.value == self.receipt(job, "status.json")["state"]
        if job.state is JobState.SUCCEEDED:
            assert job.result is not None
            assert job.request.prompt == self.simulation.fake.vendor.tasks[job.task_id].order.prompt
            assert self.simulation.film_of(job.task_id) == job.result.sha256
            assert job.id == self.receipt(job, "video.json")["job"]
        else:
            assert job.failure is not None
            assert job.failure.code in REASONS, job.failure
            assert job.failure.code == self.receipt(job, "error.json")["error"]["code"]

    def groups(self) -> list[list[Job]]:
        """Return the jobs of each group."""
        found: dict[str, list[Job]] = {}
        for job in self.simulation.jobs():
            if job.group:
                found.setdefault(job.group.id, []).append(job)
        return [*found.values()]

    def check_group(self, of_drop: list[Job]) -> None:
        """Expect what the jobs are in the receipt of the whole, and a sheet if there is a thumbnail."""
        folder = groups.drop_of(of_drop[0])
        whole = self.simulation.receipt(f"{folder}/status.json")
        assert groups.state(of_drop).value == whole["state"]
        assert {job.id: job.state.value for job in of_drop} == {one["job"]: one["state"] for one in whole["videos"]}
        has_sheet = f"{folder}/contact.jpg" in self.simulation.results_there()
        assert has_sheet or not any(job.thumbnail for job in of_drop)

    def receipt(self, job: Job, name: str) -> dict[str, Any]:
        """Read a receipt of a job."""
        return self.simulation.receipt(f"{job.receipts}/{name}")


def videos_of(prompt: str) -> int:
    """Return how many videos a request of this prompt is for."""
    return 2 if prompt.startswith("By pair") else 1


TestPromise = Promise.TestCase
TestPromise.settings = settings(
    max_examples=int(os.environ.get("PROMISE_EXAMPLES", "6")),
    stateful_step_count=20,
    deadline=None,
    derandomize="PROMISE_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
