"""What the files of a drop ask for: its texts are read, and its images checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import settings
from gallop.adapters.s3 import buckets
from gallop.adapters.table import webhook_endpoints
from gallop.domain import models
from gallop.domain.clients import keys
from gallop.domain.drops import plan as plans
from gallop.domain.drops import texts
from gallop.domain.errors import InvalidRequest, NoSuchObject, ObjectTooLarge
from gallop.domain.faults import Fault
from gallop.domain.models import Kind
from gallop.domain.request.clips import StoredClip
from gallop.domain.request.images import StoredImage
from gallop.domain.request.reader import Reader
from gallop.domain.request.references import Sent
from gallop.domain.request.request import RequestDefaults, VideoRequest
from gallop.services import inspect_media

if TYPE_CHECKING:
    from gallop.domain.drops.drop import Drop, Entry
    from gallop.domain.drops.plan import File, Plan
    from gallop.domain.request.media import Inspected, Source

# Stands for a file that may still be uploaded: the plan reports it.
_ABSENT = Fault("", "is not there", "")


def plan_of(drop: Drop) -> Plan:
    """Return the plan of a drop, from its texts."""
    return plans.plan(drop, texts.texts_of(drop, _text), settings.default_prompt(), Kind(settings.lone_image()))


def request_of(drop: Drop, plan: Plan) -> VideoRequest | tuple[Fault, ...]:
    """Return the request of a drop, or the faults of the files that it has; a missing file is not a fault."""
    origins = webhook_endpoints.origins(keys.S3_DOOR) if "webhook" in plan.fields else ()
    version, bucket = settings.model_version(), settings.inbox_bucket()
    defaults = RequestDefaults(version, bucket, webhook_origins=origins, watermark=settings.watermark(), takes_n=True)
    reader = Reader(plan.fields, defaults, _inspect, awaits_files=plan.awaits_files)
    try:
        request = reader.request([_sent(file, defaults.inbox_bucket) for file in plan.files])
    except InvalidRequest as invalid:
        found = (plans.placed(fault, drop, plan) for fault in invalid.faults if fault is not _ABSENT)
        return (*plan.faults, *(fault for fault in found if fault))
    return plan.faults if plan.faults or plan.missing else request


def _text(entry: Entry) -> str | Fault | None:
    try:
        data, _ = buckets.read(entry.key, texts.MAX_BYTES)
    except NoSuchObject:
        return None
    except ObjectTooLarge as error:
        return texts.too_large(entry.name, error.size)
    return texts.decode(entry.name, data)


def _sent(file: File, bucket: str) -> Sent:
    """Return a file of a drop as the reader takes it; its name also goes into the notes of a converted image."""
    if file.entry is None:
        return Sent(file.field, file.name, _ABSENT, field=file.field)
    medium = models.media_fields()[file.field]
    kind = StoredImage if medium.is_image else StoredClip
    return Sent(file.field, file.entry.name, kind(bucket, file.entry.key), field=file.field)


def _inspect(where: str, source: Source, rules: models.Rules) -> Inspected:
    found = inspect_media.inspect(where, source, rules)
    if isinstance(found, list):
        return [replace(fault, pointer="", file=where) for fault in found]
    return found
