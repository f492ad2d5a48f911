"""A cancel has three answers, each true whatever the job does meanwhile."""

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
    response = client.cancel(job.id)
    assert 200 == response.status, response.text
    assert response.json["cancel"]["message"].endswith(".")
    return str(response.json["cancel"]["answer"])


def assert_cancelled(sandbox: Sandbox, job: Job) -> None:
    """Assert that the job ended as cancelled, in its record and receipts, and that nothing was charged."""
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
def test_a_job_without_a_task_is_cancelled(
    sandbox: Sandbox, ada: Client, state: JobState, fields: dict[str, Any]
) -> None:
    """It is cancelled immediately and free; the submit step then sends nothing."""
    job = sandbox.put(state, **{"attempt": None, "submits": 0, **fields})
    assert "cancelled" == answer_of(ada, job)
    assert_cancelled(sandbox, job)
    assert "finish" == sandbox.invoke("StartTaskFunction", {"job_id": job.id})["next"]
    assert [] == sandbox.tasks()


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN, JobState.STORING])
def test_a_job_that_may_have_a_task_is_not_cancelled(sandbox: Sandbox, ada: Client, state: JobState) -> None:
    """During an attempt, after a lost reply or during the download it is too late, and nothing changes."""
    job = sandbox.put(state)
    assert "too_late" == answer_of(ada, job)
    assert job == sandbox.job(job.id)


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_an_end_is_final(sandbox: Sandbox, ada: Client, state: JobState) -> None:
    """A second or late cancel shows the job as it ended."""
    job = sandbox.put(state)
    assert "already_finished" == answer_of(ada, job)
    assert job == sandbox.job(job.id)


def test_a_second_cancel_says_that_the_job_has_ended(sandbox: Sandbox, ada: Client) -> None:
    """The first cancel ended the job."""
    job = sandbox.put()
    assert ["cancelled", "already_finished"] == [answer_of(ada, job), answer_of(ada, job)]
    assert_cancelled(sandbox, job)


def test_a_task_that_runs_is_too_late(sandbox: Sandbox, ada: Client) -> None:
    """DashScope refuses with 400 UnsupportedOperation, and the answer says that the video will be charged."""
    job = sandbox.submitted()
    sandbox.clock.advance(30)
    sandbox.fake.ledger()
    response = ada.cancel(job.id).json
    assert ("too_late", "running") == (response["cancel"]["answer"], response["state"])
    assert "billed" in response["cancel"]["message"]


def test_a_task_that_waits_is_cancelled_at_dashscope(sandbox: Sandbox, ada: Client) -> None:
    """If DashScope confirms the cancel, nothing is charged."""
    created = [sandbox.submitted() for _ in range(8)]
    assert "cancelled" == answer_of(ada, created[-1])
    assert_cancelled(sandbox, created[-1])


@pytest.mark.parametrize("kind", ["lost", "500", "refused"])
def test_an_unclear_answer_of_dashscope_is_too_late(sandbox: Sandbox, ada: Client, kind: str) -> None:
    """Without a confirmation the answer is too late; if the task was cancelled nevertheless, polling finds out."""
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
    """Let something happen to a job between a cancel's read and its write."""
    advance, moves = jobs.advance, [move]

    def late(before: Job, after: Job) -> Job:
        if moves:
            moves.pop()()
        return advance(before, after)

    del sandbox
    return patch.object(jobs, "advance", late)


def test_a_submit_that_opens_an_attempt_meanwhile_wins(sandbox: Sandbox, ada: Client) -> None:
    """The attempt is recorded before the cancel's write: the job continues, and the answer says so."""
    job = sandbox.put()

    def opens() -> None:
        attempt = Attempt("attempt-1", sandbox.clock.now())
        jobs.advance(job, replace(job.at(JobState.SUBMITTING, sandbox.clock.now()), submits=1, attempt=attempt))

    with racing(sandbox, opens):
        assert "too_late" == answer_of(ada, job)
    assert JobState.SUBMITTING is sandbox.job(job.id).state


def test_a_job_that_ends_meanwhile_has_ended(sandbox: Sandbox, ada: Client) -> None:
    """Of two cancels at once, one ends the job and the other reports that it has ended."""
    job = sandbox.put()
    ended = replace(job.at(JobState.FAILED, sandbox.clock.now()), ended_at=sandbox.clock.now())
    with racing(sandbox, lambda: jobs.advance(job, ended)):
        assert "already_finished" == answer_of(ada, job)


def test_a_client_cannot_cancel_anothers_job(sandbox: Sandbox, ada: Client) -> None:
    """The answer is the same as for a missing job; an operator may cancel it."""
    job = sandbox.put(client="bob")
    refused, nowhere = ada.cancel(job.id), ada.cancel(new_job_id(sandbox.clock.now()))
    assert (404, 404) == (refused.status, nowhere.status)
    assert "cancelled" == answer_of(Client(sandbox, "ops", is_admin=True), job)


def test_a_cancel_holds_even_if_its_receipts_cannot_be_written(sandbox: Sandbox, ada: Client) -> None:
    """The answer is still cancelled; its execution, or the one that the sweep starts, writes the missing receipts."""
    job = sandbox.put()
    with patch.object(buckets, "put_receipt", side_effect=AwsTrouble("no bucket today")):
        assert "cancelled" == answer_of(ada, job)
    assert JobState.CANCELLED is sandbox.job(job.id).state
    assert "finish" == sandbox.invoke("StartTaskFunction", {"job_id": job.id})["next"]
    sandbox.invoke("FinishFunction", {"job_id": job.id})
    assert "cancelled" == sandbox.receipt(f"{job.receipts}/status.json")["state"]
