"""The properties of the workflow that its language does not guarantee."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain import budget, errors
from gallop.domain.clients import webhooks
from gallop.domain.drops import batch_lines

from . import stack

if TYPE_CHECKING:
    from collections.abc import Iterator

# Names that Step Functions and Lambda report, not Gallop's code.
REPORTED_BY_AWS = re.compile(r"(States|Lambda|Sandbox|Runtime)\.\w+")


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every state, including those inside Map and Parallel."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in (state.get("ItemProcessor"), *state.get("Branches", [])):
            if inner:
                yield from states(inner)


TASKS = {
    name: state
    for machine in stack.MACHINES
    for name, state in states(stack.definition(machine))
    if state["Type"] == "Task"
}


def matched_names() -> set[str]:
    """Return every error name that a Retry or a Catch matches."""
    rules = [rule for state in TASKS.values() for kind in ("Retry", "Catch") for rule in state.get(kind, [])]
    return {name for rule in rules for name in rule["ErrorEquals"]}


# Waits whose length, as that of a Wait state, comes from the step before: at least a second, by its own tests.
AS_LONG_AS_THE_STEP_SAYS = {
    name for name, state in TASKS.items() if state.get("TimeoutSecondsPath") == "$.step.wait_seconds"
}


def may_be_retried() -> set[str]:
    """Return the names of the errors that cost nothing when the same step runs again."""
    return {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.TryAgain)}


def test_matched_errors_exist() -> None:
    """Step Functions matches errors by name: every matched name is a class of the tree, or AWS's own."""
    ours = {name for name in matched_names() if not REPORTED_BY_AWS.fullmatch(name)}
    assert set() == ours - {name for name, kind in vars(errors).items() if isinstance(kind, type)}


@pytest.mark.parametrize("task", TASKS)
def test_only_free_errors_are_retried(task: str) -> None:
    """A Retry matches only errors after which the step may run again without a cost."""
    names = {name for rule in TASKS[task].get("Retry", []) for name in rule["ErrorEquals"]}
    ours = {name for name in names if not REPORTED_BY_AWS.fullmatch(name)}
    assert set() == ours - may_be_retried()
    assert {"States.ALL", "States.TaskFailed"}.isdisjoint(names)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_an_end(task: str) -> None:
    """No task waits forever, and every error in it is caught."""
    assert 0 < TASKS[task].get("TimeoutSeconds", 0) or task in AS_LONG_AS_THE_STEP_SAYS
    assert ["States.ALL"] == TASKS[task]["Catch"][-1]["ErrorEquals"]


# What follows the job's end cannot change it.
AFTER_THE_END = {"SignVideo", "MakeThumbnail", "RenewReceipts"}
# An execution of its own, beside that of the batch.
ALONE = {"CancelBatch"}
LEVELS = {
    "Finish": stack.definition(),
    "CloseBatch": stack.definition("BatchWorkflow"),
    "EndLine": stack.definition("BatchWorkflow")["States"]["EachLine"]["ItemProcessor"],
}


@pytest.mark.parametrize("end", LEVELS)
def test_catches_lead_to_one_state(end: str) -> None:
    """Every failure leads to the state that records an end; that state's own failure ends the execution."""
    level = LEVELS[end]["States"]
    meeting_points = {
        name: {rule["Next"] for rule in state["Catch"]}
        for name, state in level.items()
        if "Catch" in state and name not in {*AS_LONG_AS_THE_STEP_SAYS, *AFTER_THE_END, *ALONE}
    }
    ends = meeting_points.pop(end)
    assert {end} == set().union(*meeting_points.values())
    assert {"Fail"} == {level[name]["Type"] for name in ends}


def test_a_thumbnail_delays_no_end() -> None:
    """It is made when the job has its end; in any case the receipts are renewed and the record is closed."""
    states = stack.definition()["States"]
    assert "Finish" == states["SaveResult"]["Next"]
    choices = states[states["Finish"]["Next"]]["Choices"]
    assert {"succeeded": "MakeThumbnail", "${StateToSign}": "SignVideo"} == {
        choice["StringEquals"]: choice["Next"] for choice in choices
    }
    assert {"MakeThumbnail"} == {states["SignVideo"]["Next"], states["SignVideo"]["Catch"][-1]["Next"]}
    assert {"RenewReceipts"} == {states["MakeThumbnail"]["Next"], states["MakeThumbnail"]["Catch"][-1]["Next"]}


def test_the_execution_has_an_end() -> None:
    """It has its own timeout, above the longest deadline that the template allows."""
    longest = stack.written()["Parameters"]["DeadlineMinutes"]["MaxValue"] * 60
    assert longest < stack.definition()["TimeoutSeconds"]


def test_a_batch_has_an_end() -> None:
    """A line waits as long as its job may take, including a month of parking, and a batch as long as all its lines."""
    longest, batch = stack.definition()["TimeoutSeconds"], stack.definition("BatchWorkflow")
    assert 31 * 86_400 + budget.PATIENCE_SECONDS + longest < TASKS["SubmitLine"]["TimeoutSeconds"]
    default = stack.written()["Parameters"]["BatchConcurrency"]["Default"]
    deadline = stack.written()["Parameters"]["DeadlineMinutes"]["Default"] * 60
    assert batch_lines.MAX_LINES * deadline / default < batch["TimeoutSeconds"]


def test_a_line_that_fails_stops_no_other() -> None:
    """The map continues whatever happens to its items; each is an execution that may take hours."""
    each = stack.definition("BatchWorkflow")["States"]["EachLine"]
    assert 100 == each["ToleratedFailurePercentage"]
    assert {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"} == each["ItemProcessor"]["ProcessorConfig"]


def test_listening_is_a_wait() -> None:
    """Whatever its result, a poll follows: immediately if there is a reason, otherwise after the wait."""
    states = stack.definition()["States"]
    listening, waiting = states["WaitForEvent"], states["WaitForTask"]
    assert {"WaitForEvent"} == AS_LONG_AS_THE_STEP_SAYS
    assert waiting["SecondsPath"] == listening["TimeoutSecondsPath"]
    assert waiting["Next"] == listening["Next"]
    ways = [(rule["ErrorEquals"], rule["Next"]) for rule in listening["Catch"]]
    assert [(["States.Timeout", "AlreadyCompleted"], waiting["Next"]), (["States.ALL"], "WaitForTask")] == ways
    # None of it is passed to the following steps.
    assert {None} == {listening["ResultPath"], *(rule["ResultPath"] for rule in listening["Catch"])}


@pytest.mark.parametrize("task", sorted({*TASKS} - AS_LONG_AS_THE_STEP_SAYS))
def test_task_timeouts_exceed_their_functions(task: str) -> None:
    """The function's own error is then the one that is reported."""
    name = re.fullmatch(r"\$\{(\w+)Arn\}", TASKS[task]["Parameters"]["FunctionName"])
    assert name is not None
    assert stack.functions()[name[1]]["Timeout"] < TASKS[task]["TimeoutSeconds"]


@pytest.mark.parametrize("machine", stack.MACHINES)
def test_substitutions_are_complete(machine: str) -> None:
    """Every placeholder of a state machine is given a value by the template, and every value is used."""
    used = set(re.findall(r"\$\{(\w+)\}", stack.source_of(machine)))
    properties = stack.of_type("AWS::StepFunctions::StateMachine")[machine]["Properties"]
    assert used == set(properties["DefinitionSubstitutions"])


def test_the_delivery_outlasts_its_schedule() -> None:
    """The execution of a delivery has time for its longest schedule with every try at its slowest."""
    waits = [webhooks.wait_before(number, 1.0) or 0 for number in range(1, len(webhooks.SCHEDULE_SECONDS) + 1)]
    machine = stack.definition("WebhookWorkflow")
    tries = len(waits) * machine["States"]["Deliver"]["TimeoutSeconds"]
    assert sum(waits) + tries < machine["TimeoutSeconds"]
