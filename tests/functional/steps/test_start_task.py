"""The only step that spends money."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import requests
from gallop.adapters import dashscope, secrets
from gallop.adapters.table import jobs
from gallop.domain import remedies
from gallop.domain.errors import AttemptInFlight, AwsTrouble, LaneBusy, VendorThrottled, VendorUnreachable
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import AttemptEnd, Failure, JobState, failure_from
from gallop.domain.remedies import Remedy
from gallop.domain.request.images import LinkedImage, StoredImage
from gallop.domain.views import remedy_of
from gallop.steps import start_task as step

from fake_dashscope import KEY
from tests.support.jobs import PICTURE_URL, a_request
from tests.support.pictures import picture
from tests.support.sandbox import SUBMIT_URL
from tests.support.stack import aws

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

THROTTLES = ["Throttling", "Throttling.RateQuota", "Throttling.BurstRate"]
REFUSALS = {
    "InvalidParameter": Remedy.FIX_REQUEST,
    "DataInspectionFailed": Remedy.CHANGE_CONTENT,
    "InvalidApiKey": Remedy.REPLACE_KEY,
    "Arrearage": Remedy.PAY_BILL,
    "AccessDenied": Remedy.GRANT_ACCESS,
    "AccessDenied.Unpurchased": Remedy.PAY_BILL,
    "ModelNotFound": Remedy.GRANT_ACCESS,
    "CommodityNotPurchased": Remedy.PAY_BILL,
    "PrepaidBillOverdue": Remedy.PAY_BILL,
    "PostpaidBillOverdue": Remedy.PAY_BILL,
    "Throttling.AllocationQuota": Remedy.PAY_BILL,
    "AllocationQuota.FreeTierOnly": Remedy.PAY_BILL,
}
# By HTTP status.
WITHOUT_A_CODE = {401: Remedy.REPLACE_KEY, 402: Remedy.PAY_BILL, 403: Remedy.GRANT_ACCESS}
NEVER_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]
LOST_ON_THE_WAY = [
    httpx.ReadError,
    httpx.ReadTimeout,
    httpx.WriteError,
    httpx.WriteTimeout,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    httpx.LocalProtocolError,
    httpx.DecodingError,
]
LOST_AT_THE_VENDOR = [
    "drop_after_accept",
    "drop_before_accept",
    "500_after_accept",
    "502_html",
    "stall_after_accept",
    "unreadable_200",
]
UNREADABLE = {
    "no task": httpx.Response(200, json={"output": {}}),
    "no output": httpx.Response(200, json={"request_id": "r"}),
    "a list": httpx.Response(200, json=[1]),
    "a number for an id": httpx.Response(200, json={"output": {"task_id": 7}}),
    "an empty id": httpx.Response(200, json={"output": {"task_id": ""}}),
    "a surrogate for an id": httpx.Response(200, content=b'{"output": {"task_id": "\\ud800"}}'),
    "a path for an id": httpx.Response(200, json={"output": {"task_id": "../tasks"}}),
    "an endless id": httpx.Response(200, json={"output": {"task_id": "t" * 5000}}),
    "a number that never ends": httpx.Response(200, content=b'{"output": ' + b"9" * 5000 + b"}"),
    "no end of brackets": httpx.Response(200, content=b"[" * 100_000),
    "not a number": httpx.Response(200, content=b'{"output": {"task_id": "t"}, "x": NaN}'),
    "another 2xx": httpx.Response(202, json={"output": {"task_id": "t"}}),
    "a redirect": httpx.Response(302, headers={"Location": "https://example.com/"}),
    "nothing": httpx.Response(204),
}


class Killed(BaseException):
    """The process was killed: none of it runs any more."""


def raising(error: type[httpx.RequestError]) -> Callable[[httpx.Request], httpx.Response]:
    """Fail every request with this error."""

    def effect(request: httpx.Request) -> httpx.Response:
        raise error("broken", request=request)

    return effect


def start(sandbox: Sandbox, job: Job) -> dict[str, Any]:
    """Run the step."""
    answer: dict[str, Any] = sandbox.invoke("StartTaskFunction", {"job_id": job.id})
    return answer


def submits(sandbox: Sandbox) -> int:
    """Return the number of POSTs that were sent to DashScope."""
    return len(sandbox.sent(SUBMIT_URL))


def test_the_post_has_every_parameter(sandbox: Sandbox) -> None:
    """DashScope's defaults are never used: they would mean twice the price and a watermark."""
    start(sandbox, sandbox.put(request=a_request(ratio="9:16", duration=3, seed=7)))
    (post,) = sandbox.sent(SUBMIT_URL)
    expected = {
        "model": "happyhorse-1.0-r2v",
        "input": {
            "prompt": "The woman of [Image 1] smiles.",
            "media": [{"type": "reference_image", "url": PICTURE_URL}],
        },
        "parameters": {"resolution": "720P", "ratio": "9:16", "duration": 3, "watermark": False, "seed": 7},
    }
    assert expected == json.loads(post.content)
    assert f"Bearer {KEY}" == post.headers["Authorization"]
    assert "enable" == post.headers["X-DashScope-Async"]
    assert "application/json" == post.headers["Content-Type"]


def test_a_seed_is_sent_only_when_there_is_one(sandbox: Sandbox) -> None:
    """Without one DashScope chooses it."""
    start(sandbox, sandbox.put())
    assert "seed" not in json.loads(sandbox.sent(SUBMIT_URL)[0].content)["parameters"]


def test_an_accepted_submit_is_recorded_and_reported(sandbox: Sandbox) -> None:
    """The record has the task, the receipt shows it, and the workflow waits until the task may have ended."""
    job = sandbox.put()
    assert {"next": "wait", "wait_seconds": 50, "failure": None} == start(sandbox, job)
    running, (task,) = sandbox.job(job.id), sandbox.tasks()
    assert JobState.RUNNING == running.state
    assert task["task_id"] == running.task_id
    assert task["request_id"] == running.vendor_request_id
    assert 1 == running.submits
    assert running.attempt
    assert AttemptEnd.ACCEPTED is running.attempt.end
    assert "running" == sandbox.receipt(f"{job.receipts}/status.json")["state"]


def test_the_record_is_submitting_before_the_first_byte_is_sent(sandbox: Sandbox) -> None:
    """A function that is killed during the POST has left a record of it."""
    job, seen = sandbox.put(), []

    def look(request: httpx.Request) -> httpx.Response:
        seen.append(sandbox.job(job.id))
        return sandbox.fake.handle(request)

    sandbox.instead[SUBMIT_URL] = look
    start(sandbox, job)
    (during,) = seen
    assert during.attempt
    assert JobState.SUBMITTING == during.state
    assert AttemptEnd.OPEN == during.attempt.end
    assert 1 == during.submits


def test_private_images_are_passed_as_presigned_addresses(sandbox: Sandbox) -> None:
    """DashScope can download exactly the version that was checked, with a GET and nothing else."""
    sandbox.drop("uploads/ada/1.png", picture("PNG"))
    version = sandbox.s3.head_object(Bucket=sandbox.inbox, Key="uploads/ada/1.png")["VersionId"]
    sandbox.drop("uploads/ada/1.png", picture("PNG", shade=1))
    image = StoredImage(sandbox.inbox, "uploads/ada/1.png", version, "hash")
    start(sandbox, sandbox.put(request=a_request(images=(LinkedImage(PICTURE_URL), image))))
    linked, stored = (medium["url"] for medium in json.loads(sandbox.sent(SUBMIT_URL)[0].content)["input"]["media"])
    assert PICTURE_URL == linked
    query = parse_qs(urlsplit(stored).query)
    assert ["AWS4-HMAC-SHA256"] == query["X-Amz-Algorithm"]
    assert ["21600"] == query["X-Amz-Expires"]
    assert [version] == query["versionId"]
    assert picture("PNG") == requests.get(stored, timeout=5).content


@pytest.mark.parametrize(
    ("state", "what_next"),
    [
        (JobState.RUNNING, "wait"),
        (JobState.STORING, "save"),
        (JobState.SUCCEEDED, "finish"),
        (JobState.FAILED, "finish"),
        (JobState.CANCELLED, "finish"),
        (JobState.OUTCOME_UNKNOWN, "reconcile"),
    ],
)
def test_a_job_that_has_moved_on_is_not_submitted(sandbox: Sandbox, state: JobState, what_next: str) -> None:
    """A step that is repeated or late returns what the job's state requires, and sends nothing."""
    job = sandbox.put(state)
    assert (what_next, None) == (start(sandbox, job)["next"], start(sandbox, job)["failure"])
    assert (0, state) == (submits(sandbox), sandbox.job(job.id).state)


def test_one_job_is_one_post_however_often_the_step_runs(sandbox: Sandbox) -> None:
    """Step Functions may repeat a step at any time."""
    job = sandbox.put()
    for _ in range(5):
        start(sandbox, job)
    assert (1, 1) == (submits(sandbox), len(sandbox.tasks()))


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_is_final_and_has_a_remedy(sandbox: Sandbox, code: str) -> None:
    """It creates no task; the job ends with DashScope's message and a remedy. An unpaid account is a 429."""
    sandbox.fake.fault(on="submit", kind="error", code=code, message="No.")
    job = sandbox.put()
    answer = start(sandbox, job)
    assert "finish" == answer["next"]
    failure = failure_from(answer["failure"])
    assert Failure(FailureCode.VENDOR_REFUSED, "DashScope refused the request.", code, "No.") == failure
    refused = sandbox.job(job.id)
    assert f"{remedies.text(REFUSALS[code], refused.door)} You have not been charged." == remedy_of(refused, failure)
    attempt = refused.attempt
    assert attempt
    assert (AttemptEnd.REFUSED, []) == (attempt.end, sandbox.tasks())


def test_a_wrong_key_is_reported(sandbox: Sandbox) -> None:
    """The key in the secret is sent; if DashScope rejects it, the failure says where to fix it."""
    secret = aws("secretsmanager")
    secret.put_secret_value(SecretId=sandbox.stack.resource("DashScopeSecret"), SecretString="sk-wrong\n")
    answer = start(sandbox, sandbox.put())
    assert "Bearer sk-wrong" == sandbox.sent(SUBMIT_URL)[0].headers["Authorization"]
    assert "InvalidApiKey" == answer["failure"]["vendor_code"]
    assert "Invalid API-key provided." == answer["failure"]["vendor_message"]
    secret.put_secret_value(SecretId=sandbox.stack.resource("DashScopeSecret"), SecretString=KEY)


@pytest.mark.parametrize("held", [" ", "sk-schlüssel", "sk-one\nsk-two", '{"key": "sk-x"}'])
def test_an_impossible_key_is_not_sent(sandbox: Sandbox, held: str) -> None:
    """A malformed value in the secret is reported, and nothing is sent."""
    secret = aws("secretsmanager")
    secret.put_secret_value(SecretId=sandbox.stack.resource("DashScopeSecret"), SecretString=held)
    answer = start(sandbox, sandbox.put())
    assert "The stack's secret does not contain a valid API key." == answer["failure"]["vendor_message"]
    assert 0 == submits(sandbox)
    secret.put_secret_value(SecretId=sandbox.stack.resource("DashScopeSecret"), SecretString=KEY)


def test_addresses_in_dashscopes_messages_are_removed(sandbox: Sandbox) -> None:
    """The address of a private image grants access: it belongs in no record, receipt or log."""
    quoted = "Cannot fetch https://inbox.s3.amazonaws.com/a.jpg?X-Amz-Signature=abc, sorry; nor data:image/png;base64,a"
    sandbox.fake.fault(on="submit", kind="error", code="InvalidURL", message=quoted)
    answer = start(sandbox, sandbox.put())
    assert "Cannot fetch (address) sorry; nor (address)" == answer["failure"]["vendor_message"]


@pytest.mark.parametrize("code", THROTTLES)
def test_a_throttled_submit_may_be_sent_again(sandbox: Sandbox, code: str) -> None:
    """A 429 for DashScope's rate limits created no task: the workflow waits and runs the step again."""
    sandbox.fake.fault(on="submit", kind="429", code=code)
    job = sandbox.put()
    with pytest.raises(VendorThrottled, match=code):
        start(sandbox, job)
    assert "wait" == start(sandbox, job)["next"]
    assert 2 == submits(sandbox)
    assert 1 == len(sandbox.tasks())
    assert 2 == sandbox.job(job.id).submits


def test_a_429_without_a_code_is_throttling(sandbox: Sandbox) -> None:
    """A gateway in front of DashScope refuses without one."""
    sandbox.instead[SUBMIT_URL] = lambda _: httpx.Response(429, text="slow down")
    with pytest.raises(VendorThrottled, match="HTTP 429"):
        start(sandbox, sandbox.put())


@pytest.mark.parametrize(("status", "remedy"), WITHOUT_A_CODE.items())
def test_a_refusal_without_a_code_means_what_its_status_says(sandbox: Sandbox, status: int, remedy: Remedy) -> None:
    """A gateway in front of DashScope sends no code. It concerns the account, so the next job waits a minute."""
    sandbox.instead[SUBMIT_URL] = lambda _: httpx.Response(status, text="no")
    job = sandbox.put()
    failure = failure_from(start(sandbox, job)["failure"])
    assert f"{remedies.text(remedy, job.door)} You have not been charged." == remedy_of(sandbox.job(job.id), failure)
    with patch.object(step, "LANE_TRIES", 3), pytest.raises(LaneBusy):
        start(sandbox, sandbox.put())


@pytest.mark.parametrize("error", NEVER_SENT)
def test_a_submit_that_was_never_sent_may_be_repeated(sandbox: Sandbox, error: type[httpx.RequestError]) -> None:
    """Without a connection there is no task; the message names the host only."""
    job = sandbox.put()
    sandbox.instead[SUBMIT_URL] = raising(error)
    message = rf"Cannot connect to DashScope at dashscope-intl\.aliyuncs\.com \({error.__name__}\)\.$"
    with pytest.raises(VendorUnreachable, match=message):
        start(sandbox, job)
    attempt = sandbox.job(job.id).attempt
    assert attempt
    assert AttemptEnd.REFUSED is attempt.end
    sandbox.instead.clear()
    assert "wait" == start(sandbox, job)["next"]
    assert (2, 1) == (submits(sandbox), len(sandbox.tasks()))


@pytest.mark.parametrize("base_url", ["https://dashscope:port/api/v1", "https://[::1/api/v1"])
def test_an_invalid_base_url_is_unreachable(sandbox: Sandbox, base_url: str) -> None:
    """A wrong parameter of the stack costs nothing."""
    with pytest.raises(VendorUnreachable):
        start(sandbox, sandbox.put(base_url=base_url))
    assert [] == sandbox.tasks()


@pytest.mark.parametrize("error", LOST_ON_THE_WAY)
def test_a_lost_reply_is_unknown(sandbox: Sandbox, error: type[httpx.RequestError]) -> None:
    """Once a byte may have been sent, there may be a task: no repetition sends a second POST."""
    job = sandbox.put()
    sandbox.instead[SUBMIT_URL] = raising(error)
    assert_unknown(sandbox, job)


@pytest.mark.parametrize("kind", LOST_AT_THE_VENDOR)
def test_a_reply_lost_at_the_vendor_is_unknown(sandbox: Sandbox, kind: str) -> None:
    """With or without a task, the result looks the same to Gallop."""
    sandbox.fake.fault(on="submit", kind=kind)
    assert_unknown(sandbox, sandbox.put())


@pytest.mark.parametrize("reply", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_reply_without_a_task_is_unknown(sandbox: Sandbox, reply: httpx.Response) -> None:
    """A reply that is not a refusal and names no task may have created one."""
    sandbox.instead[SUBMIT_URL] = lambda _: reply
    assert_unknown(sandbox, sandbox.put())


def assert_unknown(sandbox: Sandbox, job: Job) -> None:
    """Run the step into an unknown outcome, then repeat it: it requests reconciliation, and sends nothing more."""
    expected = {"next": "reconcile", "wait_seconds": 15, "failure": None}
    assert expected == start(sandbox, job)
    sandbox.clock.advance(1000)
    assert expected == start(sandbox, job)
    parked = sandbox.job(job.id)
    assert parked.attempt
    assert JobState.OUTCOME_UNKNOWN == parked.state
    assert AttemptEnd.UNKNOWN == parked.attempt.end
    assert 1 == submits(sandbox)
    assert "outcome_unknown" == sandbox.receipt(f"{job.receipts}/status.json")["state"]


@pytest.mark.parametrize(("where", "posts"), [((jobs, "claim"), 1), ((dashscope, "submit"), 0)])
def test_a_run_killed_around_its_post_causes_no_second_one(
    sandbox: Sandbox, where: tuple[object, str], posts: int
) -> None:
    """If it was killed before or after the POST, the next runs wait until it must have ended, then reconcile."""
    job = sandbox.put()
    with patch.object(*where, side_effect=Killed), pytest.raises(Killed):
        start(sandbox, job)
    assert JobState.SUBMITTING is sandbox.job(job.id).state
    sandbox.clock.advance(step.ATTEMPT_SECONDS - 1)
    with pytest.raises(AttemptInFlight):
        start(sandbox, job)
    sandbox.clock.advance(2)
    assert ["reconcile"] * 3 == [start(sandbox, job)["next"] for _ in range(3)]
    assert (posts, JobState.OUTCOME_UNKNOWN) == (submits(sandbox), sandbox.job(job.id).state)


def test_a_run_killed_before_its_attempt_is_simply_repeated(sandbox: Sandbox) -> None:
    """Until the attempt is recorded, nothing has happened."""
    job = sandbox.put()
    with patch.object(secrets, "dashscope_key", side_effect=AwsTrouble("no")), pytest.raises(AwsTrouble):
        start(sandbox, job)
    assert JobState.QUEUED is sandbox.job(job.id).state
    assert "wait" == start(sandbox, job)["next"]
    assert 1 == len(sandbox.tasks())


def test_an_unreadable_secret_is_an_aws_error(sandbox: Sandbox) -> None:
    """Without the key there is no attempt: the workflow runs the step again, and nothing was sent."""
    job = sandbox.put(key_name="arn:aws:secretsmanager:eu-central-1:123456789012:secret:not-there")
    with pytest.raises(AwsTrouble, match="The DashScope key cannot be read"):
        start(sandbox, job)
    assert (0, JobState.QUEUED) == (submits(sandbox), sandbox.job(job.id).state)


def test_a_concurrent_second_run_sends_nothing(sandbox: Sandbox) -> None:
    """Two concurrent runs of the step make one POST."""
    job, second = sandbox.put(), []

    def run_again(request: httpx.Request) -> httpx.Response:
        with pytest.raises(AttemptInFlight):
            start(sandbox, job)
        second.append(request)
        return sandbox.fake.handle(request)

    sandbox.instead[SUBMIT_URL] = run_again
    assert "wait" == start(sandbox, job)["next"]
    assert (1, 1) == (len(second), submits(sandbox))


def test_attempts_are_made_one_at_a_time(sandbox: Sandbox) -> None:
    """During another job's attempt, this one waits briefly, and then lets the workflow wait."""
    first, second = sandbox.put(), sandbox.put()

    def meanwhile(request: httpx.Request) -> httpx.Response:
        with patch.object(step, "LANE_TRIES", 3), pytest.raises(LaneBusy):
            start(sandbox, second)
        return sandbox.fake.handle(request)

    sandbox.instead[SUBMIT_URL] = meanwhile
    start(sandbox, first)
    assert (JobState.RUNNING, JobState.QUEUED) == (sandbox.job(first.id).state, sandbox.job(second.id).state)
    sandbox.instead.clear()
    assert "wait" == start(sandbox, second)["next"]


def test_a_job_past_its_deadline_is_not_submitted(sandbox: Sandbox) -> None:
    """Its video would be charged and too late."""
    job = sandbox.put()
    sandbox.clock.time = job.deadline + 1
    answer = start(sandbox, job)
    assert "finish" == answer["next"]
    assert "deadline_exceeded" == answer["failure"]["code"]
    assert 0 == submits(sandbox)
