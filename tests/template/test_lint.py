"""The template and the workflow, as cfn-lint and statelint see them after the SAM transform."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from statelint.config import Config
from statelint.linter import Linter
from statelint.problem import ProblemType

from . import stack

if TYPE_CHECKING:
    from collections.abc import Callable

    Break = Callable[[dict[str, Any]], object]


def faults_of_workflow(definition: dict[str, Any]) -> list[str]:
    """Return statelint's findings, without known false ones: BackoffRate, ItemReader and the label of a Map."""
    faults: list[str] = Linter.validate(deepcopy(definition), Config(ignored_problem_types={ProblemType.FLOAT}))
    allowed = ('Field "InputType" not allowed in', 'Field "Label" not allowed in')
    return [fault for fault in faults if not fault.startswith(allowed)]


def faults_of_machine(name: str, definition: dict[str, Any]) -> list[str]:
    """Return cfn-lint's findings, errors and warnings, for a state machine as the translated template has it."""
    from cfnlint import lint_all  # noqa: PLC0415 - slow, and every process imports this module

    properties = stack.plain(**{name: definition})["Resources"][name]["Properties"]
    # What they refer to is left out with the other resources; the gate lints all of them.
    alone = {"Definition": properties["Definition"], "RoleArn": "arn:aws:iam::123456789012:role/role"}
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": alone}
    found = lint_all(json.dumps({"Resources": {name: resource}}))
    return [f"{match.rule.id} {match.message}" for match in found if match.rule.severity != "informational"]


@pytest.mark.parametrize("machine", stack.MACHINES)
def test_state_machines_are_valid(machine: str) -> None:
    """They conform to the Amazon States Language: every state is reachable, and every path leads to an end."""
    assert [] == faults_of_workflow(stack.definition(machine))


BREAKS: dict[str, Break] = {
    "a transition to nowhere": lambda states: states["SaveResult"].update(Next="Nowhere"),
    "a catch to nowhere": lambda states: states["SaveResult"]["Catch"][0].update(Next="Nowhere"),
    "a state that nothing reaches": lambda states: states.update(Lost={"Type": "Succeed"}),
    "a field misspelt": lambda states: states["SaveResult"].update(TimeOutSeconds=3),
    "a malformed path": lambda states: states["WaitForTask"].update(SecondsPath="step.wait_seconds"),
    "a catch-all that is not alone": lambda states: states["SaveResult"]["Catch"][0]["ErrorEquals"].append("Other"),
    "a number in quotes": lambda states: states["SaveResult"]["Retry"][0].update(MaxAttempts="8"),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_statelint_finds_errors(fault: str) -> None:
    """Each deliberate error is found."""
    broken = deepcopy(stack.definition())
    BREAKS[fault](broken["States"])
    assert [] != faults_of_workflow(broken)


def test_cfn_lint_finds_errors() -> None:
    """cfn-lint finds a state without a resource, which statelint accepts, and nothing else: the workflow is inline.

    In the gate it finds nothing in the whole template: IAM actions, circular references and time-outs are correct.
    """
    broken = deepcopy(stack.definition())
    del broken["States"]["SaveResult"]["Resource"]
    assert ["E3601 'Resource' is a required property"] == faults_of_machine("Workflow", broken)
