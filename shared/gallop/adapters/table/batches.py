"""Batches in the table: how far each is, whose turn has come, and which upload of a file is the newest."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import dynamo as table
from gallop.domain.drops.batch import Batch, LineEnd, Standing
from gallop.domain.drops.batch_lines import LineFault
from gallop.domain.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

PUBLISH_SECONDS = 5


def start(batch: Batch) -> None:
    """Start the batch's execution, once however often it is called."""
    executions.start(settings.batch_workflow_arn(), batch.id, {"batch": asdict(batch)})


@aws.guarded
def supersede(batch: Batch) -> None:
    """Make this the newest upload of its file, unless a newer one came first."""
    started = table.time(batch.started)
    item = {**_newest_key(batch), "id": batch.id, "started": started, "expires_at": _expiry(batch)}
    table.write(table.put(item, "attribute_not_exists(pk) OR started <= :started", {":started": started}))


@aws.guarded
def is_newest(batch: Batch) -> bool:
    """Tell whether no newer upload has taken the batch's place."""
    item = table.get(_newest_key(batch))
    return item is None or item["id"] == batch.id


@aws.guarded
def begin(batch: Batch, lines: int, good: int, estimated_cost: Decimal) -> None:
    """Record what a batch has to do; a second time changes nothing."""
    counters = {"begun": 0, "repeated": 0, "cost": Decimal(0), "published_at": 0, "expires_at": _expiry(batch)}
    item = {**_key(batch), "lines": lines, "good": good, "estimated_cost": estimated_cost, **counters}
    table.transact([table.put_if_new(item)])


@aws.guarded
def standing(batch: Batch) -> Standing:
    """Tell how far a batch is."""
    item = table.get(_key(batch)) or {}
    return Standing(
        lines=int(item.get("lines", 0)),
        good=int(item.get("good", 0)),
        estimated_cost=item.get("estimated_cost", Decimal(0)),
        begun=int(item.get("begun", 0)),
        ended={name.removeprefix("n_"): int(count) for name, count in item.items() if name.startswith("n_")},
        repeated=int(item.get("repeated", 0)),
        cost=item.get("cost", Decimal(0)),
    )


@aws.guarded
def take_turn(batch: Batch, line: int, job_id: str) -> str:
    """Record that a line's turn has come, with its job; gives the job that was recorded first."""
    item = {**_line_key(batch, line), "line": line, "job": job_id, "expires_at": _expiry(batch)}
    if any(table.transact([table.put_if_new(item), _count(batch, "ADD begun :one", {":one": 1})])):
        return str((table.get(_line_key(batch, line)) or item)["job"])
    return job_id


@aws.guarded
def job_of(batch: Batch, line: int) -> str:
    """Name the job of a line; empty where its turn brought none."""
    return str((table.get(_line_key(batch, line)) or {}).get("job", ""))


@aws.guarded
def end_line(batch: Batch, end: LineEnd, faults: Iterable[Fault] = ()) -> None:
    """Record what became of a line, and count it: once, however often it is called."""
    told = {name: value for name, value in asdict(end).items() if name != "line" and value is not None}
    told = {name: table.time(value) if isinstance(value, float) else value for name, value in told.items()}
    told |= {"ended": True, "line": end.line, "expires_at": _expiry(batch)}
    update = table.update(
        _line_key(batch, end.line),
        "SET " + ", ".join(f"#{name} = :{name}" for name in told),
        "attribute_not_exists(ended)",
        {f":{name}": value for name, value in told.items()},
        {f"#{name}": name for name in told},
    )
    counted: dict[str, Any] = {":one": 1, ":cost": (end.is_new and end.cost) or 0}
    counted[":repeated"] = int(bool(end.job) and not end.is_new)
    writes = [update, _count(batch, f"ADD n_{end.state} :one, cost :cost, repeated :repeated", counted)]
    told_apart = [asdict(fault) for fault in faults]
    if told_apart:
        key = {**_key(batch), "sk": f"FAULT#{end.line:08d}"}
        writes.append(table.put_if_new({**key, "line": end.line, "faults": told_apart, "expires_at": _expiry(batch)}))
    table.transact(writes)


@aws.guarded
def may_publish(batch: Batch, now: float) -> bool:
    """Tell whether the receipt is due anew; the one that hears yes writes it."""
    times = {":now": table.time(now), ":before": table.time(now - PUBLISH_SECONDS)}
    return not table.write(
        table.update(_key(batch), "SET published_at = :now", "published_at <= :before", times),
    )


@aws.guarded
def ends(batch: Batch) -> list[LineEnd]:
    """Read what became of the lines that ended."""
    return [_end_from(item) for item in table.query(_key(batch)["pk"], "LINE#") if item.get("ended")]


@aws.guarded
def faults(batch: Batch) -> list[LineFault]:
    """Read what was wrong with the lines whose turn had come."""
    items = table.query(_key(batch)["pk"], "FAULT#")
    return [LineFault(int(item["line"]), Fault(**fault)) for item in items for fault in item["faults"]]


def _end_from(item: dict[str, Any]) -> LineEnd:
    return LineEnd(
        line=int(item["line"]),
        state=item["state"],
        job=item["job"],
        seconds=float(item["seconds"]) if "seconds" in item else None,
        cost=item.get("cost"),
        video=item["video"],
        error=item["error"],
        is_new=item["is_new"],
    )


def _count(batch: Batch, expression: str, values: dict[str, Any]) -> TransactWriteItemTypeDef:
    return table.update(_key(batch), expression, values=values)


def _expiry(batch: Batch) -> int:
    return int(batch.started) + settings.record_seconds()


def _key(batch: Batch) -> dict[str, str]:
    return {"pk": f"BATCH#{batch.id}", "sk": "BATCH"}


def _line_key(batch: Batch, line: int) -> dict[str, str]:
    return {"pk": f"BATCH#{batch.id}", "sk": f"LINE#{line:08d}"}


def _newest_key(batch: Batch) -> dict[str, str]:
    return {"pk": f"BATCH#{batch.path}", "sk": "NEWEST"}
