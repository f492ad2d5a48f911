"""The keys of the HTTPS door's clients, of which the table holds hashes only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.edges import aws, table

if TYPE_CHECKING:
    from collections.abc import Mapping


@aws.guarded
def put(key_hash: str, client_name: str, created_at: float) -> None:
    """Record the hash of a client's new key."""
    item = {
        "pk": f"KEY#{key_hash}",
        "sk": "KEY",
        "hash": key_hash,
        "client": client_name,
        "created_at": int(created_at),
    }
    aws.dynamodb().put_item(
        TableName=settings.job_table(), Item=table.pack(item), ConditionExpression="attribute_not_exists(pk)"
    )


@aws.guarded
def get(key_hash: str) -> Mapping[str, Any] | None:
    """Read what is recorded of a key: ``hash`` and ``client``; None for an unknown one."""
    return table.get({"pk": f"KEY#{key_hash}", "sk": "KEY"})
