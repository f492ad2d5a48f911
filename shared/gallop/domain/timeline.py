"""One timeline of a job, from its record, its executions and its log lines."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen
from gallop.domain.job import AttemptEnd, is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gallop.domain.job import Job

RECORD, EXECUTION = "record", "execution"
# What is in each line, or was in an earlier version, and the job's own ID, which is the same in all.
_NOT_SHOWN = {
    *(
        "level",
        "location",
        "message",
        "timestamp",
        "service",
        "job_id",
        "invocation_id",
        "xray_trace_id",
        "stack_trace",
    ),
    *("cold_start", "function_name", "function_memory_size", "function_arn", "exception"),
}
_ENTERED = "StateEntered"
_FAILED = re.compile(r"(?:Failed|TimedOut|Aborted)$")
_CAUSE_CHARACTERS = 200


@frozen
class Moment:
    """Something that happened: when (seconds since the epoch), and which source says so."""

    at: float
    source: str
    what: str


def of_record(job: Job) -> Iterator[Moment]:
    """Yield what the record of a job says."""
    times: Iterable[tuple[float | None, str]] = (
        (job.dropped_at, "newest file of the drop uploaded"),
        (job.created_at, f"accepted at the {job.door.value} door for client {job.client}{_place(job)}"),
        (job.slot_since, "slot granted"),
        *_attempt(job),
        (job.running_since, f"task {job.task_id} {'found in the list' if job.is_adopted else 'created'}"),
        (job.began_at, "DashScope started the task, or last reported it as pending"),
        (job.unknown_since, "DashScope first reported the task as unknown"),
        (job.dropped_again_at, "same content dropped again"),
        (job.cancel.time if job.cancel else None, f"CANCEL uploaded: {job.cancel.answer}" if job.cancel else ""),
        (job.ended_at, _end(job)),
    )
    yield from (Moment(at, RECORD, what) for at, what in times if at is not None)
    if not is_terminal(job.state):
        yield Moment(job.updated_at, RECORD, f"{job.state.value}{_hold(job)}")


def _place(job: Job) -> str:
    return f", video {job.group.place} of {job.group.size} of group {job.group.id}" if job.group else ""


def of_history(name: str, events: Iterable[Mapping[str, Any]]) -> Iterator[Moment]:
    """Yield the states that an execution entered, and what failed."""
    for event in events:
        what = _event(event)
        if what:
            yield Moment(_seconds(event["timestamp"]), EXECUTION, f"{name}: {what}")


def of_log(at: float, text: str, group: str) -> Moment:
    """Return what a line of a log says; ``group`` names its source if the line does not."""
    line = _json(text)
    if "_aws" in line:
        return Moment(at, group, f"metrics {_metrics(line)}")
    if "message" not in line:
        return Moment(at, group, text.strip())
    facts = [f"{name}={value}" for name, value in line.items() if name not in _NOT_SHOWN and value not in (None, "")]
    level = "" if line.get("level") in ("INFO", None) else f"{line['level']} "
    return Moment(at, str(line.get("service", group)), " ".join([f"{level}{line['message']}", *facts]))


def ids_in(text: str, name: str) -> list[str]:
    """Return the ID of a name that a line of a log has, if it has one."""
    found = _json(text).get(name)
    return [found] if isinstance(found, str) and found else []


def _json(text: str) -> Mapping[str, Any]:
    with suppress(ValueError):
        line = json.loads(text)
        if isinstance(line, dict):
            return line
    return {}


def _metrics(line: Mapping[str, Any]) -> str:
    directives = line["_aws"]["CloudWatchMetrics"]
    names = dict.fromkeys(metric["Name"] for directive in directives for metric in directive["Metrics"])
    return " ".join(f"{name}={','.join(f'{value:g}' for value in line[name])}" for name in names)


def _attempt(job: Job) -> Iterator[tuple[float | None, str]]:
    if job.attempt:
        number = f"attempt {job.submits}"
        yield job.attempt.started_at, f"{number} began"
        if job.attempt.end is not AttemptEnd.OPEN:
            yield job.attempt.ended_at, f"{number}: {job.attempt.end.value}"


def _end(job: Job) -> str:
    reason = f": {job.failure.code.value}: {job.failure.message}" if job.failure else ""
    return f"{job.state.value}{reason}"


def _hold(job: Job) -> str:
    if job.parked:
        return f", parked: {job.parked.reason}"
    return f", interrupted: {job.interruption.failure.message}" if job.interruption else ""


def _event(event: Mapping[str, Any]) -> str:
    kind = str(event["type"])
    if kind.endswith(_ENTERED):
        return str(event["stateEnteredEventDetails"]["name"])
    details = next((value for name, value in event.items() if name.endswith("EventDetails")), None) or {}
    if _FAILED.search(kind):
        return " ".join(part for part in (kind, str(details.get("error") or ""), _cause(details)) if part)
    return kind if kind.startswith("Execution") else ""


def _cause(details: Mapping[str, Any]) -> str:
    cause = str(details.get("cause") or "")
    with suppress(KeyError, TypeError, ValueError):
        cause = str(json.loads(cause)["errorMessage"])
    return " ".join(cause.split())[:_CAUSE_CHARACTERS]


def _seconds(timestamp: datetime | float) -> float:
    return timestamp.timestamp() if isinstance(timestamp, datetime) else float(timestamp)
