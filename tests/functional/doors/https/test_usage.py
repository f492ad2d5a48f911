"""``GET /v1/usage``: what a client has spent, what waits and runs for it, and the whole stack for an operator."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import __version__
from gallop.adapters.table import lane_state, slots
from gallop.domain.budget import Parked
from gallop.domain.doors import Door
from gallop.domain.job import JobState
from gallop.domain.lanes import Lane
from gallop.doors.https.openapi import document
from gallop.services import usage
from jsonschema import Draft202012Validator

from tests.functional.cli.test_overview import arrived
from tests.support.http import Client

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

DAY = 86_400
DESCRIBED = Draft202012Validator({"$ref": "#/components/schemas/Usage", **document(__version__)})


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


@pytest.fixture
def ops(sandbox: Sandbox) -> Client:
    """Return an operator, who makes no jobs."""
    return Client(sandbox, "ops", is_admin=True)


def shown_to(client: Client) -> dict[str, Any]:
    """Return what a client is shown, as it is described."""
    answer = client.get("/v1/usage")
    assert 200 == answer.status, answer.text
    DESCRIBED.validate(answer.json)
    return answer.json


def used(client: Client) -> dict[tuple[str, str], float | None]:
    """Return what is used of each budget."""
    return {(use["of"], use["period"]): use["used"] for use in shown_to(client)["budgets"]}


def test_nobody_has_used_anything_at_first(ada: Client, ops: Client) -> None:
    """Only operators see the stack."""
    expected = {
        "object": "usage",
        "client": "ada",
        "is_operator": False,
        "placement": None,
        "jobs": {"waiting": 0, "running": 0},
        "queues": [],
    }
    shown = shown_to(ada)
    assert expected == {name: value for name, value in shown.items() if name != "budgets"}
    assert {("client", "day"): 0, ("client", "month"): 0} == used(ada)
    assert (True, 0) == (shown_to(ops)["is_operator"], shown_to(ops)["parked"])


def test_an_operator_sees_the_caps_of_accounts(sandbox: Sandbox, ada: Client, ops: Client) -> None:
    """By the name of the account; clients do not know accounts."""
    lane = Lane("ap-southeast-1|secret#two|model", "two", "https://two.example/api/v1", 5, day_cap=Decimal(20))
    with sandbox.stack.acting_as("ReconcileFunction"):
        lane_state.create_pool("ap-southeast-1|secret|model")
        lane_state.share_queue("ap-southeast-1|secret|model", (lane,))
    (shown,) = (use for use in shown_to(ops)["budgets"] if use["of"] == "account")
    expected = {"account": "two", "period": "day", "cap": 20.0, "used": 0.0, "left": 20.0}
    assert expected == {name: shown[name] for name in expected}
    assert ("account", "day") not in used(ada)


def test_without_caps_the_jobs_of_the_month_are_summed(sandbox: Sandbox, ada: Client, ops: Client) -> None:
    """What has ended by its cost, what is open by its estimate, what is parked not at all."""
    now = sandbox.clock.now()
    sandbox.put(JobState.SUCCEEDED, cost=Decimal("0.42"), ended_at=now)
    sandbox.put(created_at=now - DAY)
    sandbox.put(client="bob")
    sandbox.put(JobState.SUCCEEDED, cost=Decimal(5), created_at=now - 40 * DAY)
    sandbox.put(door=Door.S3, client="s3", parked=Parked("The cap is reached.", now + 3600))
    assert {("client", "day"): 0.42, ("client", "month"): 1.12} == used(ada)
    stack = {("stack", "day"): 1.12, ("stack", "month"): 1.82}
    assert {("client", "day"): 0.0, ("client", "month"): 0.0, **stack} == used(ops)
    assert 1 == shown_to(ops)["parked"]


def test_a_sum_of_too_many_jobs_is_unknown(sandbox: Sandbox, ada: Client) -> None:
    """A request reads a bounded number of jobs; those of today may still be among them."""
    now = sandbox.clock.now()
    for age in (DAY, DAY, 0):
        sandbox.put(created_at=now - age)
    with patch.object(usage, "MAX_JOBS", 2):
        assert {("client", "day"): 0.7, ("client", "month"): None} == used(ada)
        sandbox.put(created_at=now)
        assert {("client", "day"): None, ("client", "month"): None} == used(ada)


def test_the_queue_and_the_slots_are_for_operators(sandbox: Sandbox, ada: Client, ops: Client) -> None:
    """A client sees its own jobs, and how long its next one would wait: one of each client is served in turn."""
    arrived(sandbox, 6)
    arrived(sandbox, 8)
    arrived(sandbox, 1, "bob")
    assert {"waiting": 8, "running": 6} == shown_to(ada)["jobs"]
    assert {"waiting": 1, "running": 0} == shown_to(Client(sandbox, "bob"))["jobs"]
    (of_ada,), (of_ops,) = shown_to(ada)["queues"], shown_to(ops)["queues"]
    assert {"model", "region", "estimated_wait_seconds"} == of_ada.keys()
    assert {"waiting": 9, "held": 6, "slots": 6} == {name: of_ops[name] for name in ("waiting", "held", "slots")}
    assert 0 < of_ops["estimated_wait_seconds"] < of_ada["estimated_wait_seconds"]


def test_with_a_free_slot_nothing_waits(sandbox: Sandbox, ada: Client) -> None:
    """The next job starts at once."""
    arrived(sandbox, 5)
    assert [0] == [queue["estimated_wait_seconds"] for queue in shown_to(ada)["queues"]]


def test_a_queue_that_is_too_long_has_no_estimate(sandbox: Sandbox, ops: Client) -> None:
    """It is not read job by job."""
    arrived(sandbox, 9)
    with patch.object(slots, "queued", lambda *_: {}):
        (queue,) = shown_to(ops)["queues"]
    assert None is queue["estimated_wait_seconds"]
    assert None is queue["waiting"]


def test_it_makes_few_calls(sandbox: Sandbox, ops: Client) -> None:
    """A page asks every minute: the number of jobs does not matter."""
    for _ in range(40):
        sandbox.put()
    arrived(sandbox, 9)
    shown_to(ops)
    reads = sandbox.made["Videos"][-1]
    assert 9 >= len(reads), reads


def test_it_needs_a_key(sandbox: Sandbox) -> None:
    """Like all that is about a client."""
    assert 401 == Client(sandbox, "").get("/v1/usage").status
