"""The steps of the batch workflow: read the file, create the lines' jobs in turn, record their ends, close."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

from gallop import clock, log, settings
from gallop.adapters.s3 import buckets as objects
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import batches as records
from gallop.adapters.table import jobs as store
from gallop.adapters.table import waiters
from gallop.domain.clients import keys
from gallop.domain.drops import batch as batches
from gallop.domain.drops import batch_lines as lines
from gallop.domain.drops.batch import Batch, BatchState, LineEnd, Without
from gallop.domain.drops.batch_lines import Line, LineFault, Place
from gallop.domain.errors import (
    AwsTrouble,
    BudgetExceeded,
    Fault,
    InvalidRequest,
    JobNotFound,
    ObjectTooLarge,
)
from gallop.domain.job import Door, Job, is_terminal, job_id_of
from gallop.domain.request.images import identity_of
from gallop.domain.request.request import Ground, VideoRequest
from gallop.services import accept as create
from gallop.services import drop_updates as turns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal


def read(run: Mapping[str, Any]) -> dict[str, Any]:
    """Read a batch's file; gives whether there are lines to work off, and where they lie."""
    batch = Batch(**run["batch"])
    records.supersede(batch)
    contents = _contents(batch)
    if isinstance(contents, Fault):
        log.info("batch refused", batch=batch.id, path=batch.path)
        told = batches.refusal(batch, BatchState.REFUSED, InvalidRequest.code, contents, clock.now())
        _put_receipt(batch, told)
        return _next("refused", batch)
    good, faults = _checked(batch, contents)
    findings = {"lines": [line.number for line in good], "faults": [batches.fault_view(fault) for fault in faults]}
    objects.put_work(batch.findings, findings)
    objects.put_work(batch.items, [{"number": line.number, "wish": line.wish} for line in good])
    records.begin(batch, contents.count, len(good), sum((_estimate(line) for line in good), start=batches.NOTHING))
    _publish(batch, BatchState.RUNNING)
    return _next("work" if good else "close", batch)


def submit_line(run: Mapping[str, Any], token: str) -> None:
    """Create the job of a line, or find it; whoever holds the token goes on when the job has ended."""
    batch, number = Batch(**run["batch"]), int(run["line"]["number"])
    if not records.is_newest(batch):
        records.end_line(batch, batches.without_job(number, Without.SUPERSEDED))
        executions.go_on(token)
        return
    line = Line(number, json.loads(run["line"]["wish"]))
    try:
        job = _create(batch, line, lines.request_of(line.fields, _ground(), create.inspect))
    except InvalidRequest as invalid:
        _refuse(batch, number, invalid.faults, token)
        return
    except BudgetExceeded as over:
        _refuse(batch, number, [Fault("", f"was not started. {over}", over.remedy)], token)
        return
    except JobNotFound:
        # A newer upload had this line's turn meanwhile.
        records.end_line(batch, batches.without_job(number, Without.SUPERSEDED))
        executions.go_on(token)
        return
    waiters.wait(job.id, batch.id, token, clock.now() + settings.record_seconds())
    if is_terminal(store.job(job.id).state):
        waiters.tell(job.id)


def end_line(run: Mapping[str, Any]) -> None:
    """Record what became of a line, and tell how far the batch is."""
    batch, number = Batch(**run["batch"]), int(run["line"]["number"])
    records.end_line(batch, _end_of(batch, number))
    if records.may_publish(batch, clock.now()):
        _publish(batch, BatchState.RUNNING)


def close(run: Mapping[str, Any]) -> None:
    """Write the table of all lines, and the last receipt."""
    batch = Batch(**run["batch"])
    if "read" not in run:
        told = batches.refusal(batch, BatchState.FAILED, AwsTrouble.code, batches.broken(), clock.now())
        _put_receipt(batch, told)
        return
    findings = objects.work(batch.findings)
    for number in set(findings["lines"]) - {end.line for end in records.ends(batch)}:
        records.end_line(batch, _end_of(batch, number))
    ended = records.ends(batch)
    at_fault: dict[int, list[Fault]] = {}
    for found in map(batches.fault_from, findings["faults"]):
        at_fault.setdefault(found.line, []).append(found.fault)
    ended += [batches.refused(number, faults) for number, faults in at_fault.items()]
    if records.is_newest(batch):
        objects.put_table(batch.table, batches.table(ended))
    _publish(batch, BatchState.FAILED if "error" in run else BatchState.FINISHED)
    log.info("batch ended", batch=batch.id, path=batch.path, lines=len(ended))


def _refuse(batch: Batch, number: int, faults: Sequence[Fault], token: str) -> None:
    records.end_line(batch, batches.refused(number, faults), faults)
    executions.go_on(token)


def _create(batch: Batch, line: Line, request: VideoRequest) -> Job:
    images = [identity_of(image) for image in request.images]
    job_id = job_id_of(keys.S3_DOOR, f"{batch.path}.jsonl", str(line.number), line.wish, *images)
    job_id = records.take_turn(batch, line.number, job_id)
    wish = create.Wish(job_id, request, keys.S3_DOOR, Door.S3, batch.receipts_of(line.number))
    turns.start(wish, batch.started)
    return store.job(job_id)


def _end_of(batch: Batch, number: int) -> LineEnd:
    job_id = records.job_of(batch, number)
    if not job_id:
        return batches.without_job(number, Without.LOST)
    try:
        return batches.end_of(number, store.job(job_id), batch.started)
    except JobNotFound:
        return batches.deleted(number, job_id)


def _publish(batch: Batch, state: BatchState) -> None:
    read_before = [batches.fault_from(view) for view in objects.work(batch.findings)["faults"]]
    faults = [*read_before, *records.faults(batch)]
    ended = None if state is BatchState.RUNNING else clock.now()
    _put_receipt(batch, batches.receipt(batch, state, records.standing(batch), faults, ended))


def _put_receipt(batch: Batch, receipt: Mapping[str, Any]) -> None:
    if records.is_newest(batch):
        objects.put_receipt(batch.receipt, receipt)


def _contents(batch: Batch) -> lines.Contents | Fault:
    try:
        return lines.read(objects.read_version(batch.key, batch.version_id, lines.FILE_BYTES_AT_MOST))
    except ObjectTooLarge as error:
        return lines.too_large(error.size)


def _checked(batch: Batch, contents: lines.Contents) -> tuple[list[Line], list[LineFault]]:
    names = {
        unicodedata.normalize("NFC", entry.name): entry.key for entry in objects.list_beside(batch.key) if entry.size
    }
    place = Place(_ground(), names, batch.is_in_folder)
    good: list[Line] = []
    faults = list(contents.faults)
    for line in contents.lines:
        found = lines.checked(line, place)
        if isinstance(found, Line):
            good.append(found)
        else:
            faults += found
    return good, faults


def _estimate(line: Line) -> Decimal:
    return create.estimate(lines.request_of(line.fields, _ground(), lambda _, image: image))


def _next(what: str, batch: Batch) -> dict[str, Any]:
    return {"next": what, "items": batch.items, "concurrency": settings.batch_concurrency()}


def _ground() -> Ground:
    return Ground(settings.default_model(), settings.inbox_bucket())
