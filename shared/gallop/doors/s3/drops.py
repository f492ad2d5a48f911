"""The S3 door: events of the inbox trigger checks of a drop, and a drop that is quiet and complete becomes a job.

An event says only that something changed. The door then lists the whole drop, and sends itself a message that is
delivered after the quiet time: if the drop is still the same then, nothing changed meanwhile. No function waits and
nothing polls. Of many messages about one drop, all but the last find that it has changed, and do nothing.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gallop import clock, log, metrics, settings
from gallop.adapters import drop_queue
from gallop.adapters.s3 import buckets, unfinished_uploads
from gallop.adapters.table import drops as drop_table
from gallop.domain import names
from gallop.domain.clients import keys
from gallop.domain.doors import Door
from gallop.domain.drops import drop as drops
from gallop.domain.drops import events, quiet, receipts
from gallop.domain.drops import plan as plans
from gallop.domain.errors import AwsTrouble, BudgetExceeded, PlacementRefused
from gallop.domain.faults import Fault, file_fault
from gallop.domain.frozen import frozen
from gallop.domain.job import job_id_of
from gallop.domain.metrics import Metric
from gallop.domain.request.media import IMAGES, Medium, identity_of
from gallop.domain.request.request import VideoRequest
from gallop.doors.s3 import batches, contents
from gallop.services import accept, drop_updates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.drops.drop import Drop, Entry, Scope
    from gallop.domain.drops.plan import Plan


@frozen
class Message:
    """A message of the queue: an event of S3, or a check that the door sent to itself.

    ``received`` is how often it was received, and ``handle`` names this time.
    """

    body: str
    id: str
    handle: str
    received: int


class Batch:
    """A batch of messages; each drop that they are about is checked once."""

    def __init__(self) -> None:
        """Start with no drop checked."""
        self._arrived: set[Scope] = set()

    def take(self, message: Message) -> None:
        """Process one message. An exception returns it to the queue, which delivers it again soon."""
        with log.having(message_id=message.id):
            try:
                self._take(json.loads(message.body), message.id)
            except Exception as error:
                log.exception("message processing failed", error=type(error).__name__)
                metrics.count(Metric.MESSAGES_FAILED)
                with suppress(AwsTrouble):
                    drop_queue.retry(message.handle, message.received)
                raise

    def _take(self, message: Mapping[str, Any], message_id: str) -> None:
        if "look" in message:
            _look_again(message["look"], message_id)
            return
        if "batch" in message:
            batches.look_again(message["batch"])
            return
        for key in events.keys_in(message):
            path = drops.path_of(key)
            if path is None:
                continue
            if fault := names.fault_of(path):
                _refuse(drops.receipts_of(path), [fault], clock.now())
            elif drops.is_batch(key):
                batches.arrive(key)
            else:
                if drops.is_cancel(key.rpartition("/")[2]):
                    batches.cancel(key)
                self._arrive(drops.scope_of(key), message_id)

    def _arrive(self, scope: Scope | None, message_id: str) -> None:
        if scope and scope not in self._arrived:
            _arrive(scope, message_id)
            self._arrived.add(scope)


def _arrive(scope: Scope, message_id: str) -> None:
    listing = buckets.list_scope(scope)
    found, digest = _found(scope, listing), drops.digest_of(scope, listing)
    if not found or not drop_table.claim(drops.prefixes_of(scope)[0], digest, message_id, clock.now()):
        return
    at_once = [drop for drop in found if _cancel(drop) or (drop.settings and _start_if_explicit(drop))]
    if len(at_once) < len(found):
        _send_look(scope, digest, clock.now(), _quiet_seconds(scope, listing, found))


def _found(scope: Scope, listing: list[Entry]) -> list[Drop]:
    """Return the drops of a scope; one whose receipts would be among those of a group is refused."""
    found = drops.drops_of(scope, listing)
    refused = [drop for drop in found if drop_updates.is_place_of_group(drop.receipts)]
    for drop in refused:
        folder, _, name = drop.path.rpartition("/")
        problem = f"has the name of a place for the results of {drops.PREFIX}{folder}/, which makes several videos"
        fault = file_fault(names.shown(drop.path), problem, f"Rename the folder {name}, and upload it again.")
        _refuse(f"{drop.receipts}~", [fault], drop.newest)
    return [drop for drop in found if drop not in refused]


def _quiet_seconds(scope: Scope, listing: Sequence[Entry], found: Sequence[Drop]) -> float:
    refused = (current for current in (drop_table.get(drop.receipts) for drop in found) if current.is_refused)
    answered_at = max((current.uploaded_at for current in refused), default=0.0)
    uploaded = (entry.time for entry in listing if drops.scope_of(entry.key) == scope)
    return quiet.seconds(settings.quiet_seconds(), uploaded, answered_at)


def _look_again(look: Mapping[str, Any], message_id: str) -> None:
    scope = drops.scope_in(look)
    listing = buckets.list_scope(scope)
    if drops.digest_of(scope, listing) != look["digest"]:
        if not drops.has_new_upload(scope, listing, look["since"]):
            _arrive(scope, message_id)
        return
    until = look["since"] + settings.incomplete_seconds()
    remaining, found = until - clock.now(), _found(scope, listing)
    # The receipt of a drop that has not changed since already says what is missing.
    is_waiting = bool(look.get("is_shown")) and remaining > 0
    if not is_waiting and _is_uploading(scope, listing, found, look["since"]):
        _send_look(scope, look["digest"], look["since"], settings.quiet_seconds())
    elif is_waiting or not all([_try(drop, look["since"], until) for drop in found]):  # noqa: C419
        _send_look(scope, look["digest"], look["since"], min(remaining, drop_queue.MAX_DELAY_SECONDS), is_shown=True)


def _is_uploading(scope: Scope, listing: list[Entry], found: Sequence[Drop], since: float) -> bool:
    """Show which files are still being uploaded, if there are any and nothing asks to cancel."""
    until = since + quiet.MAX_UPLOAD_SECONDS
    if clock.now() >= until or any(drop.cancel for drop in found):
        return False
    uploads = [entry for prefix in drops.prefixes_of(scope) for entry in unfinished_uploads.directly_under(prefix)]
    pending = drops.pending([entry for entry in uploads if drops.scope_of(entry.key) == scope], listing)
    for drop in found if pending else ():
        _show_incomplete(drop, [plans.unfinished(entry) for entry in pending], since, until)
    return bool(pending)


def _send_look(scope: Scope, digest: str, since: float, seconds: float, *, is_shown: bool = False) -> None:
    drop_queue.send_later({"look": {**asdict(scope), "digest": digest, "since": since, "is_shown": is_shown}}, seconds)


def _start_if_explicit(drop: Drop) -> bool:
    plan = contents.plan_of(drop)
    if plan.at_once and not plan.missing and not plan.faults:
        _start(drop, plan)
        return True
    return False


def _try(drop: Drop, since: float, until: float) -> bool:
    """Start a complete drop, or refuse an invalid or late one; return whether no further check is needed."""
    if _cancel(drop):
        return True
    plan = contents.plan_of(drop)
    request = contents.request_of(drop, plan)
    if isinstance(request, VideoRequest):
        _accept(drop, plan, request)
    elif drop_updates.has_job(drop.receipts, drop.used_at):
        log.info("unchanged drop has a job", drop=drop.path)
    elif request or clock.now() >= until:
        _refuse(drop.receipts, (*plan.missing, *request), drop.newest)
    else:
        _show_incomplete(drop, plan.missing, since, until)
        return False
    return True


def _start(drop: Drop, plan: Plan) -> None:
    request = contents.request_of(drop, plan)
    if isinstance(request, VideoRequest):
        _accept(drop, plan, request)
    else:
        _refuse(drop.receipts, request, drop.newest)


def _cancel(drop: Drop) -> bool:
    if drop.cancel:
        drop_updates.cancel(drop.receipts, drop.cancel.time)
    return drop.cancel is not None


def _accept(drop: Drop, plan: Plan, request: VideoRequest) -> None:
    taken = drop_updates.taken_places(drop.receipts, request.n) if request.n > 1 else []
    if taken:
        problem = f"is {request.n}, but other drops have their results in {' and '.join(f'{one}/' for one in taken)}"
        remedy = "Use a folder without folders in it, or omit n."
        _refuse(drop.receipts, [Fault("/n", problem, remedy, drop.settings.name if drop.settings else "")], drop.newest)
        return
    # What a lone image becomes is a default of the stack, with which its identity does not change.
    media = request.media if drop.is_folder else [Medium(IMAGES, medium.source) for medium in request.media]
    identity = [plan.identity, *(identity_of(medium) for medium in media)]
    job_id = drop_updates.job_id_for(job_id_of(keys.S3_DOOR, drop.path, *identity), request.n)
    used = (drop.prompt, drop.settings, *plan.entries)
    new_job = accept.NewJob(request, keys.S3_DOOR, Door.S3, job_id=job_id, receipts=drop.receipts)
    used_at = max(entry.time for entry in used if entry)
    try:
        drop_updates.start(new_job, used_at)
    except PlacementRefused as refused:
        placed = (plans.placed(fault, drop, plan) for fault in refused.faults)
        _refuse(drop.receipts, [fault for fault in placed if fault], drop.newest)
    except BudgetExceeded as over:
        log.info("drop exceeds a cap", drop=drop.path)
        drop_updates.show_receipts(drop.receipts, receipts.over_budget(over, clock.now()), drop.newest)
    if drop.prompt and not drop.is_folder:
        drop_updates.withdraw(drops.receipts_of(drop.prompt.name))


def _show_incomplete(drop: Drop, missing: Sequence[Fault], since: float, until: float) -> None:
    log.info("drop incomplete", drop=drop.receipts, missing=len(missing))
    drop_updates.show_receipts(drop.receipts, receipts.incomplete(missing, since, until), drop.newest)


def _refuse(path: str, faults: Sequence[Fault], uploaded_at: float) -> None:
    log.info("drop refused", drop=path, faults=len(faults))
    drop_updates.show_receipts(path, receipts.refused(faults, clock.now()), uploaded_at)
