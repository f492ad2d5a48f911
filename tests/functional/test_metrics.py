"""The metrics of whole jobs and of the sweep: what is counted, how often, in which lines, and nothing secret."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from gallop import log, metrics, runs, settings
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState
from gallop.domain.metrics import METRICS, Metric
from gallop.services import ending

from tests.support.jobs import START, a_job
from tests.support.promise import Simulation, fresh
from tests.support.promise.batches import a_line, quick, work_off
from tests.support.promise.money import HOUR, PRICE, PROMPT, caps, created, drop, go_to_noon, sweep_for
from tests.support.promise.recorded import OF_A_JOB
from tests.support.promise.simulation import CONTEXT, Queue
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.testbed.aws.kill_points import KillPoint

IDS = ("job_id", "invocation_id", "message_id", "batch")
ENDS = (Metric.JOBS_SUCCEEDED, Metric.JOBS_FAILED, Metric.JOBS_CANCELED)


def succeeded(simulation: Simulation) -> None:
    """Let a job succeed."""
    created(simulation)
    simulation.run_for(HOUR)


def failed_at_dashscope(simulation: Simulation) -> None:
    """Let DashScope fail a task."""
    simulation.fake.fault(on="task", kind="fail")
    created(simulation)
    simulation.run_for(HOUR)


def refused(simulation: Simulation) -> None:
    """Let DashScope refuse a submit."""
    simulation.fake.fault(on="submit", kind="error", code="InvalidApiKey")
    created(simulation)
    simulation.run_for(HOUR)


def lost(simulation: Simulation) -> None:
    """Lose every reply to a submit."""
    simulation.fake.fault(on="submit", kind="drop_before_accept", times=9)
    created(simulation)
    simulation.run_for(HOUR)


def cancelled(simulation: Simulation) -> None:
    """Cancel a job before it begins, twice."""
    job = created(simulation)
    for _ in range(2):
        simulation.invoke("Reconcile", {"action": "cancel", "job_id": job.id})
    simulation.run_for(HOUR)


def waited_too_long(simulation: Simulation) -> None:
    """Let the sweep end a job that never gets a slot."""
    simulation.fake.fault(on="task", kind="never_ends", times=99)
    for number in range(settings.max_in_flight() + 1):
        created(simulation, f"{PROMPT} {number}")
    simulation.run_for(60)
    simulation.clock.advance(settings.queue_seconds())
    simulation.sweep()


def parked_too_long(simulation: Simulation) -> None:
    """Let the sweep end a drop that no budget is free for."""
    go_to_noon(simulation)
    simulation.fake.fault(on="task", kind="never_ends")
    with caps(month=0.5):
        for folder in ("first", "second"):
            drop(simulation, folder)
            simulation.run_for(30)
        waiting = next(job for job in simulation.jobs() if job.parked)
        simulation.clock.time = waiting.deadline + 1
        simulation.sweep()


def workflow_lost(simulation: Simulation) -> None:
    """Let the sweep end a job whose execution failed, and again when it was resumed after its deadline."""
    job = created(simulation)
    simulation.run_for(5)
    simulation.workflow.crash(job.id)
    simulation.clock.advance(settings.deadline_seconds() + 60)
    simulation.sweep()
    simulation.workflow.crash(f"{job.id}-1")
    simulation.clock.advance(300)
    simulation.sweep()


SCENARIOS: dict[Callable[[Simulation], None], tuple[Metric, str]] = {
    succeeded: (Metric.JOBS_SUCCEEDED, ""),
    failed_at_dashscope: (Metric.JOBS_FAILED, "generation_failed"),
    refused: (Metric.JOBS_FAILED, "vendor_refused"),
    lost: (Metric.JOBS_FAILED, "outcome_unknown"),
    cancelled: (Metric.JOBS_CANCELED, ""),
    waited_too_long: (Metric.JOBS_FAILED, "waited_too_long"),
    parked_too_long: (Metric.JOBS_FAILED, "budget_exceeded"),
    workflow_lost: (Metric.JOBS_FAILED, "workflow_lost"),
}
scenarios = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)


def ends(simulation: Simulation) -> dict[Metric, float]:
    """Return how many ends of each kind were counted."""
    return {end: total for end in ENDS if (total := sum(simulation.metric(end)))}


@scenarios
def test_each_end_is_counted_once(simulation: Simulation, scenario: Callable[[Simulation], None]) -> None:
    """However a job ends, and in which function: one count, and of a failure one with its code."""
    scenario(simulation)
    metric, code = SCENARIOS[scenario]
    assert {metric: 1} == ends(simulation)
    assert ([1] if code else []) == simulation.metric(Metric.JOBS_FAILED, Code=code)


@scenarios
def test_a_run_writes_one_line_at_most(simulation: Simulation, scenario: Callable[[Simulation], None]) -> None:
    """CloudWatch charges for each line; most runs write none."""
    scenario(simulation)
    simulation.sweep()
    lines = Counter(len(lines) for runs in simulation.emitted.values() for lines in runs)
    assert {0, 1} == lines.keys()


@scenarios
def test_the_lines_are_as_the_table_says(simulation: Simulation, scenario: Callable[[Simulation], None]) -> None:
    """Known metrics with their unit, each with the stack's name alone, and failures with their code as well."""
    scenario(simulation)
    simulation.sweep()
    for line in simulation.metric_lines():
        names = set[str]()
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert "Gallop" == directive["Namespace"]
            names |= {metric["Name"] for metric in directive["Metrics"]}
            assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
                name: METRICS[Metric(name)].unit.value for name in (one["Name"] for one in directive["Metrics"])
            }
            assert [["Stack"]] == directive["Dimensions"] or ["JobsFailed"] == [
                metric["Name"] for metric in directive["Metrics"]
            ]
        assert line.keys() <= {"_aws", "Stack", "Code", *names, *IDS}


@scenarios
def test_no_line_shows_what_was_asked_for(simulation: Simulation, scenario: Callable[[Simulation], None]) -> None:
    """Neither the prompt, an address, a client nor a place in a bucket."""
    scenario(simulation)
    simulation.sweep()
    # IDs are random, and may have any letters.
    shown = [{name: value for name, value in line.items() if name not in IDS} for line in simulation.metric_lines()]
    text = json.dumps(shown)
    assert [] == [word for word in (PROMPT, "waves", "http", "ada", "s3", "first", "videos/") if word in text]


@pytest.mark.parametrize("kill", points_of(OF_A_JOB["Finish"]), ids=str)
def test_a_retried_end_is_counted_once_at_most(simulation: Simulation, kill: KillPoint) -> None:
    """A function that dies takes its metrics with it, and the run that repeats it does not count the end again."""
    simulation.kills["Finish"] = [kill]
    succeeded(simulation)
    simulation.sweep()
    assert sum(ends(simulation).values()) <= 1
    assert "succeeded" == simulation.jobs()[0].state.value


def test_the_slower_of_two_ends_does_not_count(simulation: Simulation) -> None:
    """Two functions that read a job at the same time end it once."""
    read = created(simulation)
    for code in (FailureCode.CANCELLED, FailureCode.INTERNAL_ERROR):
        simulation.clock.advance(1)
        end = runs.recorded(lambda *_, code=code: ending.end(read, Failure(code, "No.")))
        with simulation.run_of("Finish"):
            end({}, CONTEXT)
    assert {Metric.JOBS_CANCELED: 1} == ends(simulation)


def test_a_repeated_create_is_accepted_once(simulation: Simulation) -> None:
    """A replay creates nothing, and counts nothing."""
    for _ in range(3):
        created(simulation, idempotency_key="mine")
    assert [1] == simulation.metric(Metric.JOBS_ACCEPTED)


def test_a_drop_is_accepted(simulation: Simulation) -> None:
    """The S3 door counts as the HTTPS door does."""
    drop(simulation, "spring")
    simulation.run_for(60)
    assert [1] == simulation.metric(Metric.JOBS_ACCEPTED)


def test_each_line_of_a_batch_is_a_job() -> None:
    """The lines are accepted, and end, each for itself; a line that is refused is no job."""
    with quick() as simulation:
        work_off(simulation, [a_line(seed=1), a_line(seed=2), a_line(seed="none")])
        assert 2 == sum(simulation.metric(Metric.JOBS_ACCEPTED))
        assert {Metric.JOBS_SUCCEEDED: 2} == ends(simulation)


def test_a_job_gives_its_cost_and_its_times(simulation: Simulation) -> None:
    """They are those of its record: DashScope's end of the task, and when it was noticed."""
    succeeded(simulation)
    (job,), (task,) = simulation.jobs(), simulation.fake.vendor.tasks.values()
    assert [PRICE] == simulation.metric(Metric.COST)
    assert job.task_ended_at == pytest.approx(task.ended, abs=0.002)
    assert job.slot_since
    assert job.ended_at
    assert simulation.metric(Metric.QUEUE_SECONDS) == pytest.approx([job.slot_since - job.created_at], abs=0.002)
    assert simulation.metric(Metric.TASK_SECONDS) == pytest.approx([60], abs=1)
    (notice,), (overhead,) = simulation.metric(Metric.NOTICE_SECONDS), simulation.metric(Metric.OVERHEAD_SECONDS)
    assert 0 <= notice <= overhead < 60


def test_lost_replies_are_counted(simulation: Simulation) -> None:
    """Each of them, whether or not a task is found."""
    lost(simulation)
    assert 3 == sum(simulation.metric(Metric.LOST_REPLIES))


@pytest.mark.parametrize("call", ["submit", "query"])
def test_throttling_is_counted(simulation: Simulation, call: str) -> None:
    """An answer 429 for DashScope's rate limit, to a submit or a query, also where the step fails and is retried."""
    simulation.fake.fault(on=call, kind="429", times=2)
    succeeded(simulation)
    assert 2 == sum(simulation.metric(Metric.VENDOR_THROTTLES))
    assert {Metric.JOBS_SUCCEEDED: 1} == ends(simulation)


def test_the_sweep_measures_what_waits(simulation: Simulation) -> None:
    """The slots of all lanes, the jobs that wait for one, and the age of the oldest."""
    simulation.fake.fault(on="task", kind="never_ends", times=99)
    for number in range(settings.max_in_flight() + 2):
        created(simulation, f"{PROMPT} {number}")
        simulation.clock.advance(10)
        simulation.run_due()
    simulation.sweep()
    oldest = simulation.jobs()[settings.max_in_flight()]
    assert [settings.max_in_flight()] == simulation.metric(Metric.SLOTS_HELD)
    assert [2] == simulation.metric(Metric.JOBS_WAITING)
    age = [simulation.clock.now() - oldest.created_at]
    assert age == pytest.approx(simulation.metric(Metric.OLDEST_WAITING_SECONDS), abs=0.01)
    assert [1] == simulation.metric(Metric.SWEEPS)


def test_an_idle_sweep_measures_nothing_but_zeros(simulation: Simulation) -> None:
    """A gauge is there every minute, so that a missing one is a sign; those of caps only where a cap is set."""
    simulation.sweep()
    gauges = (Metric.SLOTS_HELD, Metric.JOBS_WAITING, Metric.OLDEST_WAITING_SECONDS, Metric.JOBS_PARKED)
    (line,) = simulation.metric_lines()
    assert {**{key: [0] for key in (*gauges, Metric.DEAD_LETTERS)}, Metric.SWEEPS: [1]} == {
        name: line[name] for name in line.keys() - {"_aws", "Stack", "invocation_id"}
    }


def test_the_sweep_measures_caps_and_parked_jobs(simulation: Simulation) -> None:
    """In percent of each cap of the stack; what is reserved counts."""
    go_to_noon(simulation)
    with caps(day=0.5, month=2.1):
        for folder in ("first", "second"):
            drop(simulation, folder)
            simulation.run_for(30)
        simulation.sweep()
    assert [84] == simulation.metric(Metric.DAY_CAP_USED_PERCENT)
    assert [20] == simulation.metric(Metric.MONTH_CAP_USED_PERCENT)
    assert [1] == simulation.metric(Metric.JOBS_PARKED)


def test_the_sweep_counts_dead_letters(simulation: Simulation) -> None:
    """Those that the sweep cannot turn into a receipt: they stay until somebody looks."""
    simulation.send("no message of S3")
    sweep_for(simulation, HOUR)
    assert 1 == simulation.metric(Metric.DEAD_LETTERS)[-1]


def test_a_gauge_that_fails_is_missing(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are measured, and the sweep has gone through."""
    monkeypatch.setattr(Queue, "get_queue_attributes", None)
    simulation.sweep()
    assert [] == simulation.metric(Metric.DEAD_LETTERS)
    assert [0] == simulation.metric(Metric.JOBS_PARKED)
    assert [1] == simulation.metric(Metric.SWEEPS)


def test_an_update_without_the_name_measures_nothing(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update replaces the code of a function first, and its variables a moment later: the job continues."""
    monkeypatch.delenv("STACK_NAME")
    succeeded(simulation)
    assert "succeeded" == simulation.jobs()[0].state.value
    assert [] == simulation.metric_lines()


def test_a_sweep_with_several_codes_counts_each() -> None:
    """A line has one value per dimension, so this one run writes a line per code; nothing is counted twice."""
    with fresh() as simulation:
        first, second = created(simulation), created(simulation, f"{PROMPT} Again.")
        simulation.run_for(5)
        simulation.workflow.crash(first.id)
        simulation.workflow.crash(second.id)
        _interrupt(simulation, second.id)
        simulation.clock.advance(settings.deadline_seconds() + 60)
        simulation.sweep()
        for job in (first, second):
            simulation.workflow.crash(f"{job.id}-1")
        simulation.clock.advance(300)
        simulation.sweep()
        assert [1] == simulation.metric(Metric.JOBS_FAILED, Code="workflow_lost")
        assert [1] == simulation.metric(Metric.JOBS_FAILED, Code="internal_error")
        assert {Metric.JOBS_FAILED: 2} == ends(simulation)
        assert [1, 1] == simulation.metric(Metric.SWEEPS)


def test_a_sweep_may_end_hundreds_of_jobs(simulation: Simulation) -> None:
    """CloudWatch reads up to 100 values of a metric in a line: no value, code or name gets lost between the lines."""
    failure = Failure(FailureCode.WAITED_TOO_LONG, "No.")
    jobs = [a_job(JobState.FAILED, failure=failure, slot_since=START + 1) for _ in range(250)]

    def sweep(*_: object) -> None:
        for job in jobs:
            metrics.job_ended(job)

    with simulation.run_of("Reconcile"):
        runs.recorded(sweep)({}, CONTEXT)
    lines = simulation.metric_lines()
    assert [] == [name for line in lines for name in _named(line) if name not in line]
    assert {CONTEXT.aws_request_id} == {line["invocation_id"] for line in lines}
    assert all(len(value) <= 100 for line in lines for value in line.values() if isinstance(value, list))
    assert {Metric.JOBS_FAILED: 250} == ends(simulation)
    assert 250 == sum(simulation.metric(Metric.JOBS_FAILED, Code="waited_too_long"))
    assert 250 == sum(simulation.metric(Metric.QUEUE_SECONDS))


def _named(line: dict[str, Any]) -> list[str]:
    """Return the metrics and dimensions that a line announces."""
    directives = line["_aws"]["CloudWatchMetrics"]
    metrics_named = [metric["Name"] for directive in directives for metric in directive["Metrics"]]
    return [*metrics_named, *(name for directive in directives for names in directive["Dimensions"] for name in names)]


@pytest.mark.parametrize("error", [None, LookupError])
def test_metrics_that_cannot_be_written_change_nothing(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None
) -> None:
    """A step's answer and its own error, by which state machines decide, reach the caller; the log has the reason."""
    logged: list[str] = []
    monkeypatch.setattr(log, "exception", logged.append)
    monkeypatch.setattr(metrics, "_write", Mock(side_effect=ValueError))

    def step(*_: object) -> str:
        metrics.count(Metric.SWEEPS)
        if error:
            raise error
        return "done"

    with pytest.raises(error) if error else nullcontext(), simulation.run_of("Reconcile"):
        assert "done" == runs.recorded(step)({}, CONTEXT)
    assert ["metrics not written"] == logged


def _interrupt(simulation: Simulation, job_id: str) -> None:
    """Record that an execution failed with an error of ours."""
    error: dict[str, Any] = {"job_id": job_id, "error": {"Error": "KeyError", "Cause": "{}"}}
    with pytest.raises(Exception, match="the sweep resumes"):
        simulation.invoke("Finish", error)


def test_a_line_is_that_of_powertools(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The library of AWS writes the same, and takes a twelfth of a cold start to import."""
    monkeypatch.setenv("STACK_NAME", "gallop")
    metrics.begin()
    metrics.count(Metric.JOBS_ACCEPTED, 3)
    for seconds in (1.5, 2.25):
        metrics.measure(Metric.QUEUE_SECONDS, seconds)
    metrics.flush()
    written = json.loads(capsys.readouterr().out)
    library = AmazonCloudWatchEMFProvider(namespace="Gallop", service="", default_dimensions={"Stack": "gallop"})
    library.timestamp = written["_aws"]["Timestamp"]
    library.add_metric("JobsAccepted", "Count", 3)
    for seconds in (1.5, 2.25):
        library.add_metric("QueueSeconds", "Seconds", seconds)
    assert library.serialize_metric_set() == written
