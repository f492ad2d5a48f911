"""``gallop trace``: one timeline of a job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gallop.cli import show
from gallop.cli.jobs import JobArgument, job_of
from gallop.cli.target import StackOption, opened
from gallop.services.trace import timeline_of

if TYPE_CHECKING:
    from gallop.domain.timeline import Moment

# Requests at the HTTPS door, not jobs.
_WITHOUT_JOBS = {"AccessLogs", "AuthorizeLogs", "DescribeLogs"}


def trace(job_id: JobArgument, json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Show one timeline of a job from its record, its executions, the logs and DashScope."""
    with opened(stack) as target:
        job = job_of(target, job_id)
        target.use_settings_of("ReconcileFunction")
        groups = {
            name: group
            for name, group in target.resources.items()
            if name.endswith("Logs") and name not in _WITHOUT_JOBS
        }
        moments = timeline_of(job, groups)
        task = target.run("ReconcileFunction", {"action": "task", "job_id": job.id})
    if json:
        show.as_json({"id": job.id, "timeline": [_view(moment) for moment in moments], "task": task})
        return
    show.as_lines((f"{_clock(moment)}  {moment.source}", moment.what) for moment in moments)
    facts = " ".join(f"{name}={value}" for name, value in task.items() if value not in (None, {}))
    show.remark(f"DashScope now: {facts}")


def _view(moment: Moment) -> dict[str, Any]:
    at = datetime.fromtimestamp(moment.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"at": at, "source": moment.source, "what": moment.what}


def _clock(moment: Moment) -> str:
    return f"{datetime.fromtimestamp(moment.at, UTC):%m-%d %H:%M:%S.%f}"[:-3]
