"""Requests and jobs to start a test from."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gallop.domain import models
from gallop.domain.doors import Door
from gallop.domain.job import Attempt, AttemptEnd, Job, JobState, new_job_id
from gallop.domain.request.images import LinkedImage
from gallop.domain.request.media import IMAGES, Medium
from gallop.domain.request.request import VideoRequest

from tests.template import stack

BASE_URL, MODEL = stack.parameter("DashScopeBaseUrl"), "happyhorse-1.0-r2v"
PICTURE_URL = "https://example.com/girl.jpg"
START = 1_780_000_000.0
DEADLINE_SECONDS = 60 * int(stack.parameter("DeadlineMinutes"))


def a_request(**fields: Any) -> VideoRequest:  # noqa: ANN401 - any field of a request
    """Return a minimal request, except for ``fields``."""
    model = models.MODELS[fields.get("model", MODEL)]
    parameters = {one.name: fields.pop(one.name, one.default) for one in model.parameters}
    images = fields.pop("images", (LinkedImage(PICTURE_URL),))
    plain = VideoRequest(
        prompt="The woman of [Image 1] smiles.",
        media=tuple(Medium(IMAGES, image) for image in images),
        model=model.id,
        parameters=parameters,
    )
    return replace(plain, **fields)


def a_job(state: JobState = JobState.QUEUED, now: float = START, **fields: Any) -> Job:  # noqa: ANN401 - of a job
    """Return a job that has just entered ``state``, except for ``fields``."""
    job_id = fields.pop("id", None) or new_job_id(fields.get("created_at", now))
    queued = Job(
        id=job_id,
        client="ada",
        door=Door.HTTPS,
        state=state,
        request=a_request(),
        base_url=BASE_URL,
        key_name="the secret",
        receipts=f"videos/{job_id}",
        estimated_cost=Decimal("0.7"),
        created_at=now,
        updated_at=now,
        deadline=now + DEADLINE_SECONDS,
    )
    return replace(queued, **{**_history(state, now), **fields})


def _history(state: JobState, now: float) -> dict[str, Any]:
    if state is JobState.QUEUED:
        return {}
    if state is JobState.SUBMITTING:
        return {"submits": 1, "attempt": Attempt("attempt-1", now)}
    if state is JobState.OUTCOME_UNKNOWN:
        return {"submits": 1, "attempt": Attempt("attempt-1", now, AttemptEnd.UNKNOWN, now)}
    return {
        "submits": 1,
        "attempt": Attempt("attempt-1", now, AttemptEnd.ACCEPTED, now),
        "task_id": "task-1",
        "running_since": now,
    }
