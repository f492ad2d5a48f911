"""Batches in the table: their progress, the lines that have started, and the newest upload of each file."""

from __future__ import annotations

from dataclasses import asdict, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import codec, dynamo
from gallop.domain.drops.batch import Batch, BatchProgress, LineOutcome, SkipReason
from gallop.domain.errors import WrongState
from gallop.domain.faults import Fault, fault_from

if TYPE_CHECKING:
    from collections.abc import Iterable

PUBLISH_SECONDS = 5
# How many earlier uploads of a file may still have jobs of their own that wait.
MAX_EARLIER = 5

_OUTCOME = codec.of(LineOutcome)


def start(batch: Batch) -> None:
    """Start the batch's execution; once, however often this is called."""
    executions.start(settings.batch_workflow_arn(), batch.id, {"batch": asdict(batch)})


@aws.guarded
def start_cancel(batch: Batch, requested_at: float) -> None:
    """Start the execution that cancels a batch; once per upload of a CANCEL, however often this is called."""
    data = {"cancel": {"batch": asdict(batch), "requested_at": requested_at}}
    executions.start(settings.batch_workflow_arn(), f"{batch.id}-cancel-{requested_at:.0f}", data)


@aws.guarded
def supersede(batch: Batch) -> None:
    """Record this as the newest upload of its file, unless a newer one is recorded.

    Raises:
        WrongState: another upload was recorded at the same time.

    """
    before = dynamo.get(_newest_key(batch)) or {}
    if before.get("id") == batch.id or before.get("started", 0) > batch.started:
        return
    earlier = [*before.get("earlier", []), *([before["id"]] if before else [])][-MAX_EARLIER:]
    item = {**_newest_key(batch), "id": batch.id, "started": dynamo.time(batch.started), "earlier": earlier}
    condition, values = ("id = :id", {":id": before["id"]}) if before else ("attribute_not_exists(pk)", None)
    if not dynamo.write(dynamo.put({**item, "expires_at": _expiry(batch)}, condition, values)):
        raise WrongState(f"Another upload of {batch.key} was recorded at the same time.")


@aws.guarded
def is_newest(batch: Batch) -> bool:
    """Return whether no newer upload has replaced the batch."""
    item = dynamo.get(_newest_key(batch))
    return item is None or item["id"] == batch.id


@aws.guarded
def newest_started(batch: Batch) -> float:
    """Return when the newest upload of a batch's file was started (epoch seconds); 0 if none was."""
    return float((dynamo.get(_newest_key(batch)) or {}).get("started", 0))


@aws.guarded
def uploads_of(batch: Batch) -> list[Batch]:
    """Return the uploads of a batch's file that may have jobs, the newest first; none if none was started."""
    item = dynamo.get(_newest_key(batch))
    if item is None:
        return []
    newest = replace(batch, id=item["id"], started=float(item["started"]))
    return [newest, *(replace(newest, id=found) for found in reversed(item.get("earlier", [])))]


@aws.guarded
def cancel(batch: Batch, requested_at: float) -> None:
    """Record that no further line of a batch may start; nothing is recorded if its lines have not been read yet."""
    change = "SET cancelled_at = if_not_exists(cancelled_at, :at)"
    values = {":at": dynamo.time(requested_at)}
    dynamo.write(dynamo.update(_key(batch), change, "attribute_exists(pk)", values))


@aws.guarded
def set_totals(batch: Batch, totals: BatchProgress) -> None:
    """Record the totals of a batch; a second call changes nothing."""
    counters = {"lines_started": 0, "repeated": 0, "cost": Decimal(0), "published_at": 0, "expires_at": _expiry(batch)}
    counted = {"lines": totals.lines, "valid": totals.valid, "good": totals.good}
    item = {**_key(batch), **counted, "estimated_cost": totals.estimated_cost, **counters}
    dynamo.transact([dynamo.put_if_new(item)])


@aws.guarded
def progress(batch: Batch) -> BatchProgress:
    """Return the progress of a batch."""
    item = dynamo.get(_key(batch)) or {}
    return BatchProgress(
        lines=int(item.get("lines", 0)),
        # In an earlier version, each line was one video.
        valid=int(item.get("valid", item.get("good", 0))),
        refused=int(item.get("lines_refused", item.get(f"n_{SkipReason.REFUSED}", 0))),
        good=int(item.get("good", 0)),
        estimated_cost=item.get("estimated_cost", Decimal(0)),
        started=int(item.get("lines_started", 0)),
        ended={name.removeprefix("n_"): int(count) for name, count in item.items() if name.startswith("n_")},
        repeated=int(item.get("repeated", 0)),
        cost=item.get("cost", Decimal(0)),
        cancelled_at=None if "cancelled_at" not in item else float(item["cancelled_at"]),
    )


@aws.guarded
def claim_line(batch: Batch, line: int, job_id: str, videos: int) -> str:
    """Record that a line has started, with its first job; return the job that was recorded first.

    It is empty if the batch was cancelled before the line has started.
    """
    several = {"videos": videos} if videos > 1 else {}
    item = {**_line_key(batch, line), "line": line, "job": job_id, **several, "expires_at": _expiry(batch)}
    count = dynamo.update(
        _key(batch), "ADD lines_started :videos", "attribute_not_exists(cancelled_at)", values={":videos": videos}
    )
    is_new, is_open = dynamo.transact([dynamo.put_if_new(item), count])
    if is_new:
        return job_id if is_open else ""
    return str((dynamo.get(_line_key(batch, line)) or item)["job"])


@aws.guarded
def job_of(batch: Batch, line: int) -> tuple[str, int]:
    """Return the first job of a line, and how many it has; empty and 1 if the line has not started."""
    item = dynamo.get(_line_key(batch, line)) or {}
    return str(item.get("job", "")), int(item.get("videos", 1))


@aws.guarded
def record_outcome(batch: Batch, outcome: LineOutcome, faults: Iterable[Fault] = ()) -> None:
    """Record the outcome of a line, or of one of its videos, and count it; once, however often this is called.

    Of several videos, that of the first is recorded last: it says that the line has ended.
    """
    fields = {name: value for name, value in _OUTCOME.write(outcome).items() if value is not None}
    fields |= {"ended": True, "line": outcome.line, "expires_at": _expiry(batch)}
    update = dynamo.update(
        _outcome_key(batch, outcome),
        "SET " + ", ".join(f"#{name} = :{name}" for name in fields),
        "attribute_not_exists(ended)",
        {f":{name}": value for name, value in fields.items()},
        {f"#{name}": name for name in fields},
    )
    counted: dict[str, Any] = {":videos": outcome.videos, ":cost": (outcome.is_new and outcome.cost) or 0}
    counted[":repeated"] = int(bool(outcome.job) and not outcome.is_new)
    counted[":refused"] = int(outcome.state == SkipReason.REFUSED)
    change = f"ADD n_{outcome.state} :videos, cost :cost, repeated :repeated, lines_refused :refused"
    if outcome.state in set(SkipReason) and job_of(batch, outcome.line)[0]:
        # It had started, and then got no job.
        change, counted[":minus"] = f"{change}, lines_started :minus", -outcome.videos
    writes = [update, dynamo.update(_key(batch), change, values=counted)]
    faults_json = [fault.view() for fault in faults]
    if faults_json:
        key = {**_key(batch), "sk": f"FAULT#{outcome.line:08d}"}
        writes.append(
            dynamo.put_if_new({**key, "line": outcome.line, "faults": faults_json, "expires_at": _expiry(batch)})
        )
    dynamo.transact(writes)


@aws.guarded
def may_publish(batch: Batch, now: float) -> bool:
    """Return whether the receipt is due again; the caller that gets True writes it."""
    times = {":now": dynamo.time(now), ":before": dynamo.time(now - PUBLISH_SECONDS)}
    return dynamo.write(
        dynamo.update(_key(batch), "SET published_at = :now", "published_at <= :before", times),
    )


@aws.guarded
def open_lines(batch: Batch) -> set[int]:
    """Return the lines that have started and have no outcome yet."""
    return {int(item["line"]) for item in dynamo.query(_key(batch)["pk"], "LINE#") if not item.get("ended")}


@aws.guarded
def outcomes(batch: Batch) -> list[LineOutcome]:
    """Return the outcomes of the lines that have ended."""
    return [_outcome_from(item) for item in dynamo.query(_key(batch)["pk"], "LINE#") if item.get("ended")]


@aws.guarded
def faults(batch: Batch) -> list[Fault]:
    """Return the faults of the lines that were processed."""
    items = dynamo.query(_key(batch)["pk"], "FAULT#")
    return [fault_from({**view, "line": item["line"]}) for item in items for view in item["faults"]]


def _outcome_from(item: dict[str, Any]) -> LineOutcome:
    outcome: LineOutcome = _OUTCOME.read(item)
    return outcome


def _expiry(batch: Batch) -> int:
    return int(batch.started) + settings.record_seconds()


def _key(batch: Batch) -> dict[str, str]:
    return {"pk": f"BATCH#{batch.id}", "sk": "BATCH"}


def _line_key(batch: Batch, line: int) -> dict[str, str]:
    return {"pk": f"BATCH#{batch.id}", "sk": f"LINE#{line:08d}"}


def _outcome_key(batch: Batch, outcome: LineOutcome) -> dict[str, str]:
    """Return the key of an outcome: that of its line, for the first video as well; the others have their own."""
    if outcome.place <= 1:
        return _line_key(batch, outcome.line)
    return {"pk": f"BATCH#{batch.id}", "sk": f"LINE#{outcome.line:08d}#{outcome.place}"}


def _newest_key(batch: Batch) -> dict[str, str]:
    return {"pk": f"BATCH#{batch.path}", "sk": "NEWEST"}
