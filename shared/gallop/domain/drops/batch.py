"""Batches: one file with a request per line, the progress of its jobs, and its receipt."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gallop.domain.drops import drop
from gallop.domain.drops.receipts import STATUS
from gallop.domain.errors import AwsTrouble
from gallop.domain.faults import Fault, file_fault, listing
from gallop.domain.frozen import frozen
from gallop.domain.job import JobState, is_terminal
from gallop.domain.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gallop.domain.drops.drop import Entry
    from gallop.domain.job import Job

# Each line lists at least this many faults, even if earlier lines have many.
MIN_FAULTS_OF_LINE = 3
MAX_CELL_CHARACTERS = 1000
# The state of a line that a CANCEL kept from being started.
NOT_STARTED = "not_started"
NOTHING = Decimal(0)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]+")
# Full-width signs count, too.
_FORMULA = re.compile("((?:^|;)\\s*)([=+\\-@\uff1d\uff0b\uff0d\uff20])")
COLUMNS = ("line", "job", "state", "seconds", "cost", "video", "error")


class BatchState(StrEnum):
    """The state of a batch."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class SkipReason(StrEnum):
    """Why a valid line has no job: its images are invalid, a newer file replaced it, or AWS failed."""

    REFUSED = "refused"
    SUPERSEDED = "superseded"
    LOST = "lost"


@frozen
class Batch:
    """One upload of a ``batch.jsonl``. ``id`` is the name of its execution.

    ``started`` is in seconds since the epoch.
    """

    id: str
    key: str
    version_id: str
    started: float

    @property
    def path(self) -> str:
        """The path that identifies its jobs: ``spring/batch`` for ``drop/spring/batch.jsonl``."""
        return self.key.removeprefix(drop.PREFIX)[: -len(".jsonl")]

    @property
    def receipt(self) -> str:
        """The key of its receipt in the results bucket."""
        return f"{drop.receipts_of(self.path)}.json"

    @property
    def table(self) -> str:
        """The key of its table in the results bucket."""
        return f"{drop.receipts_of(self.path)}.csv"

    @property
    def folder(self) -> str:
        """The prefix of the files in its folder."""
        return self.key[: self.key.rindex("/") + 1]

    @property
    def beside(self) -> str:
        """The prefix under which it is listed: its folder, or itself at the root of ``drop/``, which is none."""
        return self.folder if self.is_in_folder else self.key

    @property
    def is_in_folder(self) -> bool:
        """Whether it is in a folder, rather than at the root of ``drop/``."""
        return self.folder != drop.PREFIX

    @property
    def items(self) -> str:
        """The key, in the results bucket, of the lines that become jobs."""
        return f"{drop.BATCHES}/{self.id}/lines.json"

    @property
    def findings(self) -> str:
        """The key, in the results bucket, of the findings from reading the lines."""
        return f"{drop.BATCHES}/{self.id}/findings.json"

    def receipts_of(self, line: int) -> str:
        """Return the prefix of the receipts of a line's job."""
        return drop.receipts_of(f"{self.path}/{line:05d}")


@frozen(kw_only=True)
class LineOutcome:
    """The result of a line, or of one video of a line for several: ``place`` is from 1, or 0.

    ``seconds`` is the time from creation to end of its job, ``cost`` is in USD. ``is_new`` is false if an earlier batch
    of the same path created the job. ``videos`` is the number of videos that it stands for: several, if a line for
    several has no job.
    """

    line: int
    state: str
    job: str = ""
    seconds: float | None = None
    cost: Decimal | None = None
    video: str = ""
    error: str = ""
    is_new: bool = False
    place: int = 0
    videos: int = 1


@frozen(kw_only=True)
class BatchProgress:
    """The progress of a batch. Costs are in USD.

    ``valid`` counts the lines that were valid when they were read, and ``refused`` those of them that were not later.
    All else counts videos: ``good`` those of the valid lines, ``started`` those of lines that have started, ``ended``
    those that have ended, by state, and ``repeated`` those whose job an earlier batch had created. ``cancelled_at`` is
    when it was cancelled, in seconds since the epoch: no line starts after that.
    """

    lines: int
    valid: int
    good: int
    estimated_cost: Decimal
    started: int = 0
    ended: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    repeated: int = 0
    cost: Decimal = Decimal(0)
    cancelled_at: float | None = None

    @property
    def skipped(self) -> int:
        """How many valid lines ended without a job of theirs."""
        return sum(self.ended.get(name, 0) for name in SkipReason)

    @property
    def open(self) -> int:
        """How many lines have a job that has not ended."""
        return self.started - sum(self.ended.values()) + self.skipped

    @property
    def unstarted(self) -> int:
        """How many lines have not started, whether or not they will."""
        return self.good - self.started - self.skipped

    @property
    def is_over(self) -> bool:
        """Whether every line has ended, or will never start."""
        return not self.open and (self.cancelled_at is not None or not self.unstarted)

    @property
    def was_cut_short(self) -> bool:
        """Whether a CANCEL kept lines from being made."""
        return self.cancelled_at is not None and bool(self.unstarted or self.ended.get(JobState.CANCELLED))


def batch_of(key: str, version_id: str, started: float) -> Batch:
    """Return the batch of an upload; the same version of a file always has the same id."""
    digest = hashlib.sha256(f"{len(key)}:{key}{version_id}".encode()).hexdigest()
    # To the millisecond, as the table keeps the times of jobs: one made in this moment must not look older.
    return Batch(f"batch_{digest[:40]}", key, version_id, round(started, 3))


def digest_of(listing: Iterable[Entry]) -> str:
    """Return a hash that changes whenever anything in a batch's folder changes."""
    files = (entry for entry in listing if not drop.is_clutter(entry.name) and not drop.is_cancel(entry.name))
    seen = sorted(f"{entry.key}\n{entry.etag}\n{entry.modified}" for entry in files)
    return hashlib.sha256("\n\n".join(seen).encode()).hexdigest()


def cancelled_at(key: str, listing: Iterable[Entry]) -> float | None:
    """Return when the newest CANCEL of a batch was uploaded, in epoch seconds; None if none came after the batch.

    It is ``CANCEL`` in the folder of the batch, or ``batch.jsonl.CANCEL``, as for pictures at the root of ``drop/``.
    """
    times = {entry.key: entry.time for entry in listing}
    names = {"", key.rpartition("/")[2].lower()}
    found = [time for one, time in times.items() if _cancelled_name(one) in names and time >= times.get(key, 0.0)]
    return max(found, default=None)


def outcome_of(line: int, job: Job, started: float) -> LineOutcome:
    """Return the outcome of a line, from its job."""
    return LineOutcome(
        line=line,
        state=job.state.value,
        job=job.id,
        seconds=None if job.ended_at is None else round(job.ended_at - job.created_at, 3),
        cost=job.cost,
        place=job.group.place if job.group else 0,
        video=job.result.key if job.result and job.state is JobState.SUCCEEDED else "",
        error=_error_of(job),
        is_new=job.created_at >= started,
    )


def deleted(line: int, job_id: str, place: int = 0) -> LineOutcome:
    """Return the outcome of a line whose job was deleted."""
    return LineOutcome(line=line, state="deleted", job=job_id, error="the job was deleted", place=place)


def ended_lines(outcomes: Iterable[LineOutcome]) -> set[int]:
    """Return the lines that have ended: of several videos, the outcome of the first is the last one."""
    return {outcome.line for outcome in outcomes if outcome.place <= 1}


def skipped(line: int, reason: SkipReason, videos: int = 1) -> LineOutcome:
    """Return the outcome of a valid line without a job; ``videos`` is how many it asks for."""
    error = (
        "superseded by a newer batch.jsonl" if reason is SkipReason.SUPERSEDED else f"the line {aws_failure().detail}"
    )
    return LineOutcome(line=line, state=reason, error=error, videos=videos)


def not_started(line: int) -> LineOutcome:
    """Return the outcome of a line that a CANCEL kept from being started; nobody counts or keeps it."""
    return LineOutcome(line=line, state=NOT_STARTED, error="the batch was cancelled before this line started")


def cancelled(line: int, videos: int) -> LineOutcome:
    """Return the outcome of a line that was cancelled while its jobs were being created."""
    error = "the batch was cancelled before the job of this line was created"
    return LineOutcome(line=line, state=JobState.CANCELLED, error=error, videos=videos)


def refused(line: int, faults: Iterable[Fault], videos: int = 1) -> LineOutcome:
    """Return the outcome of an invalid line."""
    error = "; ".join(fault.message for fault in faults)
    shown = error if len(error) <= MAX_CELL_CHARACTERS else f"{error[: MAX_CELL_CHARACTERS - 3]}..."
    return LineOutcome(line=line, state=SkipReason.REFUSED, error=shown, videos=videos)


def receipt(
    batch: Batch, state: BatchState, progress: BatchProgress, faults: Sequence[Fault], ended: float | None
) -> dict[str, Any]:
    """Return the receipt of a batch; ``ended`` is in seconds since the epoch, None while it is running."""
    counts = dict(progress.ended)
    counts.pop(SkipReason.REFUSED, 0)
    good = progress.valid - progress.refused
    is_cancelled = progress.cancelled_at is not None
    if state is BatchState.FINISHED and progress.was_cut_short:
        state = BatchState.CANCELLED
    return {
        "batch": batch.id,
        "state": state.value,
        "lines": progress.lines,
        "good": good,
        "bad": progress.lines - good,
        "jobs": {
            "waiting": 0 if is_cancelled else progress.unstarted,
            "open": progress.open,
            **{
                outcome.value: counts.pop(outcome, 0)
                for outcome in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
            },
            **counts,
            **({NOT_STARTED: progress.unstarted} if is_cancelled else {}),
        },
        "cancel": None if progress.cancelled_at is None else _cancel_view(progress.cancelled_at),
        "repeated": progress.repeated,
        "estimated_cost": float(progress.estimated_cost),
        "cost": float(progress.cost),
        "currency": "USD",
        "started_at": timestamp(batch.started),
        "completed_at": None if ended is None else timestamp(ended),
        "error": _error(AwsTrouble.code, aws_failure()) if state is BatchState.FAILED else None,
        **listing(sorted(faults, key=lambda fault: fault.line or 0)),
    }


def refusal(batch: Batch, state: BatchState, code: str, fault: Fault, now: float) -> dict[str, Any]:
    """Return the receipt of a batch that was refused, or failed before it was counted."""
    return {
        "batch": batch.id,
        "state": state.value,
        "started_at": timestamp(batch.started),
        "completed_at": timestamp(now),
        "error": _error(code, fault),
        "faults": [],
    }


def _cancel_view(requested_at: float) -> dict[str, str]:
    message = (
        "Lines that had not started are not made, and jobs that waited are cancelled, without charge. Jobs that "
        "DashScope has started continue, and are charged. To make the rest after all, upload batch.jsonl again."
    )
    return {"message": message, "requested_at": timestamp(requested_at)}


def aws_failure() -> Fault:
    """Return the fault of a batch that failed because of AWS."""
    remedy = "Upload batch.jsonl again: jobs that exist are not created or charged again. Check the logs of the stack."
    return file_fault(drop.BATCH, "could not be processed because of an AWS error", remedy)


def table(outcomes: Iterable[LineOutcome], bucket: str) -> str:
    """Return the outcomes as CSV, sorted by line number, with videos at their addresses in the results bucket.

    What others wrote cannot become a formula in a spreadsheet: neither a cell nor, where the separator is a semicolon,
    a part of one begins with a formula's sign.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.line, outcome.place)):
        seconds = "" if outcome.seconds is None else f"{outcome.seconds:g}"
        cost = "" if outcome.cost is None else f"{outcome.cost:f}"
        video = f"s3://{bucket}/{outcome.video}" if outcome.video else ""
        writer.writerow([outcome.line, outcome.job, outcome.state, seconds, cost, video, _cell(outcome.error)])
    return text.getvalue()


def _cancelled_name(key: str) -> str | None:
    name = drop.cancelled_name(key.rpartition("/")[2])
    return None if name is None else name.lower()


def _cell(text: str) -> str:
    shown = _CONTROLS.sub(" ", text)
    shown = shown if len(shown) <= MAX_CELL_CHARACTERS else f"{shown[: MAX_CELL_CHARACTERS - 3]}..."
    return _FORMULA.sub(r"\1'\2", shown)


def _error_of(job: Job) -> str:
    if not is_terminal(job.state):
        return f"the batch no longer waits for this job: see {job.receipts}/{STATUS}"
    if job.failure is None:
        return ""
    return f"{job.failure.code}: {job.failure.vendor_message or job.failure.message}"


def _error(code: str, fault: Fault) -> dict[str, str]:
    return {"code": code, "message": fault.message, "remedy": fault.remedy}
