"""The wait loop's question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock, patch

import httpx
import pytest
from gallop.domain import remedies
from gallop.domain.errors import FailureCode
from gallop.domain.job import Failure, JobState, failure_from
from gallop.domain.remedies import Remedy
from gallop.domain.views import remedy_of
from gallop.steps import status

from fake_dashscope import KEY, ids
from tests.support.jobs import a_request
from tests.support.sandbox import SUBMIT_URL, TASKS_URL
from tests.support.stack import aws

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

TROUBLE = ["drop", "stall", "500", "429", "malformed"]
ODD_REPLIES = {
    "no status": httpx.Response(200, json={"output": {}}),
    "no output": httpx.Response(200, json={"request_id": "r"}),
    "a number for a status": httpx.Response(200, json={"output": {"task_status": 7}}),
    "a list": httpx.Response(200, json=[]),
    "a page": httpx.Response(200, text="<html></html>"),
    "not a number": httpx.Response(
        200, content=b'{"output": {"task_status": "SUCCEEDED"}, "usage": {"duration": NaN}}'
    ),
    "a redirect": httpx.Response(302, headers={"Location": "https://example.com"}),
    "running, they say, with a 503": httpx.Response(503, json={"output": {"task_status": "RUNNING"}}),
}


def ask(sandbox: Sandbox, job: Job) -> dict[str, Any]:
    """Run the step."""
    answer: dict[str, Any] = sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})
    return answer


def task_says(sandbox: Sandbox, **output: object) -> None:
    """Let every query get this answer."""
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output})


def usage_says(sandbox: Sandbox, **usage: object) -> None:
    """Let every query get a success with this usage."""
    output = {"task_status": "SUCCEEDED", "video_url": "https://x.aliyuncs.com/v.mp4"}
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output, "usage": usage})


def test_the_question_goes_to_the_task_with_the_key(sandbox: Sandbox) -> None:
    """One GET, at the address that the job was submitted to, and counted."""
    job = sandbox.submitted()
    ask(sandbox, job)
    (query,) = sandbox.sent(TASKS_URL)
    assert (f"{TASKS_URL}/{job.task_id}", f"Bearer {KEY}") == (str(query.url), query.headers["Authorization"])
    assert 1 == sandbox.job(job.id).polls


@pytest.mark.parametrize("word", ["RUNNING", "SUSPENDED", "SOMETHING_NEW"])
def test_a_task_that_has_not_ended_is_waited_for(sandbox: Sandbox, word: str) -> None:
    """Words that we do not know (yet) are not the end either."""
    job = sandbox.submitted()
    task_says(sandbox, task_status=word)
    # A second later than the submit, since when one is to pass.
    assert {"next": "wait", "wait_seconds": 22, "failure": None} == ask(sandbox, job)
    sandbox.clock.advance(22)
    assert 15 == ask(sandbox, job)["wait_seconds"]


def test_a_task_that_waits_at_dashscope_does_not_age(sandbox: Sandbox) -> None:
    """Only from ``scheduled_time`` on, which is UTC+8, can it end; clients are shown the same."""
    job = sandbox.submitted()
    task_says(sandbox, task_status="PENDING")
    sandbox.clock.advance(1000)
    assert 23 == ask(sandbox, job)["wait_seconds"]
    began_at = sandbox.clock.now()
    task_says(sandbox, task_status="RUNNING", scheduled_time=ids.local_time(began_at))
    sandbox.clock.advance(23)
    assert (15, began_at) == (ask(sandbox, job)["wait_seconds"], sandbox.job(job.id).began_at)


@pytest.mark.parametrize("told", ["2019-01-01 00:00:00.000", "2999-01-01 00:00:00", "soon", 7, None])
def test_a_beginning_that_cannot_be_is_not_believed(sandbox: Sandbox, told: object) -> None:
    """Another zone, another clock: then the task's age counts from its submit."""
    job = sandbox.submitted()
    task_says(sandbox, task_status="RUNNING", scheduled_time=told)
    sandbox.clock.advance(23)
    assert (15, None) == (ask(sandbox, job)["wait_seconds"], sandbox.job(job.id).began_at)


def test_a_task_that_succeeded_is_paid_for_and_stored_next(sandbox: Sandbox) -> None:
    """Usage and cost are recorded before the video is fetched; the address of the video is recorded nowhere."""
    job = sandbox.storing(request=a_request(resolution="1080P", duration=15))
    assert (JobState.STORING, "3.6") == (job.state, str(job.cost))
    assert job.usage
    assert (15, 1080) == (job.usage["duration"], job.usage["SR"])
    receipt = sandbox.receipt(f"{job.receipts}/status.json")
    assert ("storing", 3.6) == (receipt["state"], receipt["cost"])
    table = aws("dynamodb").scan(TableName=sandbox.stack.resource("JobTable"))
    assert "aliyuncs.com/" not in str(table["Items"]).replace(job.base_url, "")


@pytest.mark.parametrize("duration", ["5", None, float(10**9), -3, [5]])
def test_usage_that_cannot_be_is_not_believed(sandbox: Sandbox, duration: object) -> None:
    """A video is made and paid: an odd word about its seconds does not lose it, and is priced as ordered."""
    job = sandbox.submitted()
    usage_says(sandbox, duration=duration)
    assert "save" == ask(sandbox, job)["next"]
    assert "0.7" == str(sandbox.job(job.id).cost)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("DataInspectionFailed", Remedy.CHANGE_CONTENT),
        ("InvalidParameter", Remedy.FIX_REQUEST),
        ("InvalidURL.Timeout", Remedy.SEND_IMAGES),
        ("InternalError.Algo", Remedy.CREATE_AGAIN),
        ("InternalError.Timeout", Remedy.CREATE_AGAIN),
    ],
)
def test_a_task_that_failed_ends_the_job_with_its_reason(sandbox: Sandbox, code: str, remedy: Remedy) -> None:
    """DashScope's code and words, and what to do about them."""
    sandbox.fake.fault(on="task", kind="fail", code=code, message="It did not work.")
    job = sandbox.submitted()
    sandbox.clock.advance(3600)
    answer = ask(sandbox, job)
    assert "finish" == answer["next"]
    failure = failure_from(answer["failure"])
    expected = Failure(FailureCode.GENERATION_FAILED, "DashScope could not make the video.", code, "It did not work.")
    assert expected == failure
    assert f"{remedies.text(remedy, job.door)} You have not been charged." == remedy_of(job, failure)


def test_a_failure_without_detail_is_a_failure(sandbox: Sandbox) -> None:
    """Not every failure comes with a reason."""
    sandbox.fake.fault(on="task", kind="fail_without_detail")
    job = sandbox.submitted()
    sandbox.clock.advance(3600)
    failure = ask(sandbox, job)["failure"]
    assert "FAILED" == failure["vendor_code"]
    assert "DashScope reported no reason." == failure["vendor_message"]


def test_a_reason_that_quotes_an_address_does_not_pass_it_on(sandbox: Sandbox) -> None:
    """The presigned address of a private image stays between us and DashScope."""
    job = sandbox.submitted()
    quoted = "Cannot fetch https://inbox.s3.amazonaws.com/a.jpg?X-Amz-Signature=abc."
    task_says(sandbox, task_status="FAILED", code="InvalidParameter", message=quoted)
    assert "Cannot fetch (address)" == ask(sandbox, job)["failure"]["vendor_message"]


def test_half_a_character_in_a_reason_does_no_harm(sandbox: Sandbox) -> None:
    """Whatever DashScope says can be written down."""
    job = sandbox.submitted()
    body = rb'{"output": {"task_status": "FAILED", "code": "Odd", "message": "broken \ud83d here"}}'
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, content=body)
    assert "broken ? here" == ask(sandbox, job)["failure"]["vendor_message"]


def test_a_task_cancelled_at_dashscope_ends_the_job(sandbox: Sandbox) -> None:
    """Somebody cancelled it in the console."""
    job = sandbox.submitted()
    task_says(sandbox, task_status="CANCELED")
    assert "cancelled" == ask(sandbox, job)["failure"]["code"]


def test_an_early_unknown_is_only_too_early(sandbox: Sandbox) -> None:
    """A task that was accepted a moment ago may not be known everywhere yet."""
    job = sandbox.submitted()
    sandbox.fake.fault(on="query", kind="unknown", times=5)
    sandbox.clock.advance(119)
    assert ("wait", None) == (ask(sandbox, job)["next"], ask(sandbox, job)["failure"])


def test_a_late_unknown_ends_the_job_and_says_what_it_may_be(sandbox: Sandbox) -> None:
    """Expired, or asked with a key of another region: both look the same."""
    job = sandbox.submitted()
    sandbox.fake.fault(on="query", kind="unknown", times=9)
    sandbox.clock.advance(121)
    assert "wait" == ask(sandbox, job)["next"]
    sandbox.clock.advance(status.UNKNOWN_FOR_SECONDS)
    failure = ask(sandbox, job)["failure"]
    assert "task_unknown" == failure["code"]
    assert "it expired (24 hours), or the key now belongs to another region or account" in failure["message"]


def test_an_unknown_in_between_is_forgotten(sandbox: Sandbox) -> None:
    """A key that was mixed up for a moment costs no paid task."""
    job = sandbox.submitted()
    for _ in range(3):
        sandbox.clock.advance(status.UNKNOWN_FOR_SECONDS - 1)
        sandbox.fake.fault(on="query", kind="unknown")
        assert "wait" == ask(sandbox, job)["next"]
        task_says(sandbox, task_status="RUNNING")
        assert "wait" == ask(sandbox, job)["next"]
        sandbox.instead.clear()


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_with_a_question_never_ends_a_job(sandbox: Sandbox, kind: str) -> None:
    """Lost, slow, refused for its rate, broken or cut: the answer is asked for again."""
    job = sandbox.submitted()
    sandbox.fake.fault(on="query", kind=kind, times=10)
    for _ in range(10):
        answer = ask(sandbox, job)
        assert ("wait", None) == (answer["next"], answer["failure"])
        sandbox.clock.advance(answer["wait_seconds"])
    sandbox.clock.advance(3600)
    assert "save" == ask(sandbox, job)["next"]


@pytest.mark.parametrize("reply", ODD_REPLIES.values(), ids=ODD_REPLIES.keys())
def test_an_answer_that_cannot_be_read_is_asked_for_again(sandbox: Sandbox, reply: httpx.Response) -> None:
    """Only an answer with a status decides anything."""
    job = sandbox.submitted()
    sandbox.instead[TASKS_URL] = lambda _: reply
    assert ("wait", JobState.RUNNING) == (ask(sandbox, job)["next"], sandbox.job(job.id).state)


def test_no_connection_is_waited_out(sandbox: Sandbox) -> None:
    """The task runs on while the network is down."""
    job = sandbox.submitted()

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    sandbox.instead[TASKS_URL] = refuse
    assert "wait" == ask(sandbox, job)["next"]


@pytest.mark.parametrize("code", ["InvalidApiKey", "AccessDenied", "Arrearage"])
def test_a_refused_key_is_waited_for_and_can_be_mended(sandbox: Sandbox, code: str) -> None:
    """The task is paid: an operator has until the deadline to put the right key in place, at a question a minute."""
    job = sandbox.submitted()
    sandbox.clock.advance(100)
    sandbox.fake.fault(on="query", kind="error", code=code, times=2)
    assert [60, 60] == [ask(sandbox, job)["wait_seconds"] for _ in range(2)]
    sandbox.clock.advance(3600)
    assert "save" == ask(sandbox, job)["next"]


def test_a_rotated_key_is_seen_within_five_minutes(sandbox: Sandbox) -> None:
    """A warm function asks the vault again."""
    job, secret = sandbox.submitted(), sandbox.stack.resource("DashScopeSecret")
    aws("secretsmanager").put_secret_value(SecretId=secret, SecretString="sk-rotated")
    ask(sandbox, job)
    assert f"Bearer {KEY}" == sandbox.sent(TASKS_URL)[-1].headers["Authorization"]
    in_five_minutes = datetime.now(UTC).astimezone().replace(tzinfo=None) + timedelta(seconds=301)
    with patch("aws_lambda_powertools.utilities.parameters.base.datetime", Mock(now=lambda: in_five_minutes)):
        ask(sandbox, job)
    assert "Bearer sk-rotated" == sandbox.sent(TASKS_URL)[-1].headers["Authorization"]
    aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=KEY)


def test_the_deadline_ends_a_job(sandbox: Sandbox) -> None:
    """A task that never ends does not keep a job for ever; the answer names the task."""
    sandbox.fake.fault(on="task", kind="never_ends")
    job = sandbox.submitted()
    sandbox.clock.time = job.deadline - 1.4
    answer = ask(sandbox, job)
    assert ("wait", 1) == (answer["next"], answer["wait_seconds"])
    sandbox.clock.time = job.deadline
    failure = ask(sandbox, job)["failure"]
    assert "deadline_exceeded" == failure["code"]
    assert f"Task {job.task_id} had not ended 240 minutes after the job was accepted." == failure["message"]


def test_the_deadline_says_what_the_trouble_was(sandbox: Sandbox) -> None:
    """Who could not ask until the end says why."""
    job = sandbox.submitted()
    sandbox.fake.fault(on="query", kind="500", times=1)
    sandbox.clock.time = job.deadline + 1
    assert "DashScope sent an unreadable response (HTTP 500)." in ask(sandbox, job)["failure"]["message"]


@pytest.mark.parametrize(
    ("state", "what_next"),
    [
        (JobState.STORING, "save"),
        (JobState.SUCCEEDED, "finish"),
        (JobState.FAILED, "finish"),
        (JobState.CANCELLED, "finish"),
    ],
)
def test_a_late_question_asks_nothing(sandbox: Sandbox, state: JobState, what_next: str) -> None:
    """A step that is run again finds where the job stands."""
    job = sandbox.put(state)
    assert what_next == ask(sandbox, job)["next"]
    assert ([], state) == (sandbox.sent(TASKS_URL), sandbox.job(job.id).state)


def test_a_job_stays_with_the_address_that_it_was_submitted_to(sandbox: Sandbox) -> None:
    """A stack that moves to another region does not lose its jobs."""
    elsewhere = "https://dashscope.aliyuncs.com/api/v1"
    job = sandbox.put(JobState.RUNNING, base_url=elsewhere)
    ask(sandbox, job)
    assert 1 == len(sandbox.sent(f"{elsewhere}/tasks/{job.task_id}"))
    assert [] == sandbox.sent(SUBMIT_URL)


@pytest.mark.parametrize(("told", "cost"), [(1080, "0.72"), (720, "0.42"), (4320, "0.42"), ("x", "0.42")])
def test_a_task_costs_what_was_made(sandbox: Sandbox, told: object, cost: str) -> None:
    """The resolution of the usage counts, if the model has it; or else that of the request, 720P for three seconds."""
    job = sandbox.submitted(request=a_request(duration=3, resolution="720P"))
    usage_says(sandbox, SR=told, duration=3)
    ask(sandbox, job)
    assert cost == str(sandbox.job(job.id).cost)
