"""DashScope's word of ended tasks, on a running testbed: function processes, permissions, HTTP on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fake_dashscope import FakeDashScope, Limits, Switches
from fake_dashscope.clock import ScaledClock
from tests.support.pictures import data_uri, picture
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.caller import Caller

SPEED = 8.0
TASK_SECONDS = 5.0
# The event comes a second after the end, and the laptop's own work takes some more; the first question that nobody was
# taught to ask earlier comes half a minute after a video of 15 s was ordered.
AT_ONCE = 18.0


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run the template with completion events on, before a DashScope whose tasks take five seconds."""
    fake = FakeDashScope(ScaledClock(SPEED), limits=Limits.none(), switches=Switches(task_seconds=TASK_SECONDS))
    started = ("StartTaskFunction", "StatusFunction", "WakeFunction", "SaveResultFunction")
    with Testbed(fake=fake, parameters={"CompletionEvents": "on"}, prewarm=started) as running:
        yield running


@pytest.fixture(scope="module")
def target(caller: Caller) -> dict[str, Any]:
    """Return what an operator reads to set up the rule's target; every function has run once by then."""
    run(caller, "To warm up [Image 1].")
    outputs = caller.testbed.aws.outputs()
    secret = caller.testbed.client("secretsmanager").get_secret_value(SecretId=outputs["CompletionSecretArn"])
    url = f"{outputs['ApiUrl']}/events/dashscope"
    return {"url": url, "headers": {"x-eventbridge-signature-token": secret["SecretString"]}}


def run(caller: Caller, prompt: str) -> tuple[dict[str, Any], float]:
    """Run a job and return it, and the seconds from the end of its task to the moment in which its execution knew."""
    body = {"prompt": prompt, "images": [data_uri(picture())], "duration": 15}
    job = caller.wait_for_job(caller.create(body).json()["id"])
    (task,) = caller.tasks_for(prompt)
    ended = caller.testbed.dashscope.vendor.tasks[task["task_id"]].ended
    return job, _stored_at(caller, job["id"]) - ended


def _stored_at(caller: Caller, job_id: str) -> float:
    """Give when the execution knew that the task had succeeded, in simulated time."""
    machine = caller.testbed.aws.outputs()["WorkflowArn"].replace(":stateMachine:", ":execution:")
    states = caller.testbed.client("stepfunctions")
    events = states.get_execution_history(executionArn=f"{machine}:{job_id}", maxResults=1000)["events"]
    (entered,) = [event for event in events if event.get("stateEnteredEventDetails", {}).get("name") == "SaveResult"]
    moment: float = entered["timestamp"].timestamp()
    return moment


@pytest.mark.parametrize("mode", ["once", "twice", "late", "never"])
def test_the_end_is_the_same_and_comes_in_time(caller: Caller, target: dict[str, Any], mode: str) -> None:
    """One task, one charge and one video each; with the event at once, without it when the plan asks."""
    httpx.post(f"{caller.at.dashscope_url}/__fake__/events", json={**target, "mode": mode}).raise_for_status()
    prompt = f"Told {mode} of [Image 1]."
    job, seconds = run(caller, prompt)
    assert ("succeeded", 1) == (job["state"], len(caller.tasks_for(prompt)))
    assert seconds < AT_ONCE
    assert [] == caller.testbed.aws.authority.audit.refusals()


def test_an_event_without_the_token_wakes_nobody(caller: Caller, target: dict[str, Any]) -> None:
    """Whoever knows the address alone can tell nothing; the job ends by asking."""
    wrong = {"x-eventbridge-signature-token": "guessed"}
    caller.testbed.dashscope.notify(url=target["url"], headers=wrong)
    job, _ = run(caller, "Not told of [Image 1].")
    assert "succeeded" == job["state"]
    assert {403} == {sent["status"] for sent in caller.testbed.dashscope.events()["sent"][-1:]}


def test_the_grants_of_the_door_are_used(caller: Caller, target: dict[str, Any]) -> None:
    """Each of them, and nothing was refused."""
    caller.testbed.dashscope.notify(**target)
    run(caller, "Told once more of [Image 1].")
    audit = caller.testbed.aws.authority.audit
    (door,) = {entry.principal for entry in audit.entries() if "WakeFunctionRole" in entry.principal}
    granted = {"dynamodb:GetItem", "dynamodb:UpdateItem", "states:SendTaskSuccess", "secretsmanager:GetSecretValue"}
    used = {entry.action for entry in audit.entries(door) if not entry.action.startswith(("logs:", "xray:"))}
    assert granted == used
    assert [] == audit.refusals()
