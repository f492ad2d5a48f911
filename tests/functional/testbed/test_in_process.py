"""The stack in one process, for fast tests: the same deployment, handlers as plain calls, and a manual clock."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope.clock import ManualClock
from tests.functional.testbed.conftest import STACK
from tests.support.waiting import eventually
from tests.testbed.aws.inprocess import InProcessRunner, InProcessStack, in_process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    """Return a clock that moves only when something waits."""
    return ManualClock()


@pytest.fixture(scope="module")
def inside(clock: ManualClock) -> Iterator[InProcessStack]:
    """Deploy the small stack in this process."""
    with in_process(STACK / "template.yaml", {"Greeting": "salve"}, clock) as stack:
        yield stack


def run(inside: InProcessStack, event: dict[str, Any]) -> dict[str, Any]:
    """Run the state machine until it ends."""
    client = inside.client("stepfunctions")
    machine = inside.deployment.outputs["MachineArn"]
    arn = client.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = client.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = eventually(ended)
    return found


def test_a_handler_sees_the_variables_of_its_function(inside: InProcessStack) -> None:
    """It sees the template's variables, with overridden parameters, during the call."""
    answer = json.loads(inside.runner.invoke("Probe", b"{}").payload)
    assert "salve" == answer["environment"]["GREETING"]
    assert inside.deployment.function("Probe").name == answer["function"]
    assert "GREETING" not in os.environ


def test_an_exception_has_the_name_that_state_machines_match(inside: InProcessStack) -> None:
    """The error's name is the one that the real runtime reports."""
    result = inside.runner.invoke("Probe", b'{"do": "raise", "message": "no"}')
    assert (True, "ValueError") == (result.error, json.loads(result.payload)["errorType"])


def test_a_machine_waits_on_a_manual_clock(inside: InProcessStack, clock: ManualClock) -> None:
    """A Wait state advances the clock; an hour takes no time."""
    before = clock.now()
    done = run(inside, {"do": "wait", "seconds": 3600})
    assert "SUCCEEDED" == done["status"]
    assert 3600 == clock.now() - before


def test_a_retry_advances_the_clock_too(inside: InProcessStack, clock: ManualClock) -> None:
    """The delays are one minute, then two, as defined."""
    before = clock.now()
    assert "FAILED" == run(inside, {"do": "raise", "message": "never"})["status"]
    assert 60 + 120 == clock.now() - before


def test_a_handler_can_be_replaced(inside: InProcessStack) -> None:
    """The calls and their arguments are recorded."""
    assert isinstance(inside.runner, InProcessRunner)
    inside.runner.replaced["Probe"] = lambda event, _: {"instead": event["do"]}
    inside.runner.calls.clear()
    try:
        assert {"instead": "look"} == json.loads(run(inside, {"do": "look"})["output"])
    finally:
        inside.runner.replaced.clear()
    assert [("Probe", {"do": "look"})] == inside.runner.calls
