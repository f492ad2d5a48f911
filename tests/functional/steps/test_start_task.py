"""The one place that spends money."""

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
from gallop.domain.errors import AttemptInFlight, AwsTrouble, FailureCode, LaneBusy, VendorThrottled, VendorUnreachable
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

THROTTLES = ["Throttling", "Throttling.RateQuota", "Throttling.BurstRate", "Throttling.AllocationQuota"]
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
}
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
    "a number that never ends": httpx.Response(200, content=b'{"output": ' + b"9" * 5000 + b"}"),
    "no end of brackets": httpx.Response(200, content=b"[" * 100_000),
    "not a number": httpx.Response(200, content=b'{"output": {"task_id": "t"}, "x": NaN}'),
    "another 2xx": httpx.Response(202, json={"output": {"task_id": "t"}}),
    "a redirect": httpx.Response(302, headers={"Location": "https://example.com/"}),
    "nothing": httpx.Response(204),
}


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


def raising(error: type[httpx.RequestError]) -> Callable[[httpx.Request], httpx.Response]:
    """Break every request in this way."""

    def effect(request: httpx.Request) -> httpx.Response:
        raise error("broken", request=request)

    return effect


def start(sandbox: Sandbox, job: Job) -> dict[str, Any]:
    """Run the step."""
    answer: dict[str, Any] = sandbox.invoke("StartTaskFunction", {"job_id": job.id})
    return answer


def submits(sandbox: Sandbox) -> int:
    """Count the POSTs that left for DashScope."""
    return len(sandbox.sent(SUBMIT_URL))


def test_the_post_says_every_parameter_by_name(sandbox: Sandbox) -> None:
    """No default of DashScope's gets in: it would mean twice the price and a watermark."""
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
    assert (f"Bearer {KEY}", "enable", "application/json") == (
        post.headers["Authorization"],
        post.headers["X-DashScope-Async"],
        post.headers["Content-Type"],
    )


def test_a_seed_is_sent_only_when_there_is_one(sandbox: Sandbox) -> None:
    """Without one DashScope draws its own."""
    start(sandbox, sandbox.put())
    assert "seed" not in json.loads(sandbox.sent(SUBMIT_URL)[0].content)["parameters"]


def test_an_accepted_submit_is_recorded_and_told(sandbox: Sandbox) -> None:
    """The record has the task, the receipt says so, and the workflow waits until the task can have ended."""
    job = sandbox.put()
    assert {"next": "wait", "wait_seconds": 23, "failure": None} == start(sandbox, job)
    running, (task,) = sandbox.job(job.id), sandbox.tasks()
    assert (JobState.RUNNING, task["task_id"], task["request_id"], 1) == (
        running.state,
        running.task_id,
        running.vendor_request_id,
        running.submits,
    )
    assert running.attempt
    assert AttemptEnd.ACCEPTED is running.attempt.end
    assert "running" == sandbox.receipt(f"{job.receipts}/status.json")["state"]


def test_the_record_says_submitting_before_the_first_byte_leaves(sandbox: Sandbox) -> None:
    """Whoever dies while the POST is in the air has left a note of it."""
    job, seen = sandbox.put(), []

    def look(request: httpx.Request) -> httpx.Response:
        seen.append(sandbox.job(job.id))
        return sandbox.fake.handle(request)

    sandbox.instead[SUBMIT_URL] = look
    start(sandbox, job)
    (during,) = seen
    assert during.attempt
    assert (JobState.SUBMITTING, AttemptEnd.OPEN, 1) == (during.state, during.attempt.end, during.submits)


def test_private_images_are_shown_by_presigned_addresses(sandbox: Sandbox) -> None:
    """DashScope can fetch the very version that was checked, with a GET and nothing else."""
    sandbox.drop("uploads/ada/1.png", picture("PNG"))
    version = sandbox.s3.head_object(Bucket=sandbox.inbox, Key="uploads/ada/1.png")["VersionId"]
    sandbox.drop("uploads/ada/1.png", picture("PNG", shade=1))
    image = StoredImage(sandbox.inbox, "uploads/ada/1.png", version, "hash")
    start(sandbox, sandbox.put(request=a_request(images=(LinkedImage(PICTURE_URL), image))))
    linked, stored = (medium["url"] for medium in json.loads(sandbox.sent(SUBMIT_URL)[0].content)["input"]["media"])
    assert PICTURE_URL == linked
    query = parse_qs(urlsplit(stored).query)
    assert (["AWS4-HMAC-SHA256"], ["21600"], [version]) == (
        query["X-Amz-Algorithm"],
        query["X-Amz-Expires"],
        query["versionId"],
    )
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
def test_a_job_that_has_gone_on_is_not_submitted(sandbox: Sandbox, state: JobState, what_next: str) -> None:
    """A step that is run again, or late, finds where the job stands and sends nothing."""
    job = sandbox.put(state)
    assert (what_next, None) == (start(sandbox, job)["next"], start(sandbox, job)["failure"])
    assert (0, state) == (submits(sandbox), sandbox.job(job.id).state)


def test_one_job_is_one_post_however_often_the_step_is_run(sandbox: Sandbox) -> None:
    """Step Functions may run a step again at any time."""
    job = sandbox.put()
    for _ in range(5):
        start(sandbox, job)
    assert (1, 1) == (submits(sandbox), len(sandbox.tasks()))


@pytest.mark.parametrize("code", REFUSALS)
def test_what_dashscope_refuses_is_final_and_says_what_to_do(sandbox: Sandbox, code: str) -> None:
    """A refusal makes no task; the job ends with DashScope's words and a remedy. An unpaid bill comes as a 429."""
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


def test_a_wrong_key_is_told_as_one(sandbox: Sandbox) -> None:
    """The key in the vault is what is sent; when DashScope does not know it, the answer says where to mend it."""
    secret = aws("secretsmanager")
    secret.put_secret_value(SecretId=sandbox.stack.resource("DashScopeSecret"), SecretString="sk-wrong\n")
    answer = start(sandbox, sandbox.put())
    assert "Bearer sk-wrong" == sandbox.sent(SUBMIT_URL)[0].headers["Authorization"]
    assert "InvalidApiKey" == answer["failure"]["vendor_code"]
    assert "Invalid API-key provided." == answer["failure"]["vendor_message"]
    secret.put_secret_value(SecretId=sandbox.stack.resource("DashScopeSecret"), SecretString=KEY)


@pytest.mark.parametrize("held", [" ", "sk-schlüssel", "sk-one\nsk-two", '{"key": "sk-x"}'])
def test_what_cannot_be_a_key_is_not_sent(sandbox: Sandbox, held: str) -> None:
    """A slip of the hand in the vault is told as such, and nothing leaves."""
    secret = aws("secretsmanager")
    secret.put_secret_value(SecretId=sandbox.stack.resource("DashScopeSecret"), SecretString=held)
    answer = start(sandbox, sandbox.put())
    assert "The stack's secret does not contain a valid API key." == answer["failure"]["vendor_message"]
    assert 0 == submits(sandbox)
    secret.put_secret_value(SecretId=sandbox.stack.resource("DashScopeSecret"), SecretString=KEY)


def test_addresses_that_dashscope_quotes_are_not_passed_on(sandbox: Sandbox) -> None:
    """The address of a private image opens it: it belongs in no record, no receipt and no log."""
    quoted = "Cannot fetch https://inbox.s3.amazonaws.com/a.jpg?X-Amz-Signature=abc, sorry; nor data:image/png;base64,a"
    sandbox.fake.fault(on="submit", kind="error", code="InvalidURL", message=quoted)
    answer = start(sandbox, sandbox.put())
    assert "Cannot fetch (address) sorry; nor (address)" == answer["failure"]["vendor_message"]


@pytest.mark.parametrize("code", THROTTLES)
def test_a_throttled_submit_may_be_sent_again(sandbox: Sandbox, code: str) -> None:
    """An explicit 429 for its rate limits made no task: the workflow waits and the step is run again."""
    sandbox.fake.fault(on="submit", kind="429", code=code)
    job = sandbox.put()
    with pytest.raises(VendorThrottled, match=code):
        start(sandbox, job)
    assert "wait" == start(sandbox, job)["next"]
    assert (2, 1, 2) == (submits(sandbox), len(sandbox.tasks()), sandbox.job(job.id).submits)


def test_a_429_without_words_is_throttling(sandbox: Sandbox) -> None:
    """A gateway before DashScope refuses without a code."""
    sandbox.instead[SUBMIT_URL] = lambda _: httpx.Response(429, text="slow down")
    with pytest.raises(VendorThrottled, match="HTTP 429"):
        start(sandbox, sandbox.put())


@pytest.mark.parametrize("error", NEVER_SENT)
def test_a_submit_that_never_left_may_be_sent_again(sandbox: Sandbox, error: type[httpx.RequestError]) -> None:
    """Without a connection there is no task; the message names the host and nothing else."""
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
def test_an_address_that_leads_nowhere_is_unreachable(sandbox: Sandbox, base_url: str) -> None:
    """A slip in the stack's parameter costs nothing."""
    with pytest.raises(VendorUnreachable):
        start(sandbox, sandbox.put(base_url=base_url))
    assert [] == sandbox.tasks()


@pytest.mark.parametrize("error", LOST_ON_THE_WAY)
def test_a_reply_lost_on_the_way_is_unknown(sandbox: Sandbox, error: type[httpx.RequestError]) -> None:
    """Once a byte may have left, there may be a task: no second POST, whatever is run again."""
    job = sandbox.put()
    sandbox.instead[SUBMIT_URL] = raising(error)
    assert_unknown(sandbox, job)


@pytest.mark.parametrize("kind", LOST_AT_THE_VENDOR)
def test_a_reply_lost_at_the_vendor_is_unknown(sandbox: Sandbox, kind: str) -> None:
    """With a task or without one, from here it looks the same."""
    sandbox.fake.fault(on="submit", kind=kind)
    assert_unknown(sandbox, sandbox.put())


@pytest.mark.parametrize("reply", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_reply_that_names_no_task_is_unknown(sandbox: Sandbox, reply: httpx.Response) -> None:
    """What is no refusal and names no task may have made one."""
    sandbox.instead[SUBMIT_URL] = lambda _: reply
    assert_unknown(sandbox, sandbox.put())


def assert_unknown(sandbox: Sandbox, job: Job) -> None:
    """Run the step into an unknown outcome, and again and again: it asks to reconcile, and sends nothing more."""
    expected = {"next": "reconcile", "wait_seconds": 15, "failure": None}
    assert expected == start(sandbox, job)
    sandbox.clock.advance(1000)
    assert expected == start(sandbox, job)
    parked = sandbox.job(job.id)
    assert parked.attempt
    assert (JobState.OUTCOME_UNKNOWN, AttemptEnd.UNKNOWN, 1) == (parked.state, parked.attempt.end, submits(sandbox))
    assert "outcome_unknown" == sandbox.receipt(f"{job.receipts}/status.json")["state"]


@pytest.mark.parametrize(("where", "posts"), [((jobs, "claim"), 1), ((dashscope, "submit"), 0)])
def test_a_run_that_died_around_its_post_leaves_no_second_one(
    sandbox: Sandbox, where: tuple[object, str], posts: int
) -> None:
    """Killed before or after the POST, the next runs wait until the first is surely dead, then reconcile."""
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


def test_a_run_that_died_before_its_attempt_is_simply_run_again(sandbox: Sandbox) -> None:
    """Before the attempt is recorded, nothing has happened."""
    job = sandbox.put()
    with patch.object(secrets, "dashscope_key", side_effect=AwsTrouble("no")), pytest.raises(AwsTrouble):
        start(sandbox, job)
    assert JobState.QUEUED is sandbox.job(job.id).state
    assert "wait" == start(sandbox, job)["next"]
    assert 1 == len(sandbox.tasks())


def test_a_vault_that_does_not_open_is_trouble_with_aws(sandbox: Sandbox) -> None:
    """No key, no attempt: the workflow runs the step again, and nothing was sent."""
    job = sandbox.put(key_name="arn:aws:secretsmanager:eu-central-1:123456789012:secret:not-there")
    with pytest.raises(AwsTrouble, match="The DashScope key cannot be read"):
        start(sandbox, job)
    assert (0, JobState.QUEUED) == (submits(sandbox), sandbox.job(job.id).state)


def test_a_second_run_beside_the_first_sends_nothing(sandbox: Sandbox) -> None:
    """Two runs of one step at the same time make one POST."""
    job, second = sandbox.put(), []

    def run_again(request: httpx.Request) -> httpx.Response:
        with pytest.raises(AttemptInFlight):
            start(sandbox, job)
        second.append(request)
        return sandbox.fake.handle(request)

    sandbox.instead[SUBMIT_URL] = run_again
    assert "wait" == start(sandbox, job)["next"]
    assert (1, 1) == (len(second), submits(sandbox))


def test_one_attempt_at_a_time_is_in_the_air(sandbox: Sandbox) -> None:
    """While another job's attempt is in the air, this one waits, and then lets the workflow wait."""
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


def test_a_job_whose_deadline_has_passed_is_not_sent(sandbox: Sandbox) -> None:
    """Nobody waits for it any more, so nobody pays for it."""
    job = sandbox.put()
    sandbox.clock.time = job.deadline + 1
    answer = start(sandbox, job)
    assert ("finish", "deadline_exceeded", 0) == (answer["next"], answer["failure"]["code"], submits(sandbox))
