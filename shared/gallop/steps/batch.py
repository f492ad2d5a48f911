"""The steps of the batch workflow: read the file, create the jobs of its lines, record outcomes, close; and cancel."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop import clock, log, settings
from gallop.adapters.s3 import buckets
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import batches as batch_table
from gallop.adapters.table import jobs, waiters, webhook_endpoints
from gallop.domain import groups
from gallop.domain.clients import keys
from gallop.domain.doors import Door
from gallop.domain.drops import batch as batches
from gallop.domain.drops import batch_lines
from gallop.domain.drops.batch import Batch, BatchProgress, BatchState, LineOutcome, SkipReason
from gallop.domain.drops.batch_lines import BatchFolder, Line, Row
from gallop.domain.errors import AwsTrouble, BudgetExceeded, InvalidRequest, JobNotFound, ObjectTooLarge
from gallop.domain.faults import MAX_FAULTS, Fault, bounded, fault_from
from gallop.domain.job import BATCH_CANCELLED, Job, job_id_of
from gallop.domain.request.media import identity_of
from gallop.domain.request.request import RequestDefaults, VideoRequest
from gallop.services import accept, drop_updates, inspect_media
from gallop.services.groups import jobs_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def read(run: Mapping[str, Any]) -> dict[str, Any]:
    """Read and check a batch's file; return what comes next, and where the valid lines are stored."""
    batch = Batch(**run["batch"])
    batch_table.supersede(batch)
    contents = _contents(batch)
    if isinstance(contents, Fault):
        return _refused(batch, contents)
    valid, faults = _checked(batch, contents)
    requests = {line.number: _priced(line) for line in valid}
    videos = {number: request.n for number, request in requests.items()}
    if sum(videos.values()) > batch_lines.MAX_LINES:
        return _refused(batch, batch_lines.too_many(sum(videos.values())))
    several = {number: n for number, n in videos.items() if n > 1}
    findings = {"lines": [*videos], "videos": several, "faults": [fault.view() for fault in faults]}
    buckets.put_document(batch.findings, findings)
    # Only where they are: the list is kept, and each of its items is in the history of an execution.
    rows = [replace(row, videos=videos[row.number]).view() for row in contents.rows if row.number in videos]
    buckets.put_document(batch.items, rows)
    estimated = sum(map(accept.total, requests.values()), start=batches.NOTHING)
    totals = BatchProgress(
        lines=len(contents.rows), valid=len(valid), good=sum(videos.values()), estimated_cost=estimated
    )
    batch_table.set_totals(batch, totals)
    # A CANCEL that comes later finds the totals, and records itself.
    requested_at = batches.cancelled_at(batch.key, buckets.list_beside(batch.key))
    if requested_at is not None:
        batch_table.cancel(batch, requested_at)
    _publish(batch, BatchState.RUNNING)
    return _next("work" if valid and requested_at is None else "close", batch)


def _refused(batch: Batch, fault: Fault) -> dict[str, Any]:
    log.info("batch refused", batch=batch.id, path=batch.path)
    _put_receipt(batch, batches.refusal(batch, BatchState.REFUSED, InvalidRequest.code, fault, clock.now()))
    return _next("refused", batch)


def submit_line(run: Mapping[str, Any], token: str) -> None:
    """Create or find the jobs of a line; the execution that holds the token resumes when all have ended."""
    batch, number = Batch(**run["batch"]), int(run["line"]["number"])
    superseded = batches.skipped(number, SkipReason.SUPERSEDED, _videos(run))
    if not batch_table.is_newest(batch):
        batch_table.record_outcome(batch, superseded)
        executions.resume(token)
        return
    if batch_table.progress(batch).cancelled_at is not None and not batch_table.job_of(batch, number)[0]:
        executions.resume(token)
        return
    try:
        line = _line_of(batch, run["line"])
        created = _create(batch, line, batch_lines.request_of(line.fields, _defaults(line), inspect_media.inspect))
    except InvalidRequest as invalid:
        _refuse(batch, run, invalid.faults, token)
        return
    except BudgetExceeded as over:
        _refuse(batch, run, [Fault("", f"was not started. {over}", over.remedy)], token)
        return
    except JobNotFound:
        # Not created: a newer upload is the current drop of this line, or a CANCEL came in between.
        is_cancelled = batch_table.progress(batch).cancelled_at is not None
        batch_table.record_outcome(batch, batches.cancelled(number, _videos(run)) if is_cancelled else superseded)
        executions.resume(token)
        return
    if not created:
        executions.resume(token)
        return
    first = groups.first_id(created[0])
    waiters.wait(first, batch.id, token, clock.now() + settings.record_seconds())
    if groups.have_ended([jobs.get(job.id) for job in created]):
        waiters.resume_all(first)


def end_line(run: Mapping[str, Any]) -> None:
    """Record the outcome of a line, and update the batch's receipt if that is due."""
    batch, number = Batch(**run["batch"]), int(run["line"]["number"])
    _record(batch, number, _videos(run))
    if batch_table.may_publish(batch, clock.now()):
        _publish(batch, BatchState.RUNNING)


def close(run: Mapping[str, Any]) -> None:
    """Write the table of all lines, and the last receipt of the batch."""
    batch = Batch(**run["batch"])
    if "read" not in run:
        receipt = batches.refusal(batch, BatchState.FAILED, AwsTrouble.code, batches.aws_failure(), clock.now())
        _put_receipt(batch, receipt)
        return
    findings = buckets.document(batch.findings)
    videos = findings.get("videos", {})
    open_lines = set(findings["lines"]) - batches.ended_lines(batch_table.outcomes(batch))
    if open_lines and batch_table.progress(batch).cancelled_at is not None:
        open_lines &= batch_table.open_lines(batch)
    for number in open_lines:
        _record(batch, number, videos.get(str(number), 1))
    ended = batch_table.outcomes(batch)
    ended += [batches.not_started(number) for number in set(findings["lines"]) - {end.line for end in ended}]
    refused: dict[int, list[Fault]] = {}
    for found in map(fault_from, findings["faults"]):
        refused.setdefault(found.line or 0, []).append(found)
    ended += [batches.refused(number, faults) for number, faults in refused.items()]
    if batch_table.is_newest(batch):
        buckets.put_table(batch.table, batches.table(ended, settings.results_bucket()))
    _publish(batch, BatchState.FAILED if "error" in run else BatchState.FINISHED)
    log.info("batch ended", batch=batch.id, path=batch.path, lines=len(ended))


def cancel(run: Mapping[str, Any]) -> None:
    """Cancel what a batch has not begun: no further line starts, and jobs that wait are cancelled."""
    batch, requested_at = Batch(**run["batch"]), float(run["requested_at"])
    uploads = [found for found in batch_table.uploads_of(batch) if not batch_table.progress(found).is_over]
    for found in uploads:
        batch_table.cancel(found, requested_at)
    for number in sorted({line for found in uploads for line in batch_table.open_lines(found)}):
        # Later than the batch has started: a line whose job is being created gets none.
        drop_updates.cancel(batch.receipts_of(number), max(requested_at, uploads[0].started), BATCH_CANCELLED)
    for found in uploads:
        _publish(found, BatchState.RUNNING)
        if batch_table.progress(found).is_over:
            # It may have been closed in between.
            _publish(found, BatchState.FINISHED)
        log.info("batch cancelled", batch=found.id, path=found.path)


def _refuse(batch: Batch, run: Mapping[str, Any], faults: Sequence[Fault], token: str) -> None:
    batch_table.record_outcome(batch, batches.refused(int(run["line"]["number"]), faults, _videos(run)), faults)
    executions.resume(token)


def _line_of(batch: Batch, item: Mapping[str, Any]) -> Line:
    """Read a line from the batch's file.

    Raises:
        InvalidRequest: a file that it names is no longer there.

    """
    if "canonical_json" in item:
        # From a list that an earlier version wrote.
        return Line(int(item["number"]), json.loads(item["canonical_json"]))
    row = Row(**item)
    line = batch_lines.line_in(row, buckets.read_range(batch.key, batch.version_id, row.offset, row.size))
    if isinstance(line, Fault):
        raise InvalidRequest([line])
    checked = batch_lines.checked(line, _folder(batch, _defaults(line), is_needed=batch_lines.names_files(line)))
    if isinstance(checked, Line):
        return checked
    raise InvalidRequest(checked)


def _folder(batch: Batch, defaults: RequestDefaults, *, is_needed: bool) -> BatchFolder:
    entries = buckets.list_beside(batch.key) if is_needed else []
    names = {unicodedata.normalize("NFC", entry.name): entry.key for entry in entries if entry.size}
    return BatchFolder(defaults, names, batch.is_in_folder)


def _create(batch: Batch, line: Line, request: VideoRequest) -> tuple[Job, ...]:
    """Return the jobs of a line; none if the batch was cancelled before.

    Raises:
        BudgetExceeded: a cap has no room for its estimate.
        JobNotFound: the line was replaced or cancelled while its jobs were being created.

    """
    media = [identity_of(medium) for medium in request.media]
    job_id = job_id_of(keys.S3_DOOR, f"{batch.path}.jsonl", str(line.number), line.canonical_json, *media)
    job_id = batch_table.claim_line(batch, line.number, drop_updates.job_id_for(job_id, request.n), request.n)
    if not job_id:
        return ()
    receipts = batch.receipts_of(line.number)
    new_job = accept.NewJob(request, keys.S3_DOOR, Door.S3, job_id=job_id, receipts=receipts)
    drop_updates.start(new_job, batch.started)
    created = jobs_of(new_job.owner)
    if not created:
        raise JobNotFound(f"Job {job_id} not found.")
    return created


def _videos(run: Mapping[str, Any]) -> int:
    return int(run["line"].get("videos", 1))


def _record(batch: Batch, number: int, videos: int) -> None:
    """Record the outcome of a line; of several videos, that of the first is last."""
    job_id, count = batch_table.job_of(batch, number)
    if not job_id:
        # A line that a CANCEL kept from starting has no outcome.
        if batch_table.progress(batch).cancelled_at is None:
            batch_table.record_outcome(batch, batches.skipped(number, SkipReason.LOST, videos))
    elif count == 1:
        batch_table.record_outcome(batch, _outcome_of(batch, number, job_id))
    else:
        for place in range(count, 0, -1):
            of_place = groups.job_id(groups.group_of(job_id), place)
            batch_table.record_outcome(batch, _outcome_of(batch, number, of_place, place))


def _outcome_of(batch: Batch, number: int, job_id: str, place: int = 0) -> LineOutcome:
    try:
        return batches.outcome_of(number, jobs.get(job_id), batch.started)
    except JobNotFound:
        return batches.deleted(number, job_id, place)


def _publish(batch: Batch, state: BatchState) -> None:
    in_file = [fault_from(view) for view in buckets.document(batch.findings)["faults"]]
    faults = [*in_file, *batch_table.faults(batch)]
    ended = None if state is BatchState.RUNNING else clock.now()
    _put_receipt(batch, batches.receipt(batch, state, batch_table.progress(batch), faults, ended))


def _put_receipt(batch: Batch, receipt: Mapping[str, Any]) -> None:
    if batch_table.is_newest(batch):
        buckets.put_receipt(batch.receipt, receipt)


def _contents(batch: Batch) -> batch_lines.Contents | Fault:
    try:
        return batch_lines.read(buckets.read_version(batch.key, batch.version_id, batch_lines.MAX_FILE_BYTES))
    except ObjectTooLarge as error:
        return batch_lines.too_large(error.size)


def _checked(batch: Batch, contents: batch_lines.Contents) -> tuple[list[Line], list[Fault]]:
    folder = _folder(batch, _defaults(*contents.lines), is_needed=True)
    valid: list[Line] = []
    faults = list(contents.faults)
    for line in contents.lines:
        found = batch_lines.checked(line, folder)
        if isinstance(found, Line):
            valid.append(found)
        else:
            limit = max(MAX_FAULTS - len(faults), batches.MIN_FAULTS_OF_LINE)
            faults += (replace(fault, line=line.number) for fault in bounded(found, limit))
    return valid, faults


def _priced(line: Line) -> VideoRequest:
    """Return the request of a line as far as it has a price: its webhook, which has been checked, has none."""
    fields = {name: value for name, value in line.fields.items() if name != "webhook"}
    return batch_lines.request_of(fields, _defaults(), lambda _, source, _rules: source)


def _next(what: str, batch: Batch) -> dict[str, Any]:
    return {"next": what, "items": batch.items, "concurrency": settings.batch_concurrency()}


def _defaults(*lines: Line) -> RequestDefaults:
    """Return what the stack adds to requests; endpoints are read only if one of the lines names a webhook."""
    origins = webhook_endpoints.origins(keys.S3_DOOR) if any("webhook" in line.fields for line in lines) else ()
    version, bucket = settings.model_version(), settings.inbox_bucket()
    return RequestDefaults(version, bucket, webhook_origins=origins, watermark=settings.watermark(), takes_n=True)
