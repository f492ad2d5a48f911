"""DashScope's completion events on a running testbed: function processes, permissions, HTTP on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fake_dashscope import FakeDashScope, Limits, Switches
from tests.support.pictures import data_uri, picture
from tests.testbed.jumping_clock import JumpingClock
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.caller import Caller

SPEED = 8.0
TASK_SECONDS = 5.0
# The event comes a second after the end, and this machine needs some time, too; without learned durations the first
# poll comes half a minute after a video of 15 s was requested.
AT_ONCE = 18.0


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run the template with completion events on, with a DashScope whose tasks take five seconds."""
    fake = FakeDashScope(JumpingClock(SPEED), limits=Limits.none(), switches=Switches(task_seconds=TASK_SECONDS))
    started = ("StartTaskFunction", "StatusFunction", "WakeFunction", "SaveResultFunction")
    with Testbed(fake=fake, parameters={"CompletionEvents": "on"}, prewarm=started) as running:
        yield running


@pytest.fixture(scope="module")
def target(caller: Caller) -> dict[str, Any]:
    """Return the settings of the rule's target that an operator reads; every function has run once by then."""
    run(caller, "To warm up [Image 1].")
    outputs = caller.testbed.aws.outputs()
    secret = caller.testbed.client("secretsmanager").get_secret_value(SecretId=outputs["CompletionSecretArn"])
    url = f"{outputs['ApiUrl']}/events/dashscope"
    return {"url": url, "headers": {"x-eventbridge-signature-token": secret["SecretString"]}}


def run(caller: Caller, prompt: str) -> tuple[dict[str, Any], float]:
    """Run a job; return it, and the seconds from its task's end until its execution knew."""
    body = {"prompt": prompt, "images": [data_uri(picture())], "duration": 15}
    job = caller.wait_for_job(caller.create(body).json()["id"])
    (task,) = caller.tasks_for(prompt)
    ended = caller.testbed.dashscope.vendor.tasks[task["task_id"]].ended
    return job, _stored_at(caller, job["id"]) - ended


def _stored_at(caller: Caller, job_id: str) -> float:
    """Return when the execution knew that the task had succeeded, in simulated time."""
    machine = caller.testbed.aws.outputs()["WorkflowArn"].replace(":stateMachine:", ":execution:")
    states = caller.testbed.client("stepfunctions")
    events = states.get_execution_history(executionArn=f"{machine}:{job_id}", maxResults=1000)["events"]
    (entered,) = [event for event in events if event.get("stateEnteredEventDetails", {}).get("name") == "SaveResult"]
    moment: float = entered["timestamp"].timestamp()
    return moment


@pytest.mark.parametrize("mode", ["once", "twice", "late", "never"])
def test_the_end_is_the_same_and_on_time(caller: Caller, target: dict[str, Any], mode: str) -> None:
    """There is one task, one charge and one video each; with the event immediately, without it by the schedule."""
    httpx.post(f"{caller.at.dashscope_url}/__fake__/events", json={**target, "mode": mode}).raise_for_status()
    prompt = f"Notified {mode} of [Image 1]."
    job, seconds = run(caller, prompt)
    assert ("succeeded", 1) == (job["state"], len(caller.tasks_for(prompt)))
    assert seconds < AT_ONCE
    assert [] == caller.testbed.aws.authority.audit.refusals()


def test_an_event_without_the_token_is_refused(caller: Caller, target: dict[str, Any]) -> None:
    """The address alone is not enough to report an end; the job ends by polling."""
    wrong = {"x-eventbridge-signature-token": "guessed"}
    caller.testbed.dashscope.notify(url=target["url"], headers=wrong)
    job, _ = run(caller, "Not notified of [Image 1].")
    assert "succeeded" == job["state"]
    assert {403} == {sent["status"] for sent in caller.testbed.dashscope.events()["sent"][-1:]}


def test_the_grants_of_the_door_are_used(caller: Caller, target: dict[str, Any]) -> None:
    """Each of them is used, and nothing was refused."""
    caller.testbed.dashscope.notify(**target)
    run(caller, "Notified again of [Image 1].")
    audit = caller.testbed.aws.authority.audit
    (door,) = {entry.principal for entry in audit.entries() if "WakeFunctionRole" in entry.principal}
    granted = {"dynamodb:GetItem", "dynamodb:UpdateItem", "states:SendTaskSuccess", "secretsmanager:GetSecretValue"}
    used = {entry.action for entry in audit.entries(door) if not entry.action.startswith(("logs:", "xray:"))}
    assert granted == used
    assert [] == audit.refusals()
