"""The life of a task: queueing, running, ending, cancelling, expiring."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from statistics import median
from typing import TYPE_CHECKING

import httpx
import pytest

from fake_dashscope import FakeDashScope, Limits, Switches, durations
from fake_dashscope.catalogue import MODELS
from fake_dashscope.clock import ManualClock
from tests.functional.fake_dashscope.sandbox import ALIBABA, R2V, SUBMIT, authorized, order

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.functional.fake_dashscope.sandbox import Sandbox

DAY = 24 * 3600
HOUR = 3600


def moment(text: str) -> float:
    """Read a time of the query API, which is UTC+8 without a zone."""
    zone = timezone(timedelta(hours=8))
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=zone).timestamp()


def test_a_task_goes_from_pending_over_running_to_succeeded(sandbox: Sandbox) -> None:
    """PENDING for some ten milliseconds, RUNNING for a minute or so, SUCCEEDED."""
    task_id = sandbox.submit()
    assert "PENDING" == sandbox.output(task_id)["task_status"]
    sandbox.advance(0.06)
    running = sandbox.query(task_id)
    assert "RUNNING" == running["output"]["task_status"]
    assert "usage" not in running
    assert 0 == sandbox.fake.ledger()["tasks"][0]["billed_seconds"]
    sandbox.advance(HOUR)
    assert "SUCCEEDED" == sandbox.output(task_id)["task_status"]


def test_a_success_has_the_documented_fields(sandbox: Sandbox) -> None:
    """A success has times in UTC+8, the prompt, the URL and the usage, and nothing of other models."""
    begun = sandbox.clock.now()
    reply = sandbox.finish(order(resolution="720P", duration=7, ratio="4:5"))
    assert {"request_id", "output", "usage"} == set(reply)
    output = reply["output"]
    assert {
        "task_id",
        "task_status",
        "submit_time",
        "scheduled_time",
        "end_time",
        "orig_prompt",
        "video_url",
    } == set(output)
    submitted, scheduled, ended = (moment(output[f"{name}_time"]) for name in ("submit", "scheduled", "end"))
    assert begun == pytest.approx(submitted, abs=0.01)
    assert submitted + 0.03 < scheduled < submitted + 0.06
    assert scheduled < ended < begun + HOUR
    assert {
        "duration": 7,
        "input_video_duration": 0,
        "output_video_duration": 7,
        "video_count": 1,
        "SR": 720,
        "ratio": "4:5",
    } == reply["usage"]


def test_a_failure_carries_its_reason_in_the_output(sandbox: Sandbox) -> None:
    """A failed task is an HTTP 200 with code and message inside ``output``, without times and usage."""
    sandbox.fake.fault(on="task", kind="fail", code="DataInspectionFailed", message="Output data may contain …")
    reply = sandbox.finish()
    assert {"request_id", "output"} == set(reply)
    assert {
        "task_id": reply["output"]["task_id"],
        "task_status": "FAILED",
        "code": "DataInspectionFailed",
        "message": "Output data may contain …",
    } == reply["output"]


def test_both_spellings_of_the_query_path_work(sandbox: Sandbox) -> None:
    """A query may end with a slash."""
    task_id = sandbox.submit()
    assert sandbox.output(task_id) == sandbox.get(f"/tasks/{task_id}/").json()["output"]


def test_five_tasks_run_and_the_others_wait_in_order(sandbox: Sandbox) -> None:
    """Five tasks of an account and model run at a time; the sixth starts when the first of them ends."""
    tasks = [sandbox.submit(order(resolution="720P")) for _ in range(5)]
    sandbox.advance(1)
    tasks += [sandbox.submit(order(resolution="720P")) for _ in range(2)]
    sandbox.advance(1)
    states = [sandbox.output(task_id)["task_status"] for task_id in tasks]
    assert ["RUNNING"] * 5 + ["PENDING"] * 2 == states
    sandbox.advance(3 * HOUR)
    ended = sorted(moment(sandbox.output(task_id)["end_time"]) for task_id in tasks[:5])
    started = [moment(sandbox.output(task_id)["scheduled_time"]) for task_id in tasks[5:]]
    assert ended[0] == pytest.approx(started[0], abs=0.002)
    assert started == sorted(started)


def test_models_do_not_wait_for_each_other(sandbox: Sandbox) -> None:
    """The limit of five holds per model."""
    for _ in range(5):
        sandbox.submit()
    other = sandbox.submit(order("happyhorse-1.1-r2v"))
    sandbox.advance(1)
    assert "RUNNING" == sandbox.output(other)["task_status"]


def test_accounts_do_not_wait_for_each_other(sandbox: Sandbox) -> None:
    """The limit of five holds per account."""
    for _ in range(5):
        sandbox.submit()
    other = sandbox.submit(key="sk-other")
    sandbox.advance(1)
    assert "RUNNING" == sandbox.query(other, "sk-other")["output"]["task_status"]


def test_the_queue_is_full_at_500(make_sandbox: Callable[..., Sandbox]) -> None:
    """With 5 running and 500 waiting tasks, a submit is throttled."""
    sandbox = make_sandbox(limits=Limits(submits=1000))
    for _ in range(5):
        sandbox.submit()
    sandbox.advance(1)
    for _ in range(500):
        sandbox.submit()
    response = sandbox.post()
    assert (429, "Throttling.RateQuota") == (response.status_code, response.json()["code"])
    assert 505 == len(sandbox.fake.ledger()["tasks"])


def test_five_submits_a_second(sandbox: Sandbox) -> None:
    """The sixth submit within a second is throttled, without Retry-After, and creates nothing."""
    for _ in range(5):
        sandbox.submit()
    response = sandbox.post()
    assert (429, "Throttling.RateQuota") == (response.status_code, response.json()["code"])
    assert "retry-after" not in response.headers
    assert 200 == sandbox.post(key="sk-other").status_code
    assert 200 == sandbox.post(order("happyhorse-1.1-r2v")).status_code
    sandbox.clock.advance(1)
    assert 200 == sandbox.post().status_code
    assert 8 == len(sandbox.fake.ledger()["tasks"])


def test_twenty_queries_lists_and_cancels_a_second(sandbox: Sandbox) -> None:
    """Query, list and cancel each accept 20 calls per second per account, whichever key it uses."""
    task_id = sandbox.submit()
    calls: dict[str, Callable[[str], httpx.Response]] = {
        "query": lambda key: sandbox.get(f"/tasks/{task_id}", key),
        "list": lambda key: sandbox.get("/tasks", key),
        "cancel": lambda key: sandbox.cancel("no-such-task", key),
    }
    for call in calls.values():
        first = [call("sk-second-key").status_code for _ in range(20)]
        assert 429 not in first
        assert "Throttling.RateQuota" == call("sk-second-key").json()["code"]
        assert 429 == call("sk-fake-dashscope").status_code
        assert 429 != call("sk-other").status_code
    sandbox.clock.advance(1)
    assert 200 == calls["query"]("sk-second-key").status_code


def test_a_pending_task_can_be_cancelled(sandbox: Sandbox) -> None:
    """A task that waits can be cancelled; it never runs and is not billed."""
    for _ in range(5):
        sandbox.submit()
    sandbox.advance(1)
    task_id = sandbox.submit()
    response = sandbox.cancel(task_id)
    assert 200 == response.status_code
    assert {"request_id"} == set(response.json())
    sandbox.advance(3 * HOUR)
    assert "CANCELED" == sandbox.output(task_id)["task_status"]
    assert 5 * 5 == sandbox.fake.ledger()["accounts"]["main"]["billed_seconds"]


@pytest.mark.parametrize("state", ["running", "ended", "foreign", "nonsense"])
def test_only_a_pending_task_can_be_cancelled(sandbox: Sandbox, state: str) -> None:
    """Cancelling anything else is a 400 UnsupportedOperation, in DashScope's words."""
    task_id = sandbox.submit(key="sk-other" if state == "foreign" else "sk-second-key")
    sandbox.advance(HOUR if state == "ended" else 1)
    response = sandbox.cancel("nonsense" if state == "nonsense" else task_id)
    assert 400 == response.status_code
    assert "UnsupportedOperation" == response.json()["code"]
    assert "Failed to cancel the task, please confirm if the task is in PENDING status." == response.json()["message"]


def test_foreign_and_nonsense_ids_are_unknown(sandbox: Sandbox) -> None:
    """Tasks of other accounts and unknown ids are UNKNOWN, with HTTP 200 and nothing else."""
    foreign = sandbox.submit(key="sk-other")
    for task_id in (foreign, "no-such-task"):
        reply = sandbox.query(task_id)
        assert {"task_id": task_id, "task_status": "UNKNOWN"} == reply["output"]
        assert {"request_id", "output"} == set(reply)


def test_all_keys_of_an_account_see_its_tasks(sandbox: Sandbox) -> None:
    """Any key of the same account can read a task."""
    task_id = sandbox.submit(key="sk-second-key")
    assert "PENDING" == sandbox.query(task_id, "sk-fake-dashscope")["output"]["task_status"]


def test_an_id_expires_a_day_after_the_submit(sandbox: Sandbox) -> None:
    """24 h after its submit a task is UNKNOWN."""
    task_id = sandbox.submit()
    sandbox.advance(DAY - 1)
    assert "SUCCEEDED" == sandbox.output(task_id)["task_status"]
    sandbox.advance(1)
    assert {"task_id": task_id, "task_status": "UNKNOWN"} == sandbox.output(task_id)


def test_an_id_may_expire_a_day_after_completion(make_sandbox: Callable[..., Sandbox]) -> None:
    """By switch the 24 h begin when the task ends."""
    sandbox = make_sandbox(switches=Switches(expiry_from="completion", task_seconds=HOUR))
    task_id = sandbox.submit()
    sandbox.advance(DAY + HOUR - 1)
    assert "SUCCEEDED" == sandbox.output(task_id)["task_status"]
    sandbox.advance(2)
    assert "UNKNOWN" == sandbox.output(task_id)["task_status"]


@pytest.mark.parametrize(
    ("model", "resolution", "seconds", "sample"),
    [
        (R2V, "720P", 3, 102),
        (R2V, "720P", 5, 40),
        ("happyhorse-1.0-t2v", "720P", 5, 80),
        ("happyhorse-1.0-video-edit", "720P", 6.62, 59),
        (R2V, "1080P", 5, 220),
        (R2V, "1080P", 15, 14 * 60),
        ("happyhorse-1.1-r2v", "1080P", 15, 12 * 60),
    ],
)
def test_running_times_fit_the_published_samples(
    seeded: Callable[[int], list[Random]],
    model: str,
    resolution: str,
    seconds: float,
    sample: float,
) -> None:
    """Each published running time is between the 2nd and the 98th percentile of the simulated ones of its kind."""
    drawn = sorted(durations.draw(rng, model, resolution, seconds) for rng in seeded(1000))
    assert drawn[20] < sample < drawn[-20]


def test_running_times_are_minutes_and_never_the_hard_limit(seeded: Callable[[int], list[Random]]) -> None:
    """720P takes minutes at the median, for every model; no draw reaches the three hours of the time-out."""
    for model in MODELS:
        assert 60 < median(durations.draw(rng, model, "720P", 5) for rng in seeded(200)) < 300
        assert max(durations.draw(rng, model, "1080P", 15) for rng in seeded(200)) < durations.HARD_LIMIT


def test_the_seed_fixes_ids_and_running_times() -> None:
    """Two fakes with the same seed do the same, one with another does not."""

    def story(seed: int) -> tuple[str, str]:
        clock = ManualClock()
        fake = FakeDashScope(clock, seed=seed)
        submitted = fake.handle(httpx.Request("POST", ALIBABA + SUBMIT, json=order(), headers=authorized()))
        task_id = submitted.json()["output"]["task_id"]
        clock.advance(3 * HOUR)
        reply = fake.handle(httpx.Request("GET", f"{ALIBABA}/api/v1/tasks/{task_id}", headers=authorized()))
        return task_id, reply.json()["output"]["end_time"]

    assert story(7) == story(7)
    assert not set(story(7)) & set(story(8))
