"""EventBridge: an event on the account's default bus when a job ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gallop.adapters import aws
from gallop.domain.errors import AwsTrouble

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = "gallop"


@aws.guarded
def put(kind: str, detail: Mapping[str, Any], at: float) -> None:
    """Put an event on the bus. ``at`` is an epoch time.

    Raises:
        AwsTrouble: EventBridge rejected it.

    """
    entry = {
        "Source": SOURCE,
        "DetailType": kind,
        "Detail": json.dumps(detail, ensure_ascii=False),
        "Time": datetime.fromtimestamp(at, UTC),
    }
    response = aws.events().put_events(Entries=[entry])
    if response["FailedEntryCount"]:
        raise AwsTrouble(f"EventBridge rejected an event: {response['Entries'][0].get('ErrorCode')}")
