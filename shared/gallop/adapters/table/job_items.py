"""A job as a table item."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop.adapters.table import codec
from gallop.adapters.table.codec import JSON, Codec, enum
from gallop.domain import models
from gallop.domain.budget import Parked, Reservation
from gallop.domain.doors import Door
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import (
    Attempt,
    AttemptEnd,
    CancelAnswer,
    Failure,
    GroupPlace,
    Interruption,
    Job,
    JobState,
    Result,
)
from gallop.domain.marks import Marks
from gallop.domain.placement import placement_from
from gallop.domain.request.clips import ClipFacts, LinkedClip, StoredClip
from gallop.domain.request.estimate import Estimate
from gallop.domain.request.images import LinkedImage, Original, StoredImage, image_record
from gallop.domain.request.media import IMAGES, Medium
from gallop.domain.request.request import VideoRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.fields import Scalar
    from gallop.domain.request.media import Source

FORMAT = 1
"""Counts the changes of an item that the version before cannot read; new attributes are none."""

_FACTS = {"ClipFacts": codec.of(ClipFacts)}
_STORED_IMAGE = codec.of(StoredImage, {"Original": codec.of(Original)})
_LINKED_CLIP, _STORED_CLIP = codec.of(LinkedClip, _FACTS), codec.of(StoredClip, _FACTS)
_FAILURE = codec.of(Failure, {"FailureCode": enum(FailureCode)})
FILE = codec.of(Result)
CANCEL = codec.of(CancelAnswer)
RESERVATION = codec.of(Reservation)


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


def _write_request(request: VideoRequest) -> dict[str, Any]:
    """Convert a request to one flat map: its media by their fields, and its parameters by their names."""
    media: dict[str, list[dict[str, Any]]] = {IMAGES: []}
    for medium in request.media:
        media.setdefault(medium.field, []).append(_write_source(medium.source))
    gallops = {"metadata": JSON.write(request.metadata), "webhook": request.webhook, "priority": request.priority}
    placed = {"placement": request.placement.text} if request.placement else {}
    return {"prompt": request.prompt, "model": request.model, **media, **request.parameters, **gallops, **placed}


def _read_request(stored: Mapping[str, Any]) -> VideoRequest:
    model = models.MODELS.get(stored["model"])
    # Of a model of another version, everything that the models of this version have as well.
    known = model.parameters if model else [variants[0] for variants in models.parameters().values()]
    defaults = {one.name: one.default for one in known if model or one.name in stored}
    request = VideoRequest(
        prompt=stored["prompt"],
        model=stored["model"],
        media=tuple(_read_media(stored)),
        parameters={name: _scalar(stored.get(name, default)) for name, default in defaults.items()},
    )
    if "metadata" in stored:
        request = replace(request, metadata=JSON.read(stored["metadata"]))
    placement = placement_from(stored.get("placement", ""))
    webhook, priority = stored.get("webhook", ""), int(stored.get("priority", 0))
    return replace(request, webhook=webhook, priority=priority, placement=placement)


def _read_media(stored: Mapping[str, Any]) -> Iterator[Medium]:
    model = models.MODELS.get(stored["model"])
    for field in model.media if model else models.media_fields().values():
        for source in stored.get(field.name, ()):
            yield Medium(field.name, _read_source(source, is_image=field.is_image))


def _write_source(source: Source) -> dict[str, Any]:
    match source:
        case LinkedClip():
            return dict(_LINKED_CLIP.write(source))
        case StoredClip():
            return dict(_STORED_CLIP.write(source))
        case _:
            return image_record(source)


def _read_source(stored: Mapping[str, Any], *, is_image: bool) -> Source:
    if "url" in stored:
        return LinkedImage(stored["url"]) if is_image else _LINKED_CLIP.read(stored)
    source: Source = (_STORED_IMAGE if is_image else _STORED_CLIP).read(stored)
    return source


def _scalar(stored: Scalar | Decimal) -> Scalar:
    return int(stored) if isinstance(stored, Decimal) else stored


_JOB = codec.of(
    Job,
    {
        "Door": enum(Door),
        "JobState": enum(JobState),
        "VideoRequest": Codec(_write_request, _read_request),
        "Attempt": codec.of(Attempt, {"AttemptEnd": enum(AttemptEnd)}),
        "Result": FILE,
        "Reservation": RESERVATION,
        "Parked": codec.of(Parked),
        "CancelAnswer": CANCEL,
        "Failure": _FAILURE,
        "Interruption": codec.of(Interruption, {"Failure": _FAILURE}),
        "Estimate": codec.of(Estimate),
        "GroupPlace": codec.of(GroupPlace),
        "Marks": codec.of(Marks),
    },
)
