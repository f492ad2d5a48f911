"""What the files of a drop ask for: its texts are read, and its images checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import settings
from gallop.adapters.s3 import buckets
from gallop.domain import models
from gallop.domain.drops import plan as plans
from gallop.domain.drops import texts
from gallop.domain.drops.texts import Texts
from gallop.domain.errors import InvalidRequest, NoSuchObject, ObjectTooLarge
from gallop.domain.faults import Fault, file_fault
from gallop.domain.request.images import StoredImage
from gallop.domain.request.request import VideoRequest, read_fields
from gallop.services import accept

if TYPE_CHECKING:
    from gallop.domain.drops.drop import Drop, Entry
    from gallop.domain.drops.plan import Plan
    from gallop.domain.request.images import Image


def plan_of(drop: Drop) -> Plan:
    """Return the plan of a drop, from its texts."""
    return plans.plan(drop, _texts(drop), settings.default_prompt())


def request_of(drop: Drop, plan: Plan) -> VideoRequest | tuple[Fault, ...]:
    """Return the request of a drop, or the faults of the files that it has; a missing file is not a fault."""
    bucket = settings.inbox_bucket()
    within_limit = plan.images[: models.MAX_IMAGES]
    inspected = [_inspect(entry, bucket) for entry in within_limit]
    try:
        # As long as no image has been uploaded, any number may follow.
        sent = plan.sent or models.MAX_IMAGES
        request = read_fields(plan.fields, inspected, sent, settings.default_model())
    except InvalidRequest as invalid:
        found = (plans.placed(fault, drop, plan) for fault in invalid.faults)
        return (*plan.faults, *(fault for fault in found if fault))
    return plan.faults if plan.faults or plan.missing else request


def _texts(drop: Drop) -> Texts:
    prompt, settings_text = _text(drop.prompt), _text(drop.settings)
    faults = [text for text in (prompt, settings_text) if isinstance(text, Fault)]
    fields = None
    if drop.settings and isinstance(settings_text, str):
        fields, more = texts.read_settings(drop.settings.name, settings_text)
        faults += more
    return Texts(prompt if isinstance(prompt, str) else None, fields, tuple(faults))


def _text(entry: Entry | None) -> str | Fault | None:
    if entry is None:
        return None
    try:
        data, _ = buckets.read(entry.key, texts.MAX_BYTES)
    except NoSuchObject:
        return None
    except ObjectTooLarge as error:
        return file_fault(
            entry.name, f"is too large: {error.size:,} bytes; the maximum is {texts.MAX_BYTES:,}", "Shorten it."
        )
    return texts.decode(entry.name, data)


def _inspect(entry: Entry, bucket: str) -> Image | Fault:
    # Its name also goes into the notes of a converted image.
    found = accept.inspect(entry.name, StoredImage(bucket, entry.key))
    return replace(found, pointer="", file=entry.name) if isinstance(found, Fault) else found
