"""A batch: one file with a wish a line, how far its jobs are, and what its dropper is told."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gallop.domain.drops import drop
from gallop.domain.drops.batch_lines import LineFault
from gallop.domain.drops.receipts import STATUS
from gallop.domain.errors import AwsTrouble, Fault
from gallop.domain.job import JobState, is_terminal
from gallop.domain.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gallop.domain.drops.drop import Entry
    from gallop.domain.job import Job

MAX_FAULTS_SHOWN = 1000
NOTHING = Decimal(0)
COLUMNS = ("line", "job", "state", "seconds", "cost", "video", "error")


class BatchState(StrEnum):
    """Where a batch stands."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    REFUSED = "refused"


class SkipReason(StrEnum):
    """Why a line that was to have a job has none: it is at fault, a newer file is there, or AWS was in trouble."""

    REFUSED = "refused"
    SUPERSEDED = "superseded"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Batch:
    """One upload of a ``batch.jsonl``: what its execution is named, and begins with. ``started`` is an epoch time."""

    id: str
    key: str
    version_id: str
    started: float

    @property
    def path(self) -> str:
        """Give what makes its jobs its own: ``spring/batch`` for ``drop/spring/batch.jsonl``."""
        return self.key.removeprefix(drop.PREFIX)[: -len(".jsonl")]

    @property
    def receipt(self) -> str:
        """Give the key of its receipt in the results bucket."""
        return f"{drop.receipts_of(self.path)}.json"

    @property
    def table(self) -> str:
        """Give the key of its table in the results bucket."""
        return f"{drop.receipts_of(self.path)}.csv"

    @property
    def folder(self) -> str:
        """Give the prefix of the files beside it."""
        return self.key[: self.key.rindex("/") + 1]

    @property
    def is_in_folder(self) -> bool:
        """Tell whether it lies in a folder, and not at the root of ``drop/``."""
        return self.folder != drop.PREFIX

    @property
    def items(self) -> str:
        """Give the key, in the results bucket, of the lines that become jobs."""
        return f"{drop.BATCHES}/{self.id}/lines.json"

    @property
    def findings(self) -> str:
        """Give the key, in the results bucket, of what was found when the lines were read."""
        return f"{drop.BATCHES}/{self.id}/findings.json"

    def receipts_of(self, line: int) -> str:
        """Give what the receipts of a line's job lie under."""
        return drop.receipts_of(f"{self.path}/{line:05d}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOutcome:
    """What became of a line. ``is_new`` tells whether this batch made the job, or an earlier one of the same path."""

    line: int
    state: str
    job: str = ""
    seconds: float | None = None
    cost: Decimal | None = None
    video: str = ""
    error: str = ""
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """How far a batch is: ``begun`` counts its lines whose turn has come, ``ended`` those that ended, by state."""

    lines: int
    good: int
    estimated_cost: Decimal
    started: int = 0
    ended: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0
    cost: Decimal = Decimal(0)


def batch_of(key: str, version_id: str, started: float) -> Batch:
    """Name an upload of a file: the same one again has the same name."""
    digest = hashlib.sha256(f"{len(key)}:{key}{version_id}".encode()).hexdigest()
    # To the millisecond, as the table keeps the times of jobs: one made in this moment must not look older.
    return Batch(f"batch_{digest[:40]}", key, version_id, round(started, 3))


def digest_of(listing: Iterable[Entry]) -> str:
    """Give what changes whenever anything in a batch's folder does."""
    seen = sorted(
        f"{entry.key}\n{entry.etag}\n{entry.modified}" for entry in listing if not drop.is_clutter(entry.name)
    )
    return hashlib.sha256("\n\n".join(seen).encode()).hexdigest()


def outcome_of(line: int, job: Job, started: float) -> LineOutcome:
    """Tell what became of a line by its job."""
    return LineOutcome(
        line=line,
        state=job.state.value,
        job=job.id,
        seconds=None if job.ended_at is None else round(job.ended_at - job.created_at, 3),
        cost=job.cost,
        video=job.result.key if job.result and job.state is JobState.SUCCEEDED else "",
        error=_error_of(job),
        is_new=job.created_at >= started,
    )


def deleted(line: int, job_id: str) -> LineOutcome:
    """Tell that somebody has deleted a line's job."""
    return LineOutcome(line=line, state="deleted", job=job_id, error="the job was deleted")


def skipped(line: int, why: SkipReason) -> LineOutcome:
    """Tell why a line has no job, and no fault."""
    error = "a newer batch.jsonl is there" if why is SkipReason.SUPERSEDED else f"the line {aws_failure().problem}"
    return LineOutcome(line=line, state=why, error=error)


def refused(line: int, faults: Iterable[Fault]) -> LineOutcome:
    """Tell that a line is at fault."""
    error = "; ".join(f"{fault.where} {fault.problem}".strip() for fault in faults)
    return LineOutcome(line=line, state=SkipReason.REFUSED, error=error)


def receipt(
    batch: Batch, state: BatchState, progress: BatchProgress, faults: Sequence[LineFault], ended: float | None
) -> dict[str, Any]:
    """Tell how a batch stands."""
    counts = dict(progress.ended)
    skipped_lines = sum(counts.get(name, 0) for name in SkipReason)
    still_open = progress.started - sum(counts.values()) + skipped_lines
    good = progress.good - counts.pop(SkipReason.REFUSED, 0)
    return {
        "batch": batch.id,
        "state": state.value,
        "lines": progress.lines,
        "good": good,
        "bad": progress.lines - good,
        "jobs": {
            "waiting": progress.good - progress.started - skipped_lines,
            "open": still_open,
            **{
                outcome.value: counts.pop(outcome, 0)
                for outcome in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
            },
            **counts,
        },
        "repeated": progress.repeated,
        "estimated_cost": float(progress.estimated_cost),
        "cost": float(progress.cost),
        "currency": "USD",
        "started": timestamp(batch.started),
        "ended": None if ended is None else timestamp(ended),
        "error": _error(AwsTrouble.code, aws_failure()) if state is BatchState.FAILED else None,
        "faults": [fault_view(fault) for fault in sorted(faults, key=lambda one: one.line)[:MAX_FAULTS_SHOWN]],
    }


def refusal(batch: Batch, state: BatchState, code: str, fault: Fault, now: float) -> dict[str, Any]:
    """Tell why nothing, or no more, came of a batch."""
    return {
        "batch": batch.id,
        "state": state.value,
        "started": timestamp(batch.started),
        "ended": timestamp(now),
        "error": _error(code, fault),
        "faults": [],
    }


def aws_failure() -> Fault:
    """Say that AWS let a batch down."""
    remedy = f"{AwsTrouble.remedy} Upload batch.jsonl once more then: what is done already is neither made nor charged."
    return Fault(drop.BATCH, "could not be worked off: AWS did not do what was asked", remedy)


def fault_view(found: LineFault) -> dict[str, Any]:
    """Show a fault."""
    fault = found.fault
    position = {"line": found.line} if found.column is None else {"line": found.line, "column": found.column}
    return {**position, "field": fault.where, "problem": fault.problem, "remedy": fault.remedy}


def fault_from(view: Mapping[str, Any]) -> LineFault:
    """Read what ``fault_view`` wrote."""
    return LineFault(int(view["line"]), Fault(view["field"], view["problem"], view["remedy"]), view.get("column"))


def table(outcomes: Iterable[LineOutcome]) -> str:
    """Write what became of each line as CSV, by the number of the line."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for outcome in sorted(outcomes, key=lambda one: one.line):
        seconds = "" if outcome.seconds is None else f"{outcome.seconds:g}"
        cost = "" if outcome.cost is None else f"{outcome.cost:f}"
        writer.writerow([outcome.line, outcome.job, outcome.state, seconds, cost, outcome.video, outcome.error])
    return text.getvalue()


def _error_of(job: Job) -> str:
    if not is_terminal(job.state):
        return f"the batch waits no longer: see {job.receipts}/{STATUS}"
    return f"{job.failure.code}: {job.failure.message}" if job.failure else ""


def _error(code: str, fault: Fault) -> dict[str, str]:
    return {"code": code, "message": f"{fault.where} {fault.problem}", "remedy": fault.remedy}
