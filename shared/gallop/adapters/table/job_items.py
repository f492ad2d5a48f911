"""A job as a table item: plain maps, and numbers as decimals."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop.domain.budget import Parked, Reservation
from gallop.domain.doors import Door
from gallop.domain.job import Attempt, AttemptEnd, CancelAnswer, Job, JobState, Result, failure_from
from gallop.domain.request.images import image_from, image_record
from gallop.domain.request.request import VideoRequest

if TYPE_CHECKING:
    from collections.abc import Mapping


def job_record(job: Job) -> dict[str, Any]:
    """Convert a job to its item. Every attribute is always present, so that conditions can compare it."""
    return {
        "id": job.id,
        "client": job.client,
        "door": job.door.value,
        "state": job.state.value,
        "request": _request_record(job.request),
        "base_url": job.base_url,
        "key_name": job.key_name,
        "receipts": job.receipts,
        "estimated_cost": job.estimated_cost,
        "created_at": seconds(job.created_at),
        "updated_at": seconds(job.updated_at),
        "deadline": seconds(job.deadline),
        "submits": job.submits,
        "lost": job.lost,
        "polls": job.polls,
        "attempt": _attempt_record(job.attempt),
        "task_id": job.task_id,
        "is_adopted": job.is_adopted,
        "unknown_since": seconds(job.unknown_since),
        "resumes": job.resumes,
        "vendor_request_id": job.vendor_request_id,
        "running_since": seconds(job.running_since),
        "began_at": seconds(job.began_at),
        "ended_at": seconds(job.ended_at),
        "usage": None if job.usage is None else json.dumps(dict(job.usage)),
        "cost": job.cost,
        "result": job.result and file_record(job.result),
        "thumbnail": job.thumbnail and file_record(job.thumbnail),
        "notes": list(job.notes),
        "dropped_at": seconds(job.dropped_at),
        "dropped_again_at": seconds(job.dropped_again_at),
        **_queue_record(job),
        "cancel": job.cancel and cancel_record(job.cancel),
        "failure": job.failure and asdict(job.failure),
    }


def job_from(record: Mapping[str, Any]) -> Job:
    """Read what ``job_record`` wrote."""
    return Job(
        id=record["id"],
        client=record["client"],
        door=Door(record["door"]),
        state=JobState(record["state"]),
        request=_request_from(record["request"]),
        base_url=record["base_url"],
        key_name=record["key_name"],
        receipts=record["receipts"],
        estimated_cost=record["estimated_cost"],
        created_at=float(record["created_at"]),
        updated_at=float(record["updated_at"]),
        deadline=float(record["deadline"]),
        submits=int(record["submits"]),
        lost=int(record["lost"]),
        polls=int(record["polls"]),
        attempt=_attempt_from(record["attempt"]),
        task_id=record["task_id"],
        is_adopted=record["is_adopted"],
        unknown_since=read_seconds(record["unknown_since"]),
        resumes=int(record["resumes"]),
        vendor_request_id=record["vendor_request_id"],
        running_since=read_seconds(record["running_since"]),
        began_at=read_seconds(record["began_at"]),
        ended_at=read_seconds(record["ended_at"]),
        usage=None if record["usage"] is None else json.loads(record["usage"]),
        cost=record["cost"],
        result=_result_from(record["result"]),
        thumbnail=_result_from(record["thumbnail"]),
        notes=tuple(record["notes"]),
        dropped_at=read_seconds(record["dropped_at"]),
        dropped_again_at=read_seconds(record["dropped_again_at"]),
        **_queue_from(record),
        cancel=_cancel_from(record["cancel"]),
        failure=failure_from(record["failure"]) if record["failure"] else None,
    )


def _queue_record(job: Job) -> dict[str, Any]:
    """Return what a job waits for and holds."""
    return {
        "slot_since": seconds(job.slot_since),
        "position": job.position,
        "starts_at": seconds(job.starts_at),
        "reserved": job.reserved and reservation_record(job.reserved),
        "parked": job.parked and parked_record(job.parked),
    }


def _queue_from(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "slot_since": read_seconds(record["slot_since"]),
        "position": None if record["position"] is None else int(record["position"]),
        "starts_at": read_seconds(record["starts_at"]),
        "reserved": _reservation_from(record["reserved"]),
        "parked": _parked_from(record["parked"]),
    }


def file_record(file: Result) -> dict[str, Any]:
    """Convert a file's location to its attribute."""
    return asdict(file)


def cancel_record(cancel: CancelAnswer) -> dict[str, Any]:
    """Convert the outcome of a cancel to its attribute."""
    return {**asdict(cancel), "time": seconds(cancel.time)}


def reservation_record(reservation: Reservation) -> dict[str, Any]:
    """Convert a reservation to its attribute."""
    return {**asdict(reservation), "owners": list(reservation.owners)}


def parked_record(parked: Parked) -> dict[str, Any]:
    """Convert the reason why a job is parked to its attribute."""
    return {**asdict(parked), "until": seconds(parked.until)}


def _reservation_from(record: Mapping[str, Any] | None) -> Reservation | None:
    return None if record is None else Reservation(**{**record, "owners": tuple(record["owners"])})


def _parked_from(record: Mapping[str, Any] | None) -> Parked | None:
    return None if record is None else Parked(**{**record, "until": float(record["until"])})


def _cancel_from(record: Mapping[str, Any] | None) -> CancelAnswer | None:
    return None if record is None else CancelAnswer(**{**record, "time": float(record["time"])})


def _request_record(request: VideoRequest) -> dict[str, Any]:
    return {
        "prompt": request.prompt,
        "images": [image_record(image) for image in request.images],
        "model": request.model,
        "resolution": request.resolution,
        "ratio": request.ratio,
        "duration": request.duration,
        "seed": request.seed,
        "watermark": request.watermark,
        # Text, because the client's own numbers must come back as they were sent.
        "metadata": json.dumps(dict(request.metadata)),
        "webhook": request.webhook,
        "priority": request.priority,
    }


def _request_from(record: Mapping[str, Any]) -> VideoRequest:
    return VideoRequest(
        prompt=record["prompt"],
        images=tuple(image_from(image) for image in record["images"]),
        model=record["model"],
        resolution=record["resolution"],
        ratio=record["ratio"],
        duration=int(record["duration"]),
        seed=None if record["seed"] is None else int(record["seed"]),
        watermark=record["watermark"],
        metadata=json.loads(record["metadata"]),
        webhook=record["webhook"],
        priority=int(record["priority"]),
    )


def _attempt_record(attempt: Attempt | None) -> dict[str, Any] | None:
    if attempt is None:
        return None
    times = {"started_at": seconds(attempt.started_at), "ended_at": seconds(attempt.ended_at)}
    return {"id": attempt.id, "end": attempt.end.value, **times}


def _attempt_from(record: Mapping[str, Any] | None) -> Attempt | None:
    if record is None:
        return None
    return Attempt(
        record["id"], float(record["started_at"]), AttemptEnd(record["end"]), read_seconds(record["ended_at"])
    )


def _result_from(record: Mapping[str, Any] | None) -> Result | None:
    return None if record is None else Result(**{**record, "size": int(record["size"])})


def seconds(value: float | None) -> Decimal | None:
    """Return a time as it is stored: in seconds, to the millisecond; None stays None."""
    return None if value is None else Decimal(f"{value:.3f}")


def read_seconds(value: Decimal | None) -> float | None:
    """Read what ``seconds`` wrote."""
    return None if value is None else float(value)
