"""The stack is updated, or rolled back, while jobs run: old executions and records meet new functions."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import yaml
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from gallop import __version__
from gallop.adapters.table import job_items, jobs
from gallop.domain.errors import Stranded
from gallop.domain.job import JobState, is_terminal
from gallop.steps.step import Next

from tests.support.promise import fresh
from tests.support.promise.batches import a_line, charges, quick, receipt, work_off
from tests.support.promise.money import HOUR, PROMPT, created
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gallop.domain.job import Job

    from tests.support.promise import Simulation

pytestmark = pytest.mark.promise("P8")

TESTS = Path(__file__).parents[2]
DEFINITIONS = TESTS / "workflow" / "definitions"
RECORDS = TESTS / "unit" / "adapters" / "table" / "records"
VERSIONS = sorted(path.name for path in DEFINITIONS.iterdir())
MINUTE = 60
# When the update comes, in seconds after the create: in each state that a job passes through.
STATES = (JobState.QUEUED, JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN, JobState.RUNNING, JobState.STORING)
SECONDS_UNTIL = 300


@cache
def released(version: str, machine: str) -> dict[str, Any]:
    """Return a state machine as a version released it; such files never change."""
    path = DEFINITIONS / version / stack.MACHINES[machine]
    definition: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return definition


def of(version: str) -> Callable[[str], Mapping[str, Any]]:
    """Return the state machines of a version; of the present one without a version."""
    return (lambda machine: released(version, machine)) if version else stack.definition


def pass_time(simulation: Simulation, seconds: float) -> None:
    """Let time pass, with a sweep every minute."""
    for _ in range(round(seconds / MINUTE)):
        simulation.run_for(MINUTE)
        simulation.sweep()


def assert_one_video(simulation: Simulation) -> None:
    """Assert that there is one job that succeeded, one task and one video."""
    (job,) = simulation.jobs()
    assert ("succeeded", None) == (job.state.value, job.failure)
    assert [job.task_id] == [task["task_id"] for task in simulation.tasks(PROMPT)]
    assert job.result
    assert simulation.film_of(job.task_id) == job.result.sha256
    assert "succeeded" == simulation.receipt(f"{job.receipts}/status.json")["state"]


def test_the_present_version_has_frozen_definitions() -> None:
    """A release adds the state machines that it deploys."""
    assert __version__ in VERSIONS
    assert {*stack.MACHINES.values()} == {path.name for path in (DEFINITIONS / __version__).iterdir()}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("fault", [None, "drop_after_accept", "drop_before_accept"])
@pytest.mark.parametrize("listening", [False, True])
def test_a_job_under_an_old_definition_has_its_video(version: str, fault: str | None, *, listening: bool) -> None:
    """Its execution keeps the definition with which it was started, while the functions are those of today."""
    with fresh(listening=listening) as simulation:
        simulation.workflow.definition = of(version)
        if fault:
            simulation.fake.fault(on="submit", kind=fault)
        created(simulation)
        simulation.run_for(HOUR)
        assert_one_video(simulation)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_batch_under_an_old_definition_has_its_videos(version: str) -> None:
    """All its lines end, each with one charge, and so does the batch."""
    with quick() as simulation:
        simulation.workflow.definition = of(version)
        work_off(simulation, [a_line(), a_line(seed=2), "{no line"])
        assert ("finished", 2) == (receipt(simulation)["state"], charges(simulation))


@pytest.mark.parametrize("version", ["", *VERSIONS])
@pytest.mark.parametrize("function", ["StartTask", "Status", "Reconcile"])
def test_a_word_that_a_definition_does_not_know_costs_no_video(
    simulation: Simulation, version: str, function: str
) -> None:
    """A new function names a next step that the running execution does not have: the sweep resumes the job."""
    simulation.fake.fault(on="submit", kind="drop_after_accept") if function == "Reconcile" else None
    with unknown_next(simulation, function):
        simulation.workflow.definition = of(version)
        job = created(simulation)
        simulation.run_for(4 * MINUTE)
        ended = simulation.job(job.id)
        assert (False, "FAILED") == (is_terminal(ended.state), simulation.workflow.executions[job.id].status)
    simulation.workflow.definition = stack.definition
    pass_time(simulation, HOUR)
    assert_one_video(simulation)


def test_a_word_that_a_batch_does_not_know_is_reported() -> None:
    """No batch ends without a receipt; the same file, uploaded again, makes its jobs once."""
    with quick() as simulation:
        with unknown_next(simulation, "Batch"):
            work_off(simulation, [a_line()])
        assert ("failed", 0) == (receipt(simulation)["state"], charges(simulation))
        assert "Upload batch.jsonl again" in receipt(simulation)["error"]["remedy"]
        work_off(simulation, [a_line()])
        assert ("finished", 1) == (receipt(simulation)["state"], charges(simulation))


@contextmanager
def unknown_next(simulation: Simulation, function: str) -> Iterator[None]:
    """Let a function name a next step that no definition has yet."""
    handle = simulation.handle

    def later(name: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        answer = handle(name, event)
        return {**answer, "next": "mark"} if name == function and "next" in answer else answer

    with patch.object(type(simulation), "handle", lambda _, name, event: later(name, event)):
        yield


def choices(machine: str) -> dict[str, dict[str, str]]:
    """Return the words of each choice of a state machine, and where they lead; ``*`` is any other word."""
    return {
        name: {one.get("StringEquals", ""): one["Next"] for one in state["Choices"]} | {"*": state["Default"]}
        for name, state in stack.definition(machine)["States"].items()
        if state["Type"] == "Choice" and "StringEquals" in state["Choices"][0] and name != "WhatFollows"
    }


@pytest.mark.parametrize(
    ("machine", "words", "otherwise"),
    [
        ("Workflow", {word.value for word in Next}, "NotFinished"),
        ("BatchWorkflow", {"work", "close", "refused"}, "UnknownStep"),
        ("WebhookWorkflow", {"wait", "settled"}, "NotificationFailed"),
    ],
)
def test_every_word_is_named(machine: str, words: set[str], otherwise: str) -> None:
    """What a state machine does not know is an error, and never the end of a job, a batch or a delivery."""
    (found,) = choices(machine).values()
    assert {*words, "*"} == found.keys()
    assert otherwise == found["*"]


# ---------------------------------------------------------------- records


@cache
def shape_of(version: str) -> Any:  # noqa: ANN401 - a record
    """Return the record that a version wrote, as a pattern of the attributes that it knew."""
    item = json.loads((RECORDS / f"{version}.json").read_text(encoding="utf-8"))
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def limited(value: Any, shape: Any) -> Any:  # noqa: ANN401 - a record
    """Return a value without the attributes that a shape does not have, at any depth."""
    if isinstance(value, dict) and isinstance(shape, dict):
        return {name: limited(one, shape[name]) for name, one in value.items() if name in shape}
    if isinstance(value, list) and isinstance(shape, list) and shape:
        known = {name: one for pattern in shape if isinstance(pattern, dict) for name, one in pattern.items()}
        return [limited(one, known or shape[0]) for one in value]
    return value


@contextmanager
def previous(version: str) -> Iterator[None]:
    """Let functions read and write records as a version did: with its attributes only."""
    read, write, shape = job_items.job_from, job_items.job_record, shape_of(version)
    with (
        patch.object(job_items, "job_from", lambda item: read(limited(item, shape))),
        patch.object(job_items, "job_record", lambda job: limited(write(job), shape)),
    ):
        yield


def rewritten(simulation: Simulation, version: str) -> None:
    """Make the record of the only job what a version would have written."""
    (item,) = simulation.records("JOB")
    record = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
    kept = {"pk", "sk", "expires_at", "is_open"}
    old = limited(record, shape_of(version)) | {name: record[name] for name in kept if name in record}
    sent = {name: TypeSerializer().serialize(value) for name, value in old.items()}
    simulation.dynamodb.put_item(TableName=simulation.table, Item=sent)


def run_until(simulation: Simulation, state: JobState) -> Job:
    """Create a job, and stop the world as soon as its record has a state."""
    if state is JobState.OUTCOME_UNKNOWN:
        simulation.fake.fault(on="submit", kind="drop_after_accept")
    if state is JobState.SUBMITTING:
        simulation.fake.fault(on="submit", kind="429", times=2)
    job = created(simulation)
    if state is JobState.QUEUED:
        return job
    until = simulation.clock.now() + SECONDS_UNTIL
    while simulation.clock.now() < until:
        if not simulation.workflow.step():
            simulation.fake.tick()
            simulation.clock.advance(1)
        if simulation.job(job.id).state is state:
            return simulation.job(job.id)
    raise AssertionError(f"The job never was {state}.")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("state", STATES)
def test_a_record_of_an_old_version_is_continued(simulation: Simulation, version: str, state: JobState) -> None:
    """The update comes in the middle of a job."""
    run_until(simulation, state)
    rewritten(simulation, version)
    pass_time(simulation, HOUR)
    assert_one_video(simulation)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("state", STATES)
def test_a_record_of_today_is_continued_by_an_old_version(
    simulation: Simulation, version: str, state: JobState
) -> None:
    """The update is rolled back in the middle of a job; the next one comes before its end, or after it."""
    run_until(simulation, state)
    with previous(version):
        pass_time(simulation, 1 * MINUTE)
    pass_time(simulation, 1 * MINUTE)
    with previous(version):
        pass_time(simulation, HOUR)
        assert_one_video(simulation)
    assert_one_video(simulation)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_interrupted_job_is_continued_by_an_old_version(simulation: Simulation, version: str) -> None:
    """What only today's version records about an interruption does not disturb the version before."""
    job = run_until(simulation, JobState.RUNNING)
    with pytest.raises(Stranded):
        simulation.invoke("Finish", {"job_id": job.id, "error": {"Error": "KeyError", "Cause": "{}"}})
    simulation.workflow.crash(job.id)
    assert simulation.job(job.id).interruption
    with previous(version):
        pass_time(simulation, HOUR)
    assert_one_video(simulation)


def test_a_later_record_of_a_finished_job_is_listed(simulation: Simulation) -> None:
    """A rollback hides no job from its owner."""
    job = run_until(simulation, JobState.RUNNING)
    pass_time(simulation, HOUR)
    with previous(VERSIONS[-1]):
        assert [replace(simulation.job(job.id), interruption=None)] == jobs.get_all([job.id])
