"""The S3 door: events of the inbox become looks at a drop, and a drop that is quiet and whole becomes a job.

An event says only that something changed. The door then looks at the whole drop, and sends itself a message that
comes back after the quiet time: if the drop still looks the same then, nothing changed meanwhile. No function waits,
nothing polls, and of many events for one drop all but the last find that it has changed since and let it be.
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
    """A batch of messages; what several of them say about one drop is done once."""

    def __init__(self) -> None:
        """Start with nothing done."""
        self._arrived: set[Scope] = set()

    def take(self, body: str) -> None:
        """Take one message: an event of S3, or a look that the door sent to itself.

        What it raises gives the message back to the queue, which brings it again.
        """
        try:
            self._take(json.loads(body))
        except Exception as error:
            log.exception("message could not be taken", error=type(error).__name__)
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
    left = until - clock.now()
    # A drop that was told what it waits for, and has not changed since, need not be told again.
    waits = bool(look.get("told")) and left > 0
    if waits or not all([_try(drop, look["since"], until) for drop in drops.drops_of(scope, listing)]):  # noqa: C419
        _send_look(scope, look["digest"], look["since"], min(left, drop_queue.MAX_DELAY_SECONDS), is_told=True)


def _list(scope: Scope) -> list[Entry]:
    return [entry for prefix in drops.prefixes_of(scope) for entry in buckets.list_directly_under(prefix)]


def _send_look(scope: Scope, digest: str, since: float, seconds: float, *, is_told: bool = False) -> None:
    drop_queue.send_later({"look": {**asdict(scope), "digest": digest, "since": since, "told": is_told}}, seconds)


def _start_if_explicit(drop: Drop) -> bool:
    plan = _plan(drop)
    if plan.at_once and not plan.missing and not plan.faults:
        _start(drop, plan)
        return True
    return False


def _try(drop: Drop, since: float, until: float) -> bool:
    """Start a drop that is whole, and refuse one that is at fault or late; tells whether that is its end."""
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
        return file_fault(entry.name, f"has {error.size} bytes: too large for a text", "Make it shorter.")
    return texts.decode(entry.name, data)


def _start(drop: Drop, plan: Plan) -> None:
    request = _request(drop, plan)
    if isinstance(request, VideoRequest):
        _accept(drop, plan, request)
    else:
        _refuse(drop, request)


def _request(drop: Drop, plan: Plan) -> VideoRequest | tuple[Fault, ...]:
    """Make the request of a drop, or find all that is at fault with what is there; what is missing is no fault."""
    bucket = settings.inbox_bucket()
    within_limit = plan.images[: models.MAX_IMAGES]
    inspected = [_inspect(entry, bucket) for entry in within_limit]
    try:
        # Where no image is there yet, any number may come.
        sent = plan.sent or models.MAX_IMAGES
        request = read_fields(plan.fields, inspected, sent, settings.default_model())
    except InvalidRequest as invalid:
        found = (plans.placed(fault, drop, plan) for fault in invalid.faults)
        return (*plan.faults, *(fault for fault in found if fault))
    return plan.faults if plan.faults or plan.missing else request


def _inspect(entry: Entry, bucket: str) -> Image | Fault:
    found = accept.inspect("", StoredImage(bucket, entry.key))
    return replace(found, file=entry.name) if isinstance(found, Fault) else found


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
        log.info("drop over a cap", drop=drop.path)
        drop_updates.show_receipts(drop.receipts, receipts.over_budget(over, clock.now()), drop.newest)
    if drop.prompt and not drop.is_folder:
        drop_updates.withdraw(drops.receipts_of(drop.prompt.name))


def _refuse(drop: Drop, faults: Sequence[Fault]) -> None:
    log.info("drop refused", drop=drop.path, faults=len(faults))
    drop_updates.show_receipts(drop.receipts, receipts.refused(faults, clock.now()), drop.newest)
