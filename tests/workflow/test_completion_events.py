"""Waits that an event shortens, run by the interpreter of the language with the real handlers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters.table import completion_waits
from gallop.domain.dashscope import completion_event
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import new_job_id
from gallop.doors.https.identity import Caller
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from fake_dashscope.clock import ManualClock
from tests.support import http
from tests.support.stack import Stack, aws, deployed
from tests.workflow.conftest import one_after_the_other
from tests.workflow.test_workflow import assert_failed, assert_succeeded, submits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.workflow.runs import Runs

URL = "https://gallop.example/events/dashscope"
ENDING = ["SaveResult", "Finish", "MakeThumbnail", "RenewReceipts"]
# The first poll comes at the scheduled time, long after such a task has ended.
QUICK_SECONDS, PLAN_SECONDS = 8, 50


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Yield a stack with completion events; while an execution waits, the clock advances and events arrive."""
    clock = ManualClock()
    with (
        patch.object(ExecutionWorker, "start", one_after_the_other()),
        deployed(clock, executing=True, CompletionEvents="on") as stack,
    ):
        yield stack


@pytest.fixture
def listening(runs: Runs) -> Iterator[Runs]:
    """Yield runs in which DashScope's events reach their door, and waits pass second by second."""

    def bring(request: httpx.Request) -> httpx.Response:
        headers = {completion_event.TOKEN_HEADER: request.headers[completion_event.TOKEN_HEADER]}
        event = http.event("POST", "/events/dashscope", request.content.decode(), headers, Caller(""))
        return httpx.Response(runs.sandbox.invoke("WakeFunction", event)["statusCode"])

    def wait(endpoint: CallbackEndpoint, timeout: float | None = None) -> Any:  # noqa: ANN401 - moto's outcome
        until = runs.sandbox.clock.now() + (timeout or 0)
        while endpoint.get_outcome() is None and runs.sandbox.clock.now() < until:
            runs.sandbox.clock.advance(1)
            runs.sandbox.fake.tick()
        return endpoint.get_outcome()

    switches = runs.sandbox.fake.vendor.switches
    runs.sandbox.fake.vendor.switches = replace(switches, task_seconds=QUICK_SECONDS)
    runs.sandbox.instead[URL] = bring
    notify(runs, mode="once")
    with patch.object(CallbackEndpoint, "wait", wait):
        yield runs


def notify(runs: Runs, **rule: object) -> None:
    """Let DashScope send events of tasks that have ended, by this rule."""
    secret = aws("secretsmanager").get_secret_value(SecretId=runs.sandbox.stack.resource("CompletionSecret"))
    runs.sandbox.fake.notify(url=URL, headers={completion_event.TOKEN_HEADER: secret["SecretString"]}, **rule)


def seconds_of(runs: Runs, **fields: Any) -> tuple[Job, int]:  # noqa: ANN401 - any field of a job
    """Run a job and return it, and how many seconds it took."""
    started = runs.sandbox.clock.now()
    job = runs.run(**fields)
    assert job.ended_at
    return job, round(job.ended_at - started)


@pytest.mark.parametrize("mode", ["once", "twice"])
def test_an_event_ends_the_wait(listening: Runs, mode: str) -> None:
    """A short task is polled once, a second after its end, where the schedule would wait much longer."""
    notify(listening, mode=mode)
    job, seconds = seconds_of(listening)
    assert_succeeded(listening, job)
    assert ["WaitForSlot", "StartTask", "WaitForEvent", "AskStatus", *ENDING] == listening.states(job.id)
    assert (1, 1) == (job.polls, submits(listening))
    assert QUICK_SECONDS + 3 >= seconds


@pytest.mark.parametrize("mode", ["late", "never"])
def test_without_an_event_the_wait_ends_on_schedule(listening: Runs, mode: str) -> None:
    """The end is reached by the same states, at the scheduled time."""
    notify(listening, mode=mode)
    job, seconds = seconds_of(listening)
    assert_succeeded(listening, job)
    assert ["WaitForSlot", "StartTask", "WaitForEvent", "AskStatus", *ENDING] == listening.states(job.id)
    assert (1, PLAN_SECONDS) == (job.polls, seconds)


def test_an_event_before_its_wait_leads_to_a_poll_immediately(listening: Runs) -> None:
    """There is only one such poll: DashScope says that the task runs, and the next wait is a real one."""
    job_id = new_job_id(listening.sandbox.clock.now())
    with listening.sandbox.stack.acting_as("WakeFunction"):
        assert completion_waits.notify(
            job_id, "its task, if DashScope were quicker than light", listening.sandbox.clock.now()
        )
    job, seconds = seconds_of(listening, id=job_id)
    assert_succeeded(listening, job)
    assert ["WaitForSlot", "StartTask", *["WaitForEvent", "AskStatus"] * 2, *ENDING] == listening.states(job.id)
    assert (2, True) == (job.polls, seconds <= QUICK_SECONDS + 3)


def test_a_failed_wait_is_a_plain_wait(listening: Runs) -> None:
    """An error while a wait starts leads to a plain wait, never to an immediate poll, so that nothing loops."""
    listening.breaks("StatusFunction", [AwsTrouble("no")])
    job, seconds = seconds_of(listening)
    assert_succeeded(listening, job)
    assert ["WaitForSlot", "StartTask", "WaitForEvent", "WaitForTask", "AskStatus", *ENDING] == listening.states(job.id)
    assert (1, PLAN_SECONDS) == (job.polls, seconds)


def test_a_task_that_fails_is_reported_as_well(listening: Runs) -> None:
    """The reason comes from DashScope's answer to the poll, not from the event."""
    listening.sandbox.fake.fault(on="task", kind="fail", code="InternalError.Algo", message="No.")
    job, seconds = seconds_of(listening)
    assert_failed(listening, job, "generation_failed")
    assert QUICK_SECONDS + 3 >= seconds


def test_a_failing_door_costs_time_only(listening: Runs) -> None:
    """Every event meets a function that fails: polling leads to the same end."""
    listening.sandbox.instead[URL] = lambda _: httpx.Response(500)
    job, seconds = seconds_of(listening)
    assert_succeeded(listening, job)
    assert PLAN_SECONDS == seconds
    assert 500 == listening.sandbox.fake.events()["sent"][0]["status"]
