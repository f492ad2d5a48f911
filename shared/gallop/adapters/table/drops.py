"""The fronts of drops in the table: one item a drop, turned by conditional writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo as table
from gallop.domain.drops.current import Front

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


@aws.guarded
def get(path: str) -> Front:
    """Read the front of a drop, by the prefix of its receipts."""
    item = table.get(_key(path))
    return Front(path) if item is None else _front_from(path, item)


@aws.guarded
def turn(before: Front, after: Front) -> bool:
    """Turn a front from what was read to what it is to be; tells whether nobody was quicker."""
    return not any(table.transact([turning(before, after)]))


def turning(before: Front, after: Front) -> TransactWriteItemTypeDef:
    """Describe that write, so that it can be made together with others."""
    condition = "turn = :turn" if before.turn else "attribute_not_exists(pk)"
    put: dict[str, Any] = {
        "TableName": settings.job_table(),
        "Item": table.pack(_item(after)),
        "ConditionExpression": condition,
    }
    if before.turn:
        put["ExpressionAttributeValues"] = table.pack({":turn": before.turn})
    return {"Put": put}  # type: ignore[typeddict-item]


def _item(front: Front) -> dict[str, Any]:
    return {
        **_key(front.path),
        "job": front.job,
        "words": json.dumps(dict(front.words)),
        "asked_at": table.time(front.asked_at),
        "cancelled_at": table.time(front.cancelled_at),
        "behind": list(front.behind),
        "turn": front.turn,
    }


def _front_from(path: str, item: dict[str, Any]) -> Front:
    return Front(
        path=path,
        job=item["job"],
        words=json.loads(item["words"]),
        asked_at=float(item["asked_at"]),
        cancelled_at=float(item["cancelled_at"]),
        behind=tuple(item["behind"]),
        turn=int(item["turn"]),
    )


def _key(path: str) -> dict[str, str]:
    return {"pk": f"DROP#{path}", "sk": "DROP"}
