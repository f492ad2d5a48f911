"""DashScope's event that a task has ended, a CloudEvent of Alibaba's EventBridge: the signal to query the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain.dashscope.replies import TASK_ID
from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = "acs.dashscope"
TYPE = "dashscope:System:AsyncTaskFinish"
# The header that carries the target's "Token".
TOKEN_HEADER = "x-eventbridge-signature-token"  # noqa: S105 - a name
# EventBridge's own limit; these events have about 1,000 bytes.
MAX_BYTES = 65_536


def task_of(event: Mapping[str, Any]) -> str | None:
    """Return the id of the task whose end an event reports; None if it reports something else.

    Raises:
        InvalidRequest: the event reports the end of a task, but has no valid task id.

    """
    if (event.get("source"), event.get("type")) != (SOURCE, TYPE):
        return None
    data = event.get("data")
    task_id = data.get("task_id") if isinstance(data, dict) else None
    if not isinstance(task_id, str) or not TASK_ID.fullmatch(task_id):
        remedy = "Configure the rule's target to send the complete, unchanged event."
        raise InvalidRequest([Fault("/data/task_id", "must be a task id", remedy)])
    return task_id
