"""Schedules fire on the simulated clock; event rules invoke functions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import eventually
from tests.testbed.aws.expressions import following
from tests.testbed.aws.template import TemplateError

if TYPE_CHECKING:
    from tests.functional.testbed.conftest import SmallStack

NOW = datetime(2026, 11, 22, 10, 7, 30, tzinfo=UTC)


def after(expression: str) -> str:
    """Return the next time after ``NOW``."""
    return datetime.fromtimestamp(following(expression)(NOW.timestamp()), UTC).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", "2026-11-22 10:08:30"),
        ("rate(2 hours)", "2026-11-22 12:07:30"),
        ("cron(0/15 * * * ? *)", "2026-11-22 10:15:00"),
        ("cron(30 9 * * ? *)", "2026-11-23 09:30:00"),
        ("cron(0 12 ? * MON-FRI *)", "2026-11-23 12:00:00"),
        ("cron(0 0 1 JAN ? *)", "2027-01-01 00:00:00"),
        ("cron(5,50 10 22 11 ? 2026)", "2026-11-22 10:50:00"),
        ("cron(0 0 L * ? *)", "2026-11-30 00:00:00"),
    ],
)
def test_expressions_have_the_right_next_time(expression: str, expected: str) -> None:
    """Times are in UTC, and days of the week count from Sunday, as on AWS."""
    assert expected == after(expression)


@pytest.mark.parametrize("expression", ["rate(1 fortnight)", "at(2026-11-22T10:00:00)", "cron(0 0 ? * XXX *)"])
def test_an_unknown_expression_is_an_error(expression: str) -> None:
    """It is not silently ignored."""
    with pytest.raises(TemplateError):
        following(expression)(NOW.timestamp())


def test_a_rate_invokes_the_function_repeatedly(stack: SmallStack) -> None:
    """It fires every simulated minute with the event of a schedule."""
    eventually(lambda: stack.aws.runtime.logs("Ticker").count("ticked Scheduled Event aws.events") >= 3)
    times = [line.split()[-1] for line in stack.aws.runtime.logs("Ticker").splitlines() if "Scheduled Event" in line]
    first, second = (datetime.fromisoformat(moment).timestamp() for moment in times[:2])
    # A firing is skipped while the previous one is running.
    assert (True, 0) == (second > first, (second - first) % 60)


def test_a_bucket_sends_to_the_event_bus(stack: SmallStack) -> None:
    """It does if it is configured so; the rule's pattern matches inside the event."""
    s3 = stack.aws.client("s3")
    s3.put_object(Bucket=stack.outputs["BoxName"], Key="quiet/a", Body=b"x")
    s3.put_object(Bucket=stack.outputs["BoxName"], Key="events/a", Body=b"x")
    eventually(lambda: "ticked Object Created aws.s3" in stack.aws.runtime.logs("Ticker"))
    assert 1 == stack.aws.runtime.logs("Ticker").count("ticked Object Created")


def test_a_rule_sends_what_its_pattern_matches(stack: SmallStack) -> None:
    """Other events are not sent."""
    events = stack.aws.client("events")
    details = [{"state": "begun"}, {"state": "done"}]
    events.put_events(Entries=[{"Source": "probe", "DetailType": d["state"], "Detail": json.dumps(d)} for d in details])
    eventually(lambda: "ticked done probe" in stack.aws.runtime.logs("Ticker"))
    assert "ticked begun" not in stack.aws.runtime.logs("Ticker")
