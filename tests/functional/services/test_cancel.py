"""Cancel: three honest answers, whatever the job does meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters.s3 import buckets
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import Attempt, AttemptEnd, JobState, new_job_id

from tests.support.http import Client
from tests.support.sandbox import TASKS_URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

NO_TASK = [
    {},
    *[{"submits": 1, "attempt": Attempt("attempt-1", 0, end, 1)} for end in (AttemptEnd.REFUSED, AttemptEnd.ABSENT)],
]


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def answer_of(client: Client, job: Job) -> str:
    """Cancel a job and return the answer."""
    told = client.cancel(job.id)
    assert 200 == told.status, told.text
    assert told.json["cancel"]["message"].endswith(".")
    return str(told.json["cancel"]["answer"])


def assert_cancelled(sandbox: Sandbox, job: Job) -> None:
    """Assert that the job has ended as cancelled, on record and in its receipts, and is charged nothing."""
    ended = sandbox.job(job.id)
    assert (JobState.CANCELLED, None) == (ended.state, ended.cost)
    assert ended.failure
    assert "cancelled" == ended.failure.code == sandbox.receipt(f"{job.receipts}/error.json")["error"]["code"]
    assert "cancelled" == sandbox.receipt(f"{job.receipts}/status.json")["state"]
    assert 0 == sum(task["billed_seconds"] for task in sandbox.tasks())
    with sandbox.stack.acting_as("ReconcileFunction"):
        assert job.id not in jobs.open_jobs(sandbox.clock.now() + 999)


@pytest.mark.parametrize("fields", NO_TASK, ids=["never sent", "refused", "absent"])
@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SUBMITTING])
def test_a_job_that_surely_has_no_task_is_cancelled(
    sandbox: Sandbox, ada: Client, state: JobState, fields: dict[str, Any]
) -> None:
    """Free, and at once; the submit step then sends nothing."""
    job = sandbox.put(state, **{"attempt": None, "submits": 0, **fields})
    assert "cancelled" == answer_of(ada, job)
    assert_cancelled(sandbox, job)
    assert "finish" == sandbox.invoke("StartTaskFunction", {"job_id": job.id})["next"]
    assert [] == sandbox.tasks()


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN, JobState.STORING])
def test_a_job_that_may_have_a_task_goes_on(sandbox: Sandbox, ada: Client, state: JobState) -> None:
    """An attempt in the air, a lost reply, a video on its way: too late, and nothing changes."""
    job = sandbox.put(state)
    assert "too_late" == answer_of(ada, job)
    assert job == sandbox.job(job.id)


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_an_end_stays_an_end(sandbox: Sandbox, ada: Client, state: JobState) -> None:
    """Cancelled twice, or too late by far: the job is shown as it ended."""
    job = sandbox.put(state)
    assert "already_finished" == answer_of(ada, job)
    assert job == sandbox.job(job.id)


def test_a_second_cancel_says_that_the_job_has_ended(sandbox: Sandbox, ada: Client) -> None:
    """The first one did it."""
    job = sandbox.put()
    assert ["cancelled", "already_finished"] == [answer_of(ada, job), answer_of(ada, job)]
    assert_cancelled(sandbox, job)


def test_a_task_that_runs_is_too_late(sandbox: Sandbox, ada: Client) -> None:
    """DashScope refuses (400 UnsupportedOperation), and the words say that it will be billed."""
    job = sandbox.submitted()
    sandbox.clock.advance(30)
    sandbox.fake.ledger()
    told = ada.cancel(job.id).json
    assert ("too_late", "running") == (told["cancel"]["answer"], told["state"])
    assert "billed" in told["cancel"]["message"]


def test_a_task_that_waits_is_cancelled_at_dashscope(sandbox: Sandbox, ada: Client) -> None:
    """DashScope says yes: nothing is charged."""
    created = [sandbox.submitted() for _ in range(8)]
    assert "cancelled" == answer_of(ada, created[-1])
    assert_cancelled(sandbox, created[-1])


@pytest.mark.parametrize("kind", ["lost", "500", "refused"])
def test_an_unclear_answer_of_dashscope_is_no_promise(sandbox: Sandbox, ada: Client, kind: str) -> None:
    """Without a clear yes the answer is too late; if the task was cancelled all the same, the loop learns it."""
    job = sandbox.submitted()

    def answer(request: httpx.Request) -> httpx.Response:
        if kind == "lost":
            raise httpx.ReadTimeout("lost", request=request)
        status, code = (500, "InternalError") if kind == "500" else (400, "UnsupportedOperation")
        return httpx.Response(status, json={"code": code, "message": "No.", "request_id": "r"})

    sandbox.instead[f"{TASKS_URL}/{job.task_id}/cancel"] = answer
    assert "too_late" == answer_of(ada, job)
    assert JobState.RUNNING is sandbox.job(job.id).state


def racing(sandbox: Sandbox, move: Callable[[], object]) -> Any:  # noqa: ANN401 - a patch
    """Let something happen to a job between a cancel's look at it and its write."""
    advance, moves = jobs.advance, [move]

    def late(before: Job, after: Job) -> Job:
        if moves:
            moves.pop()()
        return advance(before, after)

    del sandbox
    return patch.object(jobs, "advance", late)


def test_a_submit_that_opens_an_attempt_meanwhile_wins(sandbox: Sandbox, ada: Client) -> None:
    """The attempt is on record before the cancel's write: the job goes on, and is told so."""
    job = sandbox.put()

    def opens() -> None:
        attempt = Attempt("attempt-1", sandbox.clock.now())
        jobs.advance(job, replace(job.at(JobState.SUBMITTING, sandbox.clock.now()), submits=1, attempt=attempt))

    with racing(sandbox, opens):
        assert "too_late" == answer_of(ada, job)
    assert JobState.SUBMITTING is sandbox.job(job.id).state


def test_a_job_that_ends_meanwhile_has_ended(sandbox: Sandbox, ada: Client) -> None:
    """Two cancels at once: one of them did it, and the other says that it was done."""
    job = sandbox.put()
    ended = replace(job.at(JobState.FAILED, sandbox.clock.now()), ended_at=sandbox.clock.now())
    with racing(sandbox, lambda: jobs.advance(job, ended)):
        assert "already_finished" == answer_of(ada, job)


def test_nobody_cancels_what_is_anothers(sandbox: Sandbox, ada: Client) -> None:
    """In the same words as for a job that does not exist; an operator may."""
    job = sandbox.put(client="bob")
    refused, nowhere = ada.cancel(job.id), ada.cancel(new_job_id())
    assert (404, 404) == (refused.status, nowhere.status)
    assert "cancelled" == answer_of(Client(sandbox, "ops", is_admin=True), job)


def test_a_cancel_holds_even_if_its_receipts_cannot_be_written(sandbox: Sandbox, ada: Client) -> None:
    """What is cancelled is said to be; its execution, or the one that the sweep starts, writes what is missing."""
    job = sandbox.put()
    with patch.object(buckets, "put_receipt", side_effect=AwsTrouble("no bucket today")):
        assert "cancelled" == answer_of(ada, job)
    assert JobState.CANCELLED is sandbox.job(job.id).state
    assert "finish" == sandbox.invoke("StartTaskFunction", {"job_id": job.id})["next"]
    sandbox.invoke("FinishFunction", {"job_id": job.id})
    assert "cancelled" == sandbox.receipt(f"{job.receipts}/status.json")["state"]
