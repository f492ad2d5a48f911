"""``gallop trace``: one timeline of a job, or the log lines of a request."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop.cli import moments as times
from gallop.cli import show
from gallop.cli.jobs import job_of
from gallop.cli.target import StackOption, opened
from gallop.services.trace import lines_of_request, timeline_of

if TYPE_CHECKING:
    from gallop.cli.target import Target
    from gallop.domain.timeline import Moment

# API Gateway's are base64; the testbed's are UUIDs.
_REQUEST_ID = re.compile(r"[0-9A-Za-z+/_-]{10,64}={0,2}")

IdArgument = Annotated[
    str, typer.Argument(help="A job's ID, job_..., or the x-request-id of an answer.", metavar="ID", show_default=False)
]
SinceOption = Annotated[
    str, typer.Option(help="Search the logs for a request since then: 2h, 30d, 2026-11-27T12:00Z.", metavar="7d")
]


def trace(name: IdArgument, since: SinceOption = "7d", json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Show one timeline of a job from its record, its executions, the logs and DashScope; or a request's log lines."""
    with opened(stack) as target:
        groups = {resource: group for resource, group in target.resources.items() if resource.endswith("Logs")}
        if name.startswith("job_") or not _REQUEST_ID.fullmatch(name):
            _trace_job(target, name, groups, json=json)
        else:
            _trace_request(target, name, groups, since, json=json)


def _trace_job(target: Target, name: str, groups: dict[str, str], *, json: bool) -> None:
    job = job_of(target, name)
    target.use_settings_of("ReconcileFunction")
    moments = timeline_of(job, groups)
    task = target.run("ReconcileFunction", {"action": "task", "job_id": job.id})
    if json:
        show.as_json({"id": job.id, "timeline": [_view(moment) for moment in moments], "task": task})
        return
    _show(moments)
    facts = " ".join(f"{name}={value}" for name, value in task.items() if value not in (None, {}))
    show.remark(f"DashScope now: {facts}")


def _trace_request(target: Target, name: str, groups: dict[str, str], since: str, *, json: bool) -> None:
    began_at = times.parse("--since", since, target.now())
    moments, job_ids = lines_of_request(name, groups, began_at or 0.0)
    if not moments:
        show.fail(f"No log line since {since} has the request ID {name}. Look further back with --since.")
    if json:
        show.as_json({"request_id": name, "timeline": [_view(moment) for moment in moments], "jobs": job_ids})
        return
    _show(moments)
    for job_id in job_ids:
        show.remark(f"Run `gallop trace {job_id}` for the whole job.")


def _show(moments: list[Moment]) -> None:
    show.as_lines((f"{_clock(moment)}  {moment.source}", moment.what) for moment in moments)


def _view(moment: Moment) -> dict[str, Any]:
    at = datetime.fromtimestamp(moment.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"at": at, "source": moment.source, "what": moment.what}


def _clock(moment: Moment) -> str:
    return f"{datetime.fromtimestamp(moment.at, UTC):%m-%d %H:%M:%S.%f}"[:-3]
