"""The command ``gallop trace``: what a job went through, in one list."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.adapters.stepfunctions import job_workflow
from gallop.domain import timeline
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, Interruption, JobState

from tests.support.jobs import START, a_job
from tests.support.stack import aws

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox

EVENTS = [
    {"timestamp": START, "type": "ExecutionStarted", "executionStartedEventDetails": {"input": "{}"}},
    {"timestamp": START + 1, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "WaitForSlot"}},
    {"timestamp": START + 2, "type": "TaskScheduled", "taskScheduledEventDetails": {}},
    {
        "timestamp": START + 3,
        "type": "TaskFailed",
        "taskFailedEventDetails": {"error": "AwsTrouble", "cause": json.dumps({"errorMessage": "no  such\ntable"})},
    },
    {"timestamp": START + 4, "type": "ExecutionAborted", "executionAbortedEventDetails": {}},
]


def logged(sandbox: Sandbox, group: str, text: str) -> None:
    """Write a line into a log group of the stack."""
    name, logs = sandbox.stack.resource(group), aws("logs")
    if not logs.describe_log_streams(logGroupName=name)["logStreams"]:
        logs.create_log_stream(logGroupName=name, logStreamName="one")
    events = [{"timestamp": int(sandbox.clock.now() * 1000), "message": text}]
    logs.put_log_events(logGroupName=name, logStreamName="one", logEvents=events)


def test_a_timeline_joins_record_execution_logs_and_task(sandbox: Sandbox, gallop: Gallop) -> None:
    """In the order of time, each with its source; other jobs' lines are left out."""
    job = sandbox.submitted()
    sandbox.clock.advance(1)
    line = {"level": "WARNING", "message": "lane busy", "service": "start_task", "job_id": job.id, "wait": 3}
    logged(sandbox, "StartTaskLogs", json.dumps(line))
    logged(sandbox, "StatusLogs", f"REPORT of {job.id}")
    logged(sandbox, "StatusLogs", "another line")
    with patch.object(job_workflow, "history", lambda *_: [{**event, "timestamp": job.created_at} for event in EVENTS]):
        found = gallop.json("trace", job.id)
        result = gallop.ok("trace", job.id)
    said = {(moment["source"], moment["what"]) for moment in found["timeline"]}
    assert ("record", f"task {job.task_id} created") in said
    assert ("execution", "execution: WaitForSlot") in said
    assert ("start_task", "WARNING lane busy wait=3") in said
    assert ("StatusLogs", f"REPORT of {job.id}") in said
    assert not [what for _, what in said if "another" in what]
    assert sorted(moment["at"] for moment in found["timeline"]) == [moment["at"] for moment in found["timeline"]]
    assert found["task"]["status"] in {"PENDING", "RUNNING"}
    assert len(found["timeline"]) == len(result.stdout.splitlines())
    assert "DashScope now: status=" in result.stderr
    assert "smiles" not in result.output


def test_the_lines_of_its_requests_are_in_the_timeline(sandbox: Sandbox, gallop: Gallop) -> None:
    """Those that name a request of the job and not the job: of the access log, or before the job had an ID."""
    job = sandbox.put()
    logged(
        sandbox,
        "SubmitLogs",
        json.dumps({"message": "job accepted", "job_id": job.id, "request_id": "UVhLmgYfliAEPsQ="}),
    )
    logged(sandbox, "SubmitLogs", json.dumps({"message": "image converted", "request_id": "UVhLmgYfliAEPsQ="}))
    logged(sandbox, "AccessLogs", json.dumps({"requestId": "UVhLmgYfliAEPsQ=", "status": "202"}))
    logged(sandbox, "AccessLogs", json.dumps({"requestId": "AAAAAAAAAAAAAAAA", "status": "200"}))
    with patch.object(job_workflow, "history", lambda *_: []):
        said = [moment["what"] for moment in gallop.json("trace", job.id)["timeline"]]
    assert 1 == len([what for what in said if "job accepted" in what])
    assert "image converted request_id=UVhLmgYfliAEPsQ=" in said
    assert 1 == len([what for what in said if '"status": "202"' in what])
    assert not [what for what in said if '"status": "200"' in what]


def test_the_id_of_an_answer_finds_its_lines_and_its_job(sandbox: Sandbox, gallop: Gallop) -> None:
    """`x-request-id`, as a client reports it: what was logged for the request, and which job it was about."""
    job = sandbox.put()
    logged(
        sandbox,
        "SubmitLogs",
        json.dumps({"message": "job accepted", "job_id": job.id, "request_id": "VWiMnhZgmjBFQtR="}),
    )
    logged(sandbox, "AccessLogs", json.dumps({"requestId": "VWiMnhZgmjBFQtR=", "status": "202"}))
    found = gallop.json("trace", "VWiMnhZgmjBFQtR=")
    assert {"SubmitLogs", "AccessLogs"} == {moment["source"] for moment in found["timeline"]}
    assert [job.id] == found["jobs"]
    result = gallop.ok("trace", "VWiMnhZgmjBFQtR=")
    assert f"gallop trace {job.id}" in result.stderr
    assert 2 == len(result.stdout.splitlines())


def test_an_unknown_request_has_no_lines(gallop: Gallop) -> None:
    """The message says how far the command looked back; what is neither ID is refused."""
    result = gallop("trace", "UVhLmgYfliAEPsR=")
    assert 1 == result.exit_code
    assert "--since" in result.stderr
    assert 2 == gallop("trace", 'a "quoted" thing').exit_code


def test_metrics_are_readable_in_a_timeline() -> None:
    """Their line has what CloudWatch needs, and a person does not."""
    emitted = {
        "_aws": {"CloudWatchMetrics": [{"Metrics": [{"Name": "JobsSucceeded"}, {"Name": "Cost"}]}]},
        "Stack": "gallop",
        "JobsSucceeded": [1.0],
        "Cost": [0.7],
        "job_id": "job_a",
    }
    shown = timeline.of_log(START, json.dumps(emitted), "FinishLogs")
    assert timeline.Moment(START, "FinishLogs", "metrics JobsSucceeded=1 Cost=0.7") == shown


def test_a_job_without_a_task_has_a_timeline(sandbox: Sandbox, gallop: Gallop) -> None:
    """Its execution may not exist yet, or not any more."""
    job = sandbox.put()
    with patch.object(job_workflow, "history", lambda *_: []):
        found = gallop.json("trace", job.id)
    assert ["accepted at the https door for client ada", "queued"] == [moment["what"] for moment in found["timeline"]]
    assert None is found["task"]["status"]


def test_a_history_is_reduced_to_states_and_failures() -> None:
    """The cause of a failure is one line."""
    assert ["ExecutionStarted", "WaitForSlot", "TaskFailed AwsTrouble no such table", "ExecutionAborted"] == [
        moment.what.removeprefix("execution: ") for moment in timeline.of_history("execution", EVENTS)
    ]


@pytest.mark.parametrize("text", ["plain", "[1]", '{"level": "INFO"}', "7"])
def test_a_line_that_is_not_ours_is_shown_as_it_is(text: str) -> None:
    """Lambda and Step Functions write lines of their own."""
    assert timeline.Moment(START, "StatusLogs", text) == timeline.of_log(START, f"{text}\n", "StatusLogs")


def test_the_record_tells_how_the_last_attempt_ended_and_why_it_waits() -> None:
    """A job that failed shows its failure; one that is on hold, why."""
    failed = a_job(JobState.FAILED, failure=Failure(FailureCode.INTERNAL_ERROR, "No."), ended_at=START + 5)
    last = [moment.what for moment in timeline.of_record(failed)][-1]
    assert f"failed: {FailureCode.INTERNAL_ERROR.value}: No." == last
    assert "attempt 1: accepted" in [moment.what for moment in timeline.of_record(failed)]
    held = replace(a_job(), interruption=Interruption(Failure(FailureCode.AWS_TROUBLE, "No table."), START))
    assert "queued, interrupted: No table." == [moment.what for moment in timeline.of_record(held)][-1]
