"""A job as a table item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.adapters.table.codec import INTEGER, JSON, PLAIN, SECONDS, Codec, enum, many, record
from gallop.domain.budget import Parked, Reservation
from gallop.domain.doors import Door
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Attempt, AttemptEnd, CancelAnswer, Failure, Interruption, Job, JobState, Result
from gallop.domain.request.images import LinkedImage, Original, StoredImage, image_record
from gallop.domain.request.request import VideoRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
"""Counts the changes of an item that the version before cannot read; new attributes are none."""

_LOCATION = {"sha256": PLAIN, "bucket": PLAIN, "key": PLAIN, "version_id": PLAIN}
_STORED_IMAGE = record(StoredImage, {**_LOCATION, "original": record(Original, _LOCATION)})
_IMAGE = Codec(
    image_record, lambda stored: LinkedImage(stored["url"]) if "url" in stored else _STORED_IMAGE.read(stored)
)
_REQUEST = record(
    VideoRequest,
    {
        "prompt": PLAIN,
        "images": many(_IMAGE),
        "model": PLAIN,
        "resolution": PLAIN,
        "ratio": PLAIN,
        "duration": INTEGER,
        "seed": INTEGER,
        "watermark": PLAIN,
        "metadata": JSON,
        "webhook": PLAIN,
        "priority": INTEGER,
    },
)
_ATTEMPT = record(Attempt, {"id": PLAIN, "started_at": SECONDS, "end": enum(AttemptEnd), "ended_at": SECONDS})
_FAILURE = record(Failure, {"code": enum(FailureCode), "message": PLAIN, "vendor_code": PLAIN, "vendor_message": PLAIN})
_INTERRUPTION = record(Interruption, {"failure": _FAILURE, "resume_at": SECONDS})
FILE = record(
    Result,
    {"bucket": PLAIN, "key": PLAIN, "version_id": PLAIN, "size": INTEGER, "sha256": PLAIN, "content_type": PLAIN},
)
CANCEL = record(CancelAnswer, {"answer": PLAIN, "message": PLAIN, "time": SECONDS})
RESERVATION = record(Reservation, {"day": PLAIN, "amount": PLAIN, "owners": many(PLAIN), "charged": PLAIN})
_PARKED = record(Parked, {"reason": PLAIN, "until": SECONDS})
_JOB = record(
    Job,
    {
        "id": PLAIN,
        "client": PLAIN,
        "door": enum(Door),
        "state": enum(JobState),
        "request": _REQUEST,
        "base_url": PLAIN,
        "key_name": PLAIN,
        "receipts": PLAIN,
        "estimated_cost": PLAIN,
        "created_at": SECONDS,
        "updated_at": SECONDS,
        "deadline": SECONDS,
        "submits": INTEGER,
        "lost": INTEGER,
        "polls": INTEGER,
        "attempt": _ATTEMPT,
        "task_id": PLAIN,
        "is_adopted": PLAIN,
        "unknown_since": SECONDS,
        "resumes": INTEGER,
        "vendor_request_id": PLAIN,
        "running_since": SECONDS,
        "began_at": SECONDS,
        "ended_at": SECONDS,
        "usage": JSON,
        "cost": PLAIN,
        "result": FILE,
        "thumbnail": FILE,
        "notes": many(PLAIN),
        "dropped_at": SECONDS,
        "dropped_again_at": SECONDS,
        "slot_since": SECONDS,
        "position": INTEGER,
        "starts_at": SECONDS,
        "reserved": RESERVATION,
        "parked": _PARKED,
        "content_name": PLAIN,
        "cancel": CANCEL,
        "failure": _FAILURE,
        "interruption": _INTERRUPTION,
    },
)


def job_record(job: Job) -> dict[str, Any]:
    """Convert a job to its item. Every attribute is always present, so that conditions can compare it."""
    return {**_JOB.write(job), "format": FORMAT}


def job_from(item: Mapping[str, Any]) -> Job:
    """Read an item that this version, an earlier or a later one wrote.

    Raises:
        KeyError, TypeError, ValueError: the item is not one of a job, or is of a format that nobody here knows.

    """
    job: Job = _JOB.read(item)
    return job
