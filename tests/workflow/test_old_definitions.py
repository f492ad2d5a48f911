"""Executions that began before an update: the state machines of each released version, run with today's functions."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from gallop.adapters import safe_http
from gallop.domain.job import JobState, is_terminal

from tests.support.receivers import receiver
from tests.support.stack import aws
from tests.template import stack as templates
from tests.testbed.aws.definition import substitute
from tests.workflow.test_webhooks import receiving, tries
from tests.workflow.test_workflow import assert_succeeded, submits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.workflow.runs import Runs

pytestmark = pytest.mark.promise("P8")

DEFINITIONS = Path(__file__).parent / "definitions"
VERSIONS = sorted(path.name for path in DEFINITIONS.iterdir())
# Batches under old definitions are run by tests/functional/promise/test_updates.py.
MACHINES = ("Workflow", "WebhookWorkflow")


@contextmanager
def deployed_before(runs: Runs, version: str) -> Iterator[None]:
    """Let executions start under the state machines of a version, as if the update came while they run."""
    before = {}
    try:
        for machine in MACHINES:
            arn = runs.sandbox.stack.resource(machine)
            before[arn] = aws("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"]
            file = DEFINITIONS / version / templates.MACHINES[machine]
            resolved = substitute(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8"))), arns(runs))
            aws("stepfunctions").update_state_machine(stateMachineArn=arn, definition=resolved)
        yield
    finally:
        for arn, definition in before.items():
            aws("stepfunctions").update_state_machine(stateMachineArn=arn, definition=definition)


def arns(runs: Runs) -> dict[str, str]:
    """Return what the placeholders of definitions stand for."""
    return {f"{name}Arn": function.arn for name, function in runs.sandbox.stack.deployment.functions.items()}


@pytest.fixture(params=VERSIONS)
def old(runs: Runs, request: pytest.FixtureRequest) -> Iterator[Runs]:
    """Give a stack that is in the middle of an update from a released version."""
    with deployed_before(runs, request.param):
        yield runs


@pytest.mark.parametrize("fault", [None, "drop_after_accept", "drop_before_accept"])
def test_a_job_runs_to_its_video(old: Runs, fault: str | None) -> None:
    """With a lost reply and without, there is one task and one video."""
    if fault:
        old.sandbox.fake.fault(on="submit", kind=fault)
    assert_succeeded(old, old.run())
    assert 1 == len(old.sandbox.tasks())


def test_a_bug_leaves_the_job_to_the_sweep(old: Runs) -> None:
    """The old definition leads every error to the new function, which decides."""
    old.breaks("SaveResultFunction", [ZeroDivisionError("a bug")])
    job = old.run()
    assert (False, "FAILED") == (is_terminal(job.state), old.execution(job.id)["status"])
    old.sandbox.clock.advance(300)
    old.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    assert (JobState.SUCCEEDED, 1) == (old.sandbox.job(job.id).state, submits(old))


def test_a_webhook_is_delivered(old: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that was down for a moment gets its event."""
    monkeypatch.setattr(safe_http, "loopback_allowed", True)
    with receiver() as shop:
        endpoint, shop.answers = receiving(old, shop.url), [500, 200]
        old.run()
        assert [500, 200] == [one.status for one in tries(old, endpoint)]
