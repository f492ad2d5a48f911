"""The S3 door: events of the inbox trigger checks of a drop, and a drop that is quiet and complete becomes a job.

An event says only that something changed. The door then lists the whole drop, and sends itself a message that is
delivered after the quiet time: if the drop is still the same then, nothing changed meanwhile. No function waits and
nothing polls. Of many messages about one drop, all but the last find that it has changed, and do nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from gallop import clock, log, settings
from gallop.adapters import drop_queue
from gallop.adapters.s3 import buckets
from gallop.domain import models
from gallop.domain.clients import keys
from gallop.domain.doors import Door
from gallop.domain.drops import drop as drops
from gallop.domain.drops import events, receipts, texts
from gallop.domain.drops import plan as plans
from gallop.domain.drops.drop import Drop, Folder, Lone, Scope
from gallop.domain.drops.texts import Texts
from gallop.domain.errors import BudgetExceeded, InvalidRequest, NoSuchObject, ObjectTooLarge
from gallop.domain.faults import Fault, file_fault
from gallop.domain.job import job_id_of
from gallop.domain.request.images import StoredImage, identity_of
from gallop.domain.request.request import VideoRequest, read_fields
from gallop.doors.s3 import batches
from gallop.services import accept, drop_updates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.drops.drop import Entry
    from gallop.domain.drops.plan import Plan
    from gallop.domain.request.images import Image


class Batch:
    """A batch of messages; each drop that they are about is checked once."""

    def __init__(self) -> None:
        """Start with no drop checked."""
        self._arrived: set[Scope] = set()

    def take(self, body: str) -> None:
        """Process one message: an event of S3, or a check that the door sent to itself.

        An exception returns the message to the queue, which delivers it again.
        """
        try:
            self._take(json.loads(body))
        except Exception as error:
            log.exception("message processing failed", error=type(error).__name__)
            raise

    def _take(self, message: Mapping[str, Any]) -> None:
        if "look" in message:
            _look_again(message["look"])
            return
        if "batch" in message:
            batches.look_again(message["batch"])
            return
        for key in events.keys_in(message):
            if drops.is_batch(key):
                batches.arrive(key)
            scope = drops.scope_of(key)
            if scope and scope not in self._arrived:
                _arrive(scope)
                self._arrived.add(scope)


def _arrive(scope: Scope) -> None:
    listing = _list(scope)
    found = drops.drops_of(scope, listing)
    at_once = [drop for drop in found if _cancel(drop) or (drop.settings and _start_if_explicit(drop))]
    if found and len(at_once) < len(found):
        _send_look(scope, drops.digest_of(scope, listing), clock.now(), settings.quiet_seconds())


def _look_again(look: Mapping[str, Any]) -> None:
    scope: Scope = Folder(look["path"]) if "path" in look else Lone(look["stem"])
    listing = _list(scope)
    if drops.digest_of(scope, listing) != look["digest"]:
        if not drops.has_new_upload(scope, listing, look["since"]):
            _arrive(scope)
        return
    until = look["since"] + settings.incomplete_seconds()
    remaining = until - clock.now()
    # The receipt of a drop that has not changed since already says what is missing.
    is_waiting = bool(look.get("is_shown")) and remaining > 0
    if is_waiting or not all([_try(drop, look["since"], until) for drop in drops.drops_of(scope, listing)]):  # noqa: C419
        _send_look(scope, look["digest"], look["since"], min(remaining, drop_queue.MAX_DELAY_SECONDS), is_shown=True)


def _list(scope: Scope) -> list[Entry]:
    return [entry for prefix in drops.prefixes_of(scope) for entry in buckets.list_directly_under(prefix)]


def _send_look(scope: Scope, digest: str, since: float, seconds: float, *, is_shown: bool = False) -> None:
    drop_queue.send_later({"look": {**asdict(scope), "digest": digest, "since": since, "is_shown": is_shown}}, seconds)


def _start_if_explicit(drop: Drop) -> bool:
    plan = _plan(drop)
    if plan.at_once and not plan.missing and not plan.faults:
        _start(drop, plan)
        return True
    return False


def _try(drop: Drop, since: float, until: float) -> bool:
    """Start a complete drop, or refuse an invalid or late one; return whether no further check is needed."""
    if _cancel(drop):
        return True
    plan = _plan(drop)
    request = _request(drop, plan)
    if isinstance(request, VideoRequest):
        _accept(drop, plan, request)
    elif request or clock.now() >= until:
        _refuse(drop, (*plan.missing, *request))
    else:
        log.info("drop incomplete", drop=drop.path, missing=len(plan.missing))
        drop_updates.show_receipts(drop.receipts, receipts.incomplete(plan.missing, since, until), drop.newest)
        return False
    return True


def _plan(drop: Drop) -> Plan:
    return plans.plan(drop, _texts(drop), settings.default_prompt())


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


def _start(drop: Drop, plan: Plan) -> None:
    request = _request(drop, plan)
    if isinstance(request, VideoRequest):
        _accept(drop, plan, request)
    else:
        _refuse(drop, request)


def _request(drop: Drop, plan: Plan) -> VideoRequest | tuple[Fault, ...]:
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


def _inspect(entry: Entry, bucket: str) -> Image | Fault:
    # Its name also goes into the notes of a converted image.
    found = accept.inspect(entry.name, StoredImage(bucket, entry.key))
    return replace(found, pointer="", file=entry.name) if isinstance(found, Fault) else found


def _cancel(drop: Drop) -> bool:
    if drop.cancel:
        drop_updates.cancel(drop.receipts, drop.cancel.time)
    return drop.cancel is not None


def _accept(drop: Drop, plan: Plan, request: VideoRequest) -> None:
    identity = [plan.identity, *(identity_of(image) for image in request.images)]
    job_id = job_id_of(keys.S3_DOOR, drop.path, *identity)
    used = (drop.prompt, drop.settings, *plan.images)
    new_job = accept.NewJob(job_id, request, keys.S3_DOOR, Door.S3, drop.receipts)
    try:
        drop_updates.start(new_job, max(entry.time for entry in used if entry))
    except BudgetExceeded as over:
        log.info("drop exceeds a cap", drop=drop.path)
        drop_updates.show_receipts(drop.receipts, receipts.over_budget(over, clock.now()), drop.newest)
    if drop.prompt and not drop.is_folder:
        drop_updates.withdraw(drops.receipts_of(drop.prompt.name))


def _refuse(drop: Drop, faults: Sequence[Fault]) -> None:
    log.info("drop refused", drop=drop.path, faults=len(faults))
    drop_updates.show_receipts(drop.receipts, receipts.refused(faults, clock.now()), drop.newest)
