"""State machines run on the simulated clock, with their role's permissions, and match errors as on AWS."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.functional.testbed.conftest import SPEED
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.testbed.conftest import SmallStack


def run(stack: SmallStack, event: dict[str, Any]) -> dict[str, Any]:
    """Run the state machine until it ends."""
    client = stack.aws.client("stepfunctions")
    arn = client.start_execution(stateMachineArn=stack.outputs["MachineArn"], input=json.dumps(event))["executionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = client.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = eventually(ended)
    return found


def test_a_wait_is_simulated_time(stack: SmallStack) -> None:
    """The history shows two minutes, which take a real second or more."""
    started = time.monotonic()
    done = run(stack, {"do": "wait", "seconds": 120})
    assert "SUCCEEDED" == done["status"]
    assert 120 <= (done["stopDate"] - done["startDate"]).total_seconds()
    assert 120 / SPEED <= time.monotonic() - started


def test_a_retry_matches_the_exceptions_class_and_waits_on_the_clock(stack: SmallStack) -> None:
    """After two retries, at one and two simulated minutes, the execution fails with the function's own error."""
    before = len(stack.aws.runtime.invocations("Probe"))
    done = run(stack, {"do": "raise", "message": "never"})
    assert ("FAILED", "ValueError") == (done["status"], done["error"])
    assert "never" == json.loads(done["cause"])["errorMessage"]
    assert before + 3 == len(stack.aws.runtime.invocations("Probe"))
    assert 180 <= (done["stopDate"] - done["startDate"]).total_seconds()


def test_a_function_that_timed_out_or_died_can_be_caught(stack: SmallStack) -> None:
    """The errors have Lambda's names."""
    assert "Sandbox.Timedout" == json.loads(run(stack, {"do": "sleep", "sleep": 30})["output"])["broken"]
    assert "Runtime.ExitError" == json.loads(run(stack, {"do": "exit"})["output"])["broken"]


def test_a_throttled_function_has_the_name_that_a_retry_matches(stack: SmallStack, tmp_path: Path) -> None:
    """It is Lambda's own name, which the product's state machine relies on."""
    end = tmp_path / "end"
    running = threading.Thread(target=stack.invoke, args=("Single", {"do": "hold", "until": str(end)}))
    running.start()
    try:
        eventually(lambda: stack.aws.runtime.busy("Single"))
        done = run(stack, {"do": "single"})
    finally:
        end.touch()
        running.join()
    assert ("FAILED", "Lambda.TooManyRequestsException") == (done["status"], done["error"])


def test_the_machine_acts_with_its_own_role(stack: SmallStack) -> None:
    """The audit shows the role and the function that it may invoke."""
    stack.aws.audit.clear()
    run(stack, {"do": "wait", "seconds": 1})
    role = stack.aws.deployment.resources["MachineRole"].physical_id
    [entry] = stack.aws.audit.entries(role)
    assert ("lambda:InvokeFunction", stack.aws.deployment.function("Probe").arn) == (entry.action, entry.resource)
