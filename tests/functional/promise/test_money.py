"""Spending caps hold despite concurrency, failures and costs that differ from the estimate."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import clock as product_clock
from gallop.adapters import dashscope
from gallop.adapters.table import jobs
from gallop.domain.dashscope import replies
from gallop.domain.errors import BudgetExceeded
from gallop.domain.job import JobState
from gallop.doors.https import videos
from gallop.doors.https.bodies import Body
from gallop.doors.https.videos import Created
from gallop.services.cancel import Cancellation, cancel
from gallop.services.settle import settle

from tests.support.promise import Killed, Simulation, fresh
from tests.support.promise.money import DAY, HOUR, PRICE, PROMPT, caps, created, drop, go_to_noon, sweep_for, used
from tests.support.promise.recorded import OF_A_JOB
from tests.support.promise.simulation import API_URL
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P9")

BODY = b'{"prompt": "The girl of [Image 1] waves.", "images": ["https://example.com/girl.jpg"], "duration": 3}'


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation at noon of the tenth of a month."""
    with fresh() as made:
        go_to_noon(made)
        yield made


@contextmanager
def contended(simulation: Simulation) -> Iterator[list[str]]:
    """Let transactions conflict as they do at DynamoDB: of two on the same items the later one is cancelled.

    Every create here conflicts with every other one. Yield the names of those that were cancelled.
    """
    client, in_moto, in_a_transaction = simulation.clients["dynamodb"], threading.Lock(), threading.Lock()
    call, cancelled = client._make_api_call, list[str]()  # noqa: SLF001 - where all calls of a client pass

    def meeting(name: str, request: dict[str, Any]) -> dict[str, Any]:
        if name != "TransactWriteItems":
            with in_moto:
                return call(name, request)  # type: ignore[no-any-return]
        if not in_a_transaction.acquire(blocking=False):
            cancelled.append(threading.current_thread().name)
            reasons = {
                "Error": {"Code": "TransactionCanceledException"},
                "CancellationReasons": [{"Code": "TransactionConflict"}],
            }
            raise client.exceptions.TransactionCanceledException(reasons, name)
        try:
            time.sleep(0.01)
            with in_moto:
                return call(name, request)  # type: ignore[no-any-return]
        finally:
            in_a_transaction.release()

    with patch.object(client, "_make_api_call", meeting), patch.object(product_clock, "sleep", time.sleep):
        yield cancelled


def test_without_a_cap_no_two_jobs_write_the_same_item(simulation: Simulation) -> None:
    """Concurrent creates do not wait for each other; only the first of a minute reads which accounts there are."""
    created(simulation)
    created(simulation, "The girl of [Image 1] sings.")
    assert {} == used(simulation) == used(simulation, "CLIENT#ada")
    assert [["GetItem", "TransactWriteItems"], ["TransactWriteItems", "PutObject"]] == [
        calls[:2] for calls in simulation.made["Submit"]
    ]
    assert simulation.jobs()[0].reserved is None


@pytest.mark.parametrize(
    "limits", [{"day": 3.0}, {"month": 3.0}, {"client_day": 3.0}, {"day": 3.0, "client_month": 50}]
)
def test_twenty_creates_at_once_never_exceed_a_cap(simulation: Simulation, limits: dict[str, float]) -> None:
    """Seven jobs at 0.42 fit into 3.00: seven are created, and thirteen are refused, in any order."""

    def post(number: int) -> str:
        body = json.dumps({**json.loads(BODY), "seed": number}).encode()
        try:
            made = videos.create_video("ada", Body(body, "application/json"), {}, API_URL)
        except BudgetExceeded as over:
            return f"{over.code} {over.shortfall.cap.usd}"
        assert isinstance(made, Created)
        return made.job.id

    with caps(**limits), contended(simulation) as cancelled, ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(post, range(20)))
    assert (13, 7) == (answers.count("budget_exceeded 3.0"), len(simulation.jobs()))
    assert len(cancelled) > 20
    owner = "CLIENT#ada" if "client_day" in limits else "ALL"
    assert {"10": 2.94, "month": 2.94} == pytest.approx(used(simulation, owner))


def test_both_doors_draw_on_the_caps_of_the_stack(simulation: Simulation) -> None:
    """Each client has a cap of its own, which others do not use up."""
    with caps(day=1.0, client_day=0.5):
        created(simulation)
        with pytest.raises(BudgetExceeded, match=r"client's daily cap is [$]0.50"):
            simulation.post(PROMPT)
        drop(simulation, "ad")
        simulation.run_for(30)
        assert 2 == len(simulation.jobs())
        with pytest.raises(BudgetExceeded, match=r"stack's daily cap is [$]1.00: [$]0.84 is reserved"):
            videos.create_video("bob", Body(BODY, "application/json"), {}, API_URL)
    assert [2 * PRICE, PRICE, PRICE, None] == [
        used(simulation, owner).get("10") for owner in ("ALL", "CLIENT#ada", "CLIENT#s3", "CLIENT#bob")
    ]


def test_a_create_that_is_repeated_reserves_once(simulation: Simulation) -> None:
    """At the cap, too, a client that has the job gets the job, not the refusal."""
    with caps(day=0.5):
        first = created(simulation, idempotency_key="order-1")
        again = simulation.post(PROMPT, idempotency_key="order-1")
    assert isinstance(again, Created)
    assert (first.id, True) == (again.job.id, again.is_replay)
    assert PRICE == used(simulation)["10"]


def test_a_refused_create_leaves_nothing(simulation: Simulation) -> None:
    """It leaves no job and no reservation, and its Idempotency-Key can be used again."""
    with caps(day=0.5):
        job = created(simulation)
        with pytest.raises(BudgetExceeded):
            simulation.post("Another girl of [Image 1].", idempotency_key="order-2")
        cancel(job.id)
        assert "Another" in created(simulation, "Another girl of [Image 1].", idempotency_key="order-2").request.prompt
    assert (2, PRICE) == (len(simulation.jobs()), used(simulation)["10"])


def test_a_failed_job_returns_its_reservation(simulation: Simulation) -> None:
    """DashScope does not charge for failed tasks."""
    with caps(day=5, client_month=5):
        job = created(simulation)
        simulation.fake.fault(on="task", kind="fail")
        simulation.run_for(HOUR)
    assert "generation_failed" == (simulation.job(job.id).failure or 0).code  # type: ignore[union-attr]
    assert {"10": 0, "month": 0} == used(simulation) == used(simulation, "CLIENT#ada")


def test_a_cancelled_job_returns_its_reservation(simulation: Simulation) -> None:
    """The reservation is returned once, however often the job is cancelled."""
    with caps(day=5):
        job = created(simulation)
        assert [Cancellation.CANCELLED, Cancellation.ALREADY_FINISHED] == [cancel(job.id)[1], cancel(job.id)[1]]
        simulation.run_for(HOUR)
    assert {"10": 0, "month": 0} == used(simulation)


@pytest.mark.parametrize("seconds", [2, 3, 7])
def test_usage_replaces_the_estimate(simulation: Simulation, seconds: int) -> None:
    """If DashScope charged less, the same or more than was reserved, its charge counts in the end."""
    query = dashscope.query

    def reply(*args: str) -> replies.Task:
        task = query(*args)
        if isinstance(task, replies.TaskSucceeded):
            return replace(task, usage={**task.usage, "duration": seconds})
        return task

    with caps(day=5), patch.object(dashscope, "query", reply):
        job = created(simulation)
        assert PRICE == used(simulation)["10"]
        simulation.run_for(HOUR)
    ended = simulation.job(job.id)
    assert (JobState.SUCCEEDED, round(0.14 * seconds, 2)) == (ended.state, float(ended.cost or 0))
    assert {"10": round(0.14 * seconds, 2), "month": round(0.14 * seconds, 2)} == used(simulation)
    assert ended.reserved is not None
    assert (ended.cost, ended.estimated_cost) == (ended.reserved.charged, ended.reserved.amount)


@pytest.mark.parametrize(
    ("on", "kind", "code"),
    [("task", "never_ends", "deadline_exceeded"), ("submit", "drop_after_accept", "outcome_unknown")],
)
def test_what_may_be_charged_stays_reserved(simulation: Simulation, on: str, kind: str, code: str) -> None:
    """A lost task may be charged: its estimate counts as spent, so that the cap holds."""
    with caps(day=5):
        job = created(simulation)
        simulation.fake.fault(on=on, kind=kind)
        simulation.run_for(1)
        if code == "outcome_unknown":
            simulation.foreign_task("Somebody else's request for [Image 1].")
        simulation.run_for(5 * HOUR)
    failure = simulation.job(job.id).failure
    assert failure
    assert (code, PRICE) == (failure.code, used(simulation)["10"])


@pytest.mark.parametrize("fault", [None, "fail"])
def test_a_crash_at_any_call_of_finish_settles_once(simulation: Simulation, fault: str | None) -> None:
    """After any number of kills anywhere, nothing is released twice, and nothing stays reserved."""
    struck = 0
    for number, kill in enumerate(points_of(OF_A_JOB["Finish"])):
        with caps(day=500):
            job = created(simulation, f"Girl {number} of [Image 1] waves.")
            if fault:
                simulation.fake.fault(on="task", kind=fault)
            simulation.kills["Finish"] = [kill] * 7
            # A quarter, so that the whole of it ends before midnight.
            simulation.run_for(HOUR / 4)
            assert simulation.killed["Finish"] > struck
            struck = simulation.killed["Finish"]
            simulation.kills.clear()
            sweep_for(simulation, 900)
        reserved = simulation.job(job.id).reserved
        assert reserved is not None
        assert (0.0 if fault else PRICE) == float(reserved.charged or 0)
        assert {(number + 1) * (0.0 if fault else PRICE)} == {
            round(used(simulation)[total], 2) for total in ("10", "month")
        }


def test_two_ends_at_once_settle_once(simulation: Simulation) -> None:
    """Both have read that nothing is settled; the condition on the record decides."""
    with caps(day=5):
        created(simulation, "The girl of [Image 1] sings.")
        job = created(simulation)
        cancel(job.id)
        assert job.reserved is not None
        assert job.reserved.charged is None
        settle(job)
    assert PRICE == used(simulation)["10"]


def test_a_job_of_yesterday_settles_on_yesterday(simulation: Simulation) -> None:
    """The job was reserved on that day; today's cap is not affected."""
    with caps(day=0.5, month=50):
        simulation.clock.advance(12 * HOUR - 20)
        created(simulation)
        simulation.fake.fault(on="task", kind="fail")
        simulation.clock.advance(30)
        created(simulation, "The girl of [Image 1] sings.")
        assert {"10": PRICE, "11": PRICE, "month": 2 * PRICE} == used(simulation)
        simulation.run_for(HOUR)
    assert {"10": 0, "11": PRICE, "month": PRICE} == pytest.approx(used(simulation))


def test_the_daily_cap_resets_on_the_next_day_and_the_monthly_does_not(simulation: Simulation) -> None:
    """Each cap resets with its own period."""
    with caps(day=0.5, month=0.9):
        for hours in (0, 24):
            simulation.clock.advance(hours * HOUR)
            created(simulation)
            with pytest.raises(BudgetExceeded, match=r"cap is [$]0.[59]0"):
                simulation.post(PROMPT)
        simulation.clock.advance(DAY)
        with pytest.raises(BudgetExceeded, match=r"monthly cap is [$]0.90: [$]0.84 is reserved"):
            simulation.post(PROMPT)
        go_to_noon(simulation)
        created(simulation)


def test_dry_run_returns_what_the_create_would(simulation: Simulation) -> None:
    """A dry run reserves nothing."""
    dry = BODY.decode().replace("{", '{"dry_run": true, ', 1)
    with caps(day=0.5):
        assert {"estimated_cost": PRICE} == {"estimated_cost": simulation.post_body(dry)["estimated_cost"]}  # type: ignore[index]
        created(simulation)
        with pytest.raises(BudgetExceeded):
            simulation.post_body(dry)
    assert PRICE == used(simulation)["10"]


@pytest.mark.parametrize("kill", points_of(OF_A_JOB["Submit"]), ids=str)
def test_a_create_that_dies_reserves_for_the_job_that_it_made(simulation: Simulation, kill: KillPoint) -> None:
    """Job and reservation are one write: there is both, and the sweep starts it, or neither."""
    with caps(day=5):
        with pytest.raises(Killed):
            simulation.post(PROMPT, kill)
        sweep_for(simulation, HOUR)
    made = len(simulation.jobs())
    assert made == len(simulation.tasks())
    assert made * PRICE == used(simulation).get("10", 0)


def test_a_job_larger_than_the_cap_gets_no_time_to_retry(simulation: Simulation) -> None:
    """Waiting does not help: the refusal has no time and does not suggest a retry."""
    with caps(day=PRICE - 0.01), pytest.raises(BudgetExceeded) as refused:
        created(simulation)
    assert (None, False) == (refused.value.retry_after, refused.value.retryable)


def test_a_create_over_midnight_uses_the_new_day(simulation: Simulation) -> None:
    """If the old day's cap refuses it just before midnight, it is accepted under the new day's cap."""
    create = jobs.create

    def slowly(*new_job: Any, **options: Any) -> Any:  # noqa: ANN401 - as they come
        try:
            return create(*new_job, **options)
        finally:
            simulation.clock.advance(2)

    with caps(day=PRICE):
        created(simulation)
        simulation.clock.advance(12 * HOUR - 1)
        with patch.object(jobs, "create", slowly):
            assert JobState.QUEUED is created(simulation, "Over midnight, [Image 1].").state
