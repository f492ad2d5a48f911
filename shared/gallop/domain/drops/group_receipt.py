"""The receipt of a group: the jobs of one drop, or of one line of a batch, in one ``status.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import groups
from gallop.domain.drops.receipts import cancel_view, note_of, parked_view
from gallop.domain.job import JobState
from gallop.domain.times import timestamp
from gallop.domain.views import error_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.job import Job


def status_receipt(jobs: Sequence[Job], prefix: str) -> dict[str, Any]:
    """Describe the jobs of a group, of which there is at least one; ``prefix`` is that of the group's receipts."""
    group, again = jobs[0].group, [job.dropped_again_at for job in jobs if job.dropped_again_at is not None]
    return {
        "group": group.id if group else None,
        "state": groups.state(jobs).value,
        "n": group.size if group else len(jobs),
        "ready": sum(job.state is JobState.SUCCEEDED for job in jobs),
        "updated_at": timestamp(max(job.updated_at for job in jobs)),
        "created_at": timestamp(jobs[0].created_at),
        "parked": next((view for job in jobs if (view := parked_view(job))), None),
        "estimated_cost": float(sum(job.estimated_cost for job in jobs)),
        "cost": groups.cost(jobs),
        "currency": "USD",
        "dropped_again_at": timestamp(max(again)) if again else None,
        "note": next((note for job in jobs if (note := note_of(job))), None),
        "videos": [_entry(job, prefix) for job in jobs],
    }


def _entry(job: Job, prefix: str) -> dict[str, Any]:
    place = job.group.place if job.group else None
    return {
        "place": place,
        "job": job.id,
        "state": job.state.value,
        "seed": job.request.parameters.get("seed"),
        "receipts": f"{prefix}/{place}",
        "video": job.result.key if job.result and job.state is JobState.SUCCEEDED else None,
        "cost": None if job.cost is None else float(job.cost),
        "cancel": job.cancel and cancel_view(job.cancel),
        "error": error_view(job),
    }
