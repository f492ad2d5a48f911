"""Spending caps: their owners, days and months, and the final cost of a job."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from gallop.domain import budget, failures
from gallop.domain.budget import Cap, Period
from gallop.domain.errors import BudgetExceeded
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Attempt, AttemptEnd, Failure, JobState, cancelled

from tests.support.jobs import START, a_job

NOTHING = {Period.DAY: Decimal(0), Period.MONTH: Decimal(0)}
TEN = {Period.DAY: Decimal(10), Period.MONTH: Decimal(0)}
DAY, MONTH = Cap(budget.STACK, Period.DAY, Decimal(10)), Cap(budget.STACK, Period.MONTH, Decimal(100))
OF_ADA = Cap("CLIENT#ada", Period.DAY, Decimal(5))
ESTIMATE = Decimal("0.7")


def at(moment: str) -> float:
    """Return a moment in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()


def test_an_amount_of_zero_means_no_cap() -> None:
    """Without a cap nothing is reserved, so that concurrent jobs write no item in common."""
    assert () == budget.caps("ada", NOTHING, NOTHING)
    assert budget.reservation((), ESTIMATE, START) is None


def test_only_owners_with_a_cap_have_reservations() -> None:
    """An item that no cap uses would only cause conflicts."""
    assert (Cap("ALL", Period.DAY, Decimal(10)),) == budget.caps("ada", TEN, NOTHING)
    assert ("CLIENT#ada",) == reserved_by(budget.caps("ada", NOTHING, TEN))
    assert ("ALL", "CLIENT#ada") == reserved_by(budget.caps("ada", TEN, TEN))


def reserved_by(caps: tuple[Cap, ...]) -> tuple[str, ...]:
    """Return the owners from whom a job reserves."""
    reservation = budget.reservation(caps, ESTIMATE, START)
    assert reservation is not None
    assert (ESTIMATE, None) == (reservation.amount, reservation.charged)
    return reservation.owners


def test_no_client_is_confused_with_the_stack() -> None:
    """Whatever a client is called, its budget is separate."""
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
def test_a_cap_resets_with_its_day_or_month(cap: Cap, day: str, again: str) -> None:
    """The next period begins at midnight, UTC."""
    short = budget.shortfall({cap: cap.usd}, ESTIMATE, day)
    assert short is not None
    assert at(again) == short.resets_at
    assert f"{again}Z" == short.view()["resets_at"]


@pytest.mark.parametrize(("used", "is_short"), [("0", False), ("9.3", False), ("9.3001", True), ("10", True)])
def test_a_cap_may_be_used_completely(used: str, is_short: bool) -> None:
    """Reservations and the estimate together may equal the cap, but not exceed it."""
    assert is_short == (budget.shortfall({DAY: Decimal(used)}, ESTIMATE, "2026-11-27") is not None)


def test_of_several_caps_the_longest_wait_is_reported() -> None:
    """A client that waits for the day only would be refused again by the month."""
    used = {DAY: Decimal(10), OF_ADA: Decimal(1), MONTH: Decimal(100)}
    short = budget.shortfall(used, ESTIMATE, "2026-11-27")
    assert short is not None
    assert MONTH == short.cap


def test_a_job_larger_than_a_cap_is_reported() -> None:
    """Waiting does not help it, whatever other cap is used up until the end of the month."""
    used = {OF_ADA: Decimal(0), MONTH: Decimal(100)}
    short = budget.shortfall(used, Decimal(7), "2026-11-27")
    assert short is not None
    assert (OF_ADA, True) == (short.cap, short.is_final)
    assert "The client's daily cap is $5.00, but this job alone is estimated at $7.00." == short.message


def test_the_amounts_are_in_the_message_and_in_fields() -> None:
    """They are the cap, the used amount, the estimate, and the time when the cap resets."""
    short = budget.shortfall({DAY: Decimal("9.8001")}, ESTIMATE, "2026-11-27")
    assert short is not None
    error = BudgetExceeded(short, at("2026-11-27T23:59:00"))
    expected = (
        "The stack's daily cap is $10.00: $9.8001 is reserved or spent, and this job is estimated at $0.70. "
        "The cap resets at 2026-11-28T00:00:00Z."
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
def test_usage_determines_the_cost(state: JobState) -> None:
    """DashScope made the video and reports its length, whatever happened to it afterwards."""
    assert Decimal("0.42") == failures.charge_of(a_job(state, cost=Decimal("0.42")))


@pytest.mark.parametrize("end", [AttemptEnd.REFUSED, AttemptEnd.ABSENT])
def test_a_job_without_a_task_costs_nothing(end: AttemptEnd) -> None:
    """It was never sent, was refused, or is proved to have no task."""
    failure = Failure(FailureCode.VENDOR_UNREACHABLE, "")
    assert Decimal(0) == failures.charge_of(a_job(JobState.FAILED, attempt=None, failure=failure))
    assert Decimal(0) == failures.charge_of(a_job(JobState.FAILED, attempt=Attempt("1", 0, end), failure=failure))


@pytest.mark.parametrize("failure", [Failure(FailureCode.GENERATION_FAILED, "moderation"), cancelled("in time")])
def test_a_task_that_failed_or_was_cancelled_costs_nothing(failure: Failure) -> None:
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
def test_the_cost_of_a_lost_task_is_unknown(code: FailureCode) -> None:
    """There is, or may be, a task, and it may be charged."""
    assert failures.charge_of(a_job(JobState.FAILED, failure=Failure(code, ""))) is None
    unknown = a_job(JobState.OUTCOME_UNKNOWN, failure=Failure(code, ""))
    assert failures.charge_of(unknown) is None
