"""Examples, made by the code that makes the real answers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gallop.domain import budget, views
from gallop.domain.doors import Door
from gallop.domain.errors import BudgetExceeded, CallerError, DashScopeRefusal, InvalidRequest, TooManyRequests
from gallop.domain.faults import Fault
from gallop.domain.job import Attempt, AttemptEnd, Job, JobState, Result
from gallop.domain.request.images import LinkedImage
from gallop.domain.request.request import VideoRequest
from gallop.doors.https import errors as dialects

REQUEST = {
    "prompt": "The cat of [Image 1] jumps onto the table.",
    "images": ["https://example.com/cat.jpg"],
    "duration": 5,
    "metadata": {"order": "1138"},
}
FAULTS = (
    Fault(
        "/prompt",
        "refers to [Image 2], but there is only 1 image",
        "Number the images from 1, in the order in which they are sent.",
    ),
)
SHORTFALL = budget.Shortfall(
    budget.Cap(budget.STACK, budget.Period.DAY, Decimal(10)), Decimal("9.8"), Decimal("0.7"), 1_795_392_000.0
)
_CREATED_AT = 1_795_360_755.0
_ID = "job_pllyydunr5cm5plzmmrwbldle4"


def queued() -> dict[str, Any]:
    """Show a job that was just created."""
    return views.job_view(_job(), _CREATED_AT)


def succeeded() -> dict[str, Any]:
    """Show a job that has its video."""
    ended_at = _CREATED_AT + 97
    video = Result(
        bucket="gallop-results-123456789012-eu-central-1",
        key=f"videos/{_ID}/video.mp4",
        version_id="3L4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
        size=4_180_233,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        content_type="video/mp4",
    )
    done = replace(
        _job().at(JobState.SUCCEEDED, ended_at),
        attempt=Attempt("1", _CREATED_AT, AttemptEnd.ACCEPTED, _CREATED_AT),
        running_since=_CREATED_AT + 2,
        ended_at=ended_at,
        cost=Decimal("0.7"),
        result=video,
    )
    return views.job_view(done, ended_at)


def refused(kind: type[CallerError]) -> dict[str, Any]:
    """Show what a refusal looks like."""
    error: CallerError
    if issubclass(kind, InvalidRequest):
        error = kind(FAULTS)
    elif issubclass(kind, TooManyRequests):
        error = kind(retry_after=3)
    elif issubclass(kind, BudgetExceeded):
        error = kind(SHORTFALL, _CREATED_AT)
    elif issubclass(kind, DashScopeRefusal):
        error = kind("InvalidParameter", f"{kind.title}.")
    else:
        error = kind(f"{kind.title}.")
    return dialects.rfc9457(dialects.ErrorAnswer(error, kind.status, kind.title, "request-1"))


def _job() -> Job:
    return Job(
        id=_ID,
        client="me",
        door=Door.HTTPS,
        state=JobState.QUEUED,
        request=VideoRequest(
            prompt=str(REQUEST["prompt"]),
            images=(LinkedImage("https://example.com/cat.jpg"),),
            model="happyhorse-1.0-r2v",
            metadata={"order": "1138"},
        ),
        base_url="",
        key_name="",
        receipts=f"videos/{_ID}",
        estimated_cost=Decimal("0.7"),
        created_at=_CREATED_AT,
        updated_at=_CREATED_AT,
        deadline=_CREATED_AT,
    )
