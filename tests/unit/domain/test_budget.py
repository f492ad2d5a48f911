"""Caps on what may be spent: whose, for which day and month, and what a job comes to in the end."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from gallop.domain import budget, failures
from gallop.domain.budget import Cap, Period
from gallop.domain.errors import BudgetExceeded, FailureCode
from gallop.domain.failures import Failure, cancelled
from gallop.domain.job import Attempt, AttemptEnd, JobState

from tests.support.jobs import START, a_job

NOTHING = {Period.DAY: Decimal(0), Period.MONTH: Decimal(0)}
TEN = {Period.DAY: Decimal(10), Period.MONTH: Decimal(0)}
DAY, MONTH = Cap(budget.STACK, Period.DAY, Decimal(10)), Cap(budget.STACK, Period.MONTH, Decimal(100))
OF_ADA = Cap("CLIENT#ada", Period.DAY, Decimal(5))
ESTIMATE = Decimal("0.7")


def at(moment: str) -> float:
    """Return a moment in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()


def test_an_amount_of_zero_is_no_cap() -> None:
    """And without a cap nothing is reserved: a burst of jobs then writes no item in common."""
    assert () == budget.caps("ada", NOTHING, NOTHING)
    assert budget.reservation((), ESTIMATE, START) is None


def test_only_owners_with_a_cap_are_reserved_from() -> None:
    """An item that no cap looks at would only be in the way."""
    assert (Cap("ALL", Period.DAY, Decimal(10)),) == budget.caps("ada", TEN, NOTHING)
    assert ("CLIENT#ada",) == reserved_by(budget.caps("ada", NOTHING, TEN))
    assert ("ALL", "CLIENT#ada") == reserved_by(budget.caps("ada", TEN, TEN))


def reserved_by(caps: tuple[Cap, ...]) -> tuple[str, ...]:
    """Name those from whom a job reserves."""
    reservation = budget.reservation(caps, ESTIMATE, START)
    assert reservation is not None
    assert (ESTIMATE, None) == (reservation.amount, reservation.charged)
    return reservation.owners


def test_no_client_is_taken_for_the_stack() -> None:
    """Whatever a client is called, its budget is its own."""
    (cap,) = budget.caps("ALL", NOTHING, TEN)
    assert budget.STACK != cap.owner


@pytest.mark.parametrize(
    ("moment", "day"),
    [("2026-11-27T23:59:59.999", "2026-11-27"), ("2026-11-28T00:00:00", "2026-11-28")],
)
def test_days_are_utc(moment: str, day: str) -> None:
    """Midnight is the same for all."""
    assert day == budget.day_of(at(moment))
    assert day[:7] == budget.month_of(day)


@pytest.mark.parametrize(
    ("cap", "day", "again"),
    [
        (DAY, "2026-11-27", "2026-11-28T00:00:00"),
        (DAY, "2026-12-31", "2027-01-01T00:00:00"),
        (MONTH, "2026-11-01", "2026-12-01T00:00:00"),
        (MONTH, "2026-11-30", "2026-12-01T00:00:00"),
        (MONTH, "2028-02-29", "2028-03-01T00:00:00"),
        (MONTH, "2026-12-31", "2027-01-01T00:00:00"),
    ],
)
def test_a_cap_begins_anew_with_its_day_or_month(cap: Cap, day: str, again: str) -> None:
    """The next one begins at midnight, UTC."""
    short = budget.shortfall({cap: cap.usd}, ESTIMATE, day)
    assert short is not None
    assert at(again) == short.resets_at
    assert f"{again}Z" == short.view()["resets_at"]


@pytest.mark.parametrize(("used", "is_short"), [("0", False), ("9.3", False), ("9.3001", True), ("10", True)])
def test_a_cap_may_be_used_up_to_the_last_cent(used: str, is_short: bool) -> None:
    """What is reserved and the estimate together may be as much as the cap, and not more."""
    assert is_short == (budget.shortfall({DAY: Decimal(used)}, ESTIMATE, "2026-11-27") is not None)


def test_of_several_caps_the_longest_wait_is_told() -> None:
    """Whoever waits for the day alone would be refused again by the month."""
    used = {DAY: Decimal(10), OF_ADA: Decimal(1), MONTH: Decimal(100)}
    short = budget.shortfall(used, ESTIMATE, "2026-11-27")
    assert short is not None
    assert MONTH == short.cap


def test_a_job_that_alone_is_over_a_cap_is_told_so() -> None:
    """No waiting helps it, whatever else is short until the end of the month."""
    used = {OF_ADA: Decimal(0), MONTH: Decimal(100)}
    short = budget.shortfall(used, Decimal(7), "2026-11-27")
    assert short is not None
    assert (OF_ADA, True) == (short.cap, short.is_final)
    assert "The client's day cap is $5.00, and this job alone is estimated at $7.00." == short.message


def test_the_numbers_are_told_in_words_and_as_fields() -> None:
    """The cap, what is used of it, the estimate, and when it begins anew."""
    short = budget.shortfall({DAY: Decimal("9.8001")}, ESTIMATE, "2026-11-27")
    assert short is not None
    error = BudgetExceeded(short, at("2026-11-27T23:59:00"))
    expected = (
        "The stack's day cap is $10.00: $9.8001 of it are reserved or spent, and this job is estimated at $0.70. "
        "It begins anew at 2026-11-28T00:00:00Z."
    )
    assert (expected, 60) == (str(error), error.retry_after)
    assert {
        "of": "stack",
        "period": "day",
        "cap": 10.0,
        "used": 9.8001,
        "estimated_cost": 0.7,
        "currency": "USD",
        "resets_at": "2026-11-28T00:00:00Z",
    } == short.view()


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED])
def test_usage_tells_what_a_job_cost(state: JobState) -> None:
    """Whatever became of the video afterwards: DashScope has made it, and says for how much."""
    assert Decimal("0.42") == failures.charge_of(a_job(state, cost=Decimal("0.42")))


@pytest.mark.parametrize("end", [AttemptEnd.REFUSED, AttemptEnd.ABSENT])
def test_a_job_without_a_task_cost_nothing(end: AttemptEnd) -> None:
    """Never sent, refused, or proved to have made none."""
    failure = Failure(FailureCode.VENDOR_UNREACHABLE, "")
    assert Decimal(0) == failures.charge_of(a_job(JobState.FAILED, attempt=None, failure=failure))
    assert Decimal(0) == failures.charge_of(a_job(JobState.FAILED, attempt=Attempt("1", 0, end), failure=failure))


@pytest.mark.parametrize("failure", [Failure(FailureCode.GENERATION_FAILED, "moderation"), cancelled("in time")])
def test_a_task_that_failed_or_was_cancelled_cost_nothing(failure: Failure) -> None:
    """DashScope charges for videos only."""
    assert Decimal(0) == failures.charge_of(a_job(JobState.FAILED, failure=failure))


@pytest.mark.parametrize(
    "code",
    [
        FailureCode.OUTCOME_UNKNOWN,
        FailureCode.DEADLINE_EXCEEDED,
        FailureCode.WORKFLOW_LOST,
        FailureCode.TASK_UNKNOWN,
        FailureCode.VENDOR_UNREACHABLE,
    ],
)
def test_nobody_can_tell_what_a_lost_task_cost(code: FailureCode) -> None:
    """There is, or may be, a task: it may be charged."""
    assert failures.charge_of(a_job(JobState.FAILED, failure=Failure(code, ""))) is None
    unknown = a_job(JobState.OUTCOME_UNKNOWN, failure=Failure(code, ""))
    assert failures.charge_of(unknown) is None
