"""Every log line has the IDs that its run was given: of the job, the request, the message, and the invocation."""

from __future__ import annotations

import io
import json
import os
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import log, metrics

from fake_dashscope.clock import ManualClock
from tests.functional.test_events import JOB, SAMPLES, SIGNING_ARN, sample
from tests.functional.test_metrics import cancelled, failed_at_dashscope, lost, succeeded
from tests.support.promise.money import HOUR, drop
from tests.support.sandbox import logged
from tests.support.stack import Stack, deployed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.promise import Simulation
    from tests.support.sandbox import Sandbox

# The function that describes the door logs nothing.
LOGGING = [name.removesuffix(".json") for name in SAMPLES if not name.startswith(("describe", "page"))]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Yield the template with all its functions."""
    signing = {"ContentCredentials": "on", "ContentCredentialsSecretArn": SIGNING_ARN}
    with deployed(ManualClock(), executing=False, CompletionEvents="on", **signing) as stack:
        yield stack


def lines_in(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines of ours in a log."""
    found = [json.loads(line) for line in stream.getvalue().splitlines() if line.startswith("{")]
    return [line for line in found if "service" in line]


def offered(event: dict[str, Any]) -> dict[str, str]:
    """Return the IDs that an event has; the path of a request may name a job."""
    job = event.get("job_id") or (JOB if JOB in event.get("rawPath", "") else None)
    request = event.get("requestContext", {}).get("requestId")
    batch = event.get("run", {}).get("batch", {}).get("id")
    return {name: value for name, value in (("job_id", job), ("request_id", request), ("batch", batch)) if value}


def function_of(name: str) -> str:
    """Return the function that a sample event is for."""
    return "".join(part.title() for part in name.partition("-")[0].split("_"))


@pytest.mark.parametrize("name", LOGGING)
def test_a_line_has_the_ids_of_its_event(sandbox: Sandbox, name: str) -> None:
    """Whatever a handler logs on a sample event, at its end at the latest, also if it fails."""
    event = sample(name)
    with suppress(Exception), patch.object(metrics, "flush", lambda: log.info("run ended")):
        sandbox.invoke(function_of(name), event)
    lines = lines_in(sandbox.log_lines)
    assert lines
    for line in lines:
        assert offered(event).items() <= line.items()
        assert line["invocation_id"]


def test_the_ids_of_a_run_end_with_it(sandbox: Sandbox) -> None:
    """A process serves one run after the other."""
    sandbox.put(id=JOB)
    sandbox.invoke("TakeSlot", {"job_id": JOB, "token": "token"})
    first = lines_in(sandbox.log_lines)
    sandbox.put()
    sandbox.invoke("Reconcile", {"action": "sweep"})
    log.info("outside of a run")
    last = lines_in(sandbox.log_lines)[-1]
    assert {JOB} == {line["job_id"] for line in first}
    assert not {"job_id", "invocation_id"} & last.keys()


def test_outside_of_a_run_no_id_stays(sandbox: Sandbox) -> None:
    """A command that does the same as a function is no run: what it does next is for another job."""
    log.also(job_id=JOB)
    log.info("for another job")
    assert "job_id" not in lines_in(sandbox.log_lines)[-1]


def test_a_line_explains_an_exception() -> None:
    """It has what Lambda filters by, a level and an RFC 3339 time; where from; the fields given; and the trace."""
    stream, variables = io.StringIO(), {"POWERTOOLS_SERVICE_NAME": "finish", "_X_AMZN_TRACE_ID": "Root=1-5e;Sampled=1"}
    with logged(stream), patch.dict(os.environ, variables):
        try:
            int("ö")
        except ValueError:
            log.exception("unhandled exception", job_id=JOB, size=Decimal(3), empty="")
    (line,) = lines_in(stream)
    trace, moment = line.pop("exception"), datetime.fromisoformat(line.pop("timestamp"))
    named = {"level": "ERROR", "message": "unhandled exception", "service": "finish", "job_id": JOB, "size": "3"}
    assert {**named, "exception_name": "ValueError", "xray_trace_id": "1-5e"} == line
    assert trace.endswith("invalid literal for int() with base 10: 'ö'")
    assert moment.tzinfo


def test_a_message_is_named(sandbox: Sandbox) -> None:
    """The lines of a message of the queue have its ID, and not that of the one before."""
    event = sample("submit-look")
    broken = {**event["Records"][0], "body": "{}", "messageId": "another"}
    sandbox.invoke("Submit", {"Records": [{**event["Records"][0], "body": "no JSON"}, broken]})
    found = [
        line["message_id"] for line in lines_in(sandbox.log_lines) if line["message"] == "message processing failed"
    ]
    assert [event["Records"][0]["messageId"], "another"] == found


def test_the_id_of_an_answer_finds_its_lines(sandbox: Sandbox) -> None:
    """A create is logged with the ID that its answer has, and so is its metric."""
    answer = sandbox.invoke("Submit", sample("submit-http"))
    request_id = answer["headers"]["x-request-id"]
    (line,) = [line for line in lines_in(sandbox.log_lines) if line["message"] == "job accepted"]
    (metric,) = sandbox.metric_lines()
    assert [request_id] * 2 == [line["request_id"], metric["request_id"]]
    assert [json.loads(answer["body"])["id"]] * 2 == [line["job_id"], metric["job_id"]]


def dropped(simulation: Simulation) -> None:
    """Let a drop become a video."""
    drop(simulation, "spring")
    simulation.run_for(HOUR)


@pytest.mark.parametrize(
    "scenario", [succeeded, dropped, failed_at_dashscope, cancelled, lost], ids=lambda one: one.__name__
)
def test_no_line_of_a_job_lacks_its_id(simulation: Simulation, scenario: Callable[[Simulation], None]) -> None:
    """From its acceptance to its last receipt, in every function that works for it."""
    stream = io.StringIO()
    with logged(stream):
        scenario(simulation)
    (job,) = simulation.jobs()
    lines = [*lines_in(stream), *simulation.metric_lines()]
    assert len(lines) > 1
    assert {job.id} == {line.get("job_id") for line in lines}
