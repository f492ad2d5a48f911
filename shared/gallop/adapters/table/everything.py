"""The whole table, read item by item: only to find and prove what is left of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# The attributes that show to whom an item belongs.
_NAMES = {"#pk": "pk", "#sk": "sk", "#client": "client", "#job": "job_id"}


@aws.guarded
def keys_of(belongs: Callable[[Mapping[str, Any]], bool]) -> list[dict[str, Any]]:
    """Return the keys of all items that belong to somebody, by their key, ``client`` and ``job_id``."""
    pages = (
        aws.complete("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=settings.job_table(),
            ConsistentRead=True,
            ProjectionExpression=", ".join(_NAMES),
            ExpressionAttributeNames=_NAMES,
        )
    )
    items = (dynamo.unpack(item) for page in pages for item in page["Items"])
    return [{"pk": item["pk"], "sk": item["sk"]} for item in items if belongs(item)]


@aws.guarded
def delete(keys: Iterable[Mapping[str, Any]]) -> None:
    """Delete items by their keys. The owner of a task is only made nameless: no other job may adopt the task."""
    for key in keys:
        if str(key["pk"]).startswith("TASK#"):
            dynamo.write(dynamo.update(key, "SET job_id = :nobody", "attribute_exists(pk)", {":nobody": ""}))
        else:
            dynamo.write(dynamo.delete(key))
