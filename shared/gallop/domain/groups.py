"""Groups: the jobs of one request for several videos, each with a seed of its own.

The ids of a group's jobs follow from its own: all have the same characters except for the last, which is the place. So
a group needs no record, and its jobs are neighbours in the order of jobs.
"""

from __future__ import annotations

import re
from dataclasses import replace
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.doors import Door
from gallop.domain.failures import charge_of
from gallop.domain.fields import Whole
from gallop.domain.job import GroupPlace, JobState, is_terminal, new_job_id, openai_status
from gallop.domain.request.own_fields import MAX_N

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.job import Job
    from gallop.domain.request.request import VideoRequest

# The last character of an id has three bits; these are its values in their order, which is that of texts up to the 4th.
_LAST = "aeimq"
_ID = re.compile(r"grp_[a-z2-7]{25}a")


def is_group_id(text: str) -> bool:
    """Return whether a text has the format of a group's id."""
    return _ID.fullmatch(text) is not None


def new_group_id(now: float) -> str:
    """Create a unique id of a group, of the millisecond ``now`` (an epoch time in seconds) and random bits."""
    return f"grp_{new_job_id(now).removeprefix('job_')[:-1]}{_LAST[0]}"


def job_id(group_id: str, place: int) -> str:
    """Return the id of a group's job; its place is from 1."""
    return f"job_{group_id.removeprefix('grp_')[:-1]}{_LAST[place]}"


def job_ids(group_id: str, size: int = MAX_N) -> list[str]:
    """Return the ids of the jobs of a group of a size, or of all that it may have."""
    return [job_id(group_id, place) for place in range(1, size + 1)]


def group_of(job_id: str) -> str:
    """Return the id of the group that a job with this id is in, if it is in one."""
    return f"grp_{job_id.removeprefix('job_')[:-1]}{_LAST[0]}"


def places(group_id: str, size: int) -> tuple[GroupPlace, ...]:
    """Return the places of a group."""
    return tuple(GroupPlace(group_id, place, size) for place in range(1, size + 1))


def in_drop(job: Job) -> GroupPlace | None:
    """Return the place of a job among those of one drop; None if it is the only one, or of the HTTPS door."""
    return job.group if job.door is Door.S3 else None


def owner_of(job: Job) -> str:
    """Return the id by which a drop knows a job: that of its group, if it has one."""
    place = in_drop(job)
    return place.id if place else job.id


def drop_of(job: Job) -> str:
    """Return the prefix of the receipts of a job's drop, below which those of a group are by their places."""
    return job.receipts.rpartition("/")[0] if in_drop(job) else job.receipts


def place_view(job: Job) -> dict[str, Any]:
    """Return what a view of a job says about its group; nothing if it has none."""
    group = job.group
    return {"group": {"id": group.id, "place": group.place, "size": group.size}} if group else {}


def first_id(job: Job) -> str:
    """Return the id of the first job of the same request, which names its create."""
    return job_id(job.group.id, 1) if job.group else job.id


def split(request: VideoRequest) -> tuple[VideoRequest, ...]:
    """Return a request for each video of a request; seeds that were not sent are drawn, all different."""
    return tuple(
        replace(request, n=1, parameters={**request.parameters, **seed}) for seed in _seeds(request, request.n)
    )


def _seeds(request: VideoRequest, count: int) -> list[dict[str, int]]:
    """Return the seed of each video: that of the request and those after it, from the first after the last."""
    field = models.MODELS[request.model].parameter("seed")
    if not isinstance(field, Whole):
        return [{}] * count
    given, numbers = request.parameters.get("seed"), field.within
    if isinstance(given, int) and given in numbers:
        first = numbers.index(given)
        return [{"seed": numbers[(first + place) % len(numbers)]} for place in range(count)]
    return [{"seed": seed} for seed in SystemRandom().sample(numbers, count)]


def have_ended(jobs: Sequence[Job]) -> bool:
    """Return whether all jobs have ended."""
    return all(is_terminal(job.state) for job in jobs)


def ended_at(jobs: Sequence[Job]) -> float:
    """Return when the last of jobs that have ended did, in seconds since the epoch."""
    return max(job.ended_at or job.updated_at for job in jobs)


def state(jobs: Sequence[Job]) -> JobState:
    """Return the state of a group: it runs until all jobs have ended, and has succeeded if there is a video."""
    states = {job.state for job in jobs}
    if len(states) == 1 and (JobState.QUEUED in states or have_ended(jobs)):
        return states.pop()
    if not have_ended(jobs):
        return JobState.RUNNING
    return JobState.SUCCEEDED if JobState.SUCCEEDED in states else JobState.FAILED


def status(jobs: Sequence[Job]) -> str:
    """Return the status of a group, in OpenAI's words: it has failed if it has ended without a video."""
    return openai_status(state(jobs))


def cost(jobs: Sequence[Job]) -> float | None:
    """Return what jobs that have ended cost together, in USD; None if that is not known of each."""
    charges = [charge_of(job) for job in jobs] if have_ended(jobs) else [None]
    known = [charge for charge in charges if charge is not None]
    return float(sum(known)) if len(known) == len(charges) else None


def view(jobs: Sequence[Job], shown: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a group as its client sees it; ``shown`` are the views of its ``jobs``."""
    group = jobs[0].group
    return {
        "id": group.id if group else None,
        "object": "video.group",
        "status": status(jobs),
        "n": group.size if group else len(jobs),
        "created_at": int(jobs[0].created_at),
        "estimated_cost": float(sum(job.estimated_cost for job in jobs)),
        "cost": cost(jobs),
        "currency": "USD",
        "data": list(shown),
    }
