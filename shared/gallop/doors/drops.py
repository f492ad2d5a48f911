"""The S3 door: events of the inbox become looks at a drop, and a drop that is quiet and whole becomes a job.

An event says only that something changed. The door then looks at the whole drop, and sends itself a message that
comes back after the quiet time: if the drop still looks the same then, nothing changed meanwhile. No function waits,
nothing polls, and of many events for one drop all but the last find that it has changed since and let it be.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from gallop import clock, log, settings
from gallop.domain import catalogue, receipts
from gallop.domain import drop as drops
from gallop.domain.drop import Drop, Folder, Incomplete, Lone, Ready, Scope
from gallop.domain.images import StoredImage
from gallop.domain.job import Door, job_id_of
from gallop.domain.request import VideoRequest, read_apart
from gallop.doors import create
from gallop.edges import objects, queue
from gallop.errors import Fault, InvalidRequest, NoSuchObject, ObjectTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.domain.drop import Entry

CLIENT = "s3"


class Batch:
    """A batch of messages; what several of them say about one drop is done once."""

    def __init__(self) -> None:
        """Start with nothing done."""
        self._arrived: set[Scope] = set()

    def take(self, body: str) -> None:
        """Take one message: an S3 notification, or a look that the door sent to itself.

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
        for record in message.get("Records", []):
            scope = drops.scope_of(unquote_plus(record["s3"]["object"]["key"]))
            if scope and scope not in self._arrived:
                _arrive(scope)
                self._arrived.add(scope)


def _arrive(scope: Scope) -> None:
    listing = objects.list_directly_under(drops.prefix_of(scope))
    found = drops.drops_of(scope, listing)
    at_once = [drop for drop in found if drop.settings and _start_if_explicit(drop)]
    if found and len(at_once) < len(found):
        _send_look(scope, drops.digest_of(scope, listing), clock.now(), settings.quiet_seconds())


def _look_again(look: Mapping[str, Any]) -> None:
    scope: Scope = Folder(look["path"]) if "path" in look else Lone(look["stem"])
    listing = objects.list_directly_under(drops.prefix_of(scope))
    if drops.digest_of(scope, listing) != look["digest"]:
        if not drops.has_news(scope, listing, look["since"]):
            _arrive(scope)
        return
    left = look["since"] + settings.incomplete_seconds() - clock.now()
    outcomes = [_try(drop, overdue=left <= 0) for drop in drops.drops_of(scope, listing)]
    if not all(outcomes):
        _send_look(scope, look["digest"], look["since"], min(left, queue.DELAY_SECONDS_AT_MOST))


def _send_look(scope: Scope, digest: str, since: float, seconds: float) -> None:
    queue.send_later({"look": {**asdict(scope), "digest": digest, "since": since}}, seconds)


def _start_if_explicit(drop: Drop) -> bool:
    plan = _plan(drop)
    if isinstance(plan, Ready) and plan.at_once:
        _start(drop, plan)
        return True
    return False


def _try(drop: Drop, *, overdue: bool) -> bool:
    plan = _plan(drop)
    match plan:
        case Ready():
            _start(drop, plan)
        case Incomplete(missing):
            if not overdue:
                return False
            _refuse(drop, missing)
        case list():
            _refuse(drop, tuple(plan))
    return True


def _plan(drop: Drop) -> Ready | Incomplete | list[Fault]:
    prompt, settings_text = _text(drop.prompt), _text(drop.settings)
    faults = [text for text in (prompt, settings_text) if isinstance(text, Fault)]
    fields: dict[str, Any] | Fault | None = None
    if drop.settings and isinstance(settings_text, str):
        fields = drops.read_settings(drop.settings.name, settings_text)
        if isinstance(fields, Fault):
            faults.append(fields)
    if faults or isinstance(prompt, Fault) or isinstance(fields, Fault):
        return faults
    return drops.plan(drop, prompt, fields, settings.default_prompt())


def _text(entry: Entry | None) -> str | Fault | None:
    if entry is None:
        return None
    try:
        data, _ = objects.read(entry.key, drops.TEXT_BYTES_AT_MOST)
        return drops.decode(entry.name, data)
    except NoSuchObject:
        return None
    except ObjectTooLarge as error:
        return Fault(entry.name, f"has {error.size} bytes: too large for a text", "Make it shorter.")
    except ValueError:
        return Fault(entry.name, "is not a text in UTF-8", "Save it as UTF-8 text and upload it again.")


def _start(drop: Drop, plan: Ready) -> None:
    try:
        request = _request(plan)
    except InvalidRequest as invalid:
        _refuse(drop, tuple(drops.placed(fault, drop, plan) for fault in invalid.faults))
        return
    identity = [plan.identity, *(image.sha256 for image in request.images if isinstance(image, StoredImage))]
    job_id = job_id_of(CLIENT, drop.path, *identity)
    _, is_new = create.accept(create.Wish(job_id, request, CLIENT, Door.S3, drop.path))
    if is_new:
        objects.remove_receipt(f"{drop.path}/{receipts.ERROR}")


def _request(plan: Ready) -> VideoRequest:
    bucket = settings.inbox_bucket()
    within_limit = plan.images[: catalogue.IMAGES_AT_MOST]
    looked_at = [create.inspect(entry.name, StoredImage(bucket, entry.key)) for entry in within_limit]
    return read_apart(plan.fields, looked_at, len(plan.images), settings.default_model())


def _refuse(drop: Drop, faults: tuple[Fault, ...]) -> None:
    log.info("drop refused", drop=drop.path, faults=len(faults))
    objects.put_receipt(f"{drop.path}/{receipts.ERROR}", receipts.faults_receipt(faults, clock.now()))
