"""DashScope's word that a task has ended: a CloudEvent of Alibaba's EventBridge. It says when to ask, and no more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = "acs.dashscope"
TYPE = "dashscope:System:AsyncTaskFinish"
# The header that the target's "Token" is sent in.
TOKEN_HEADER = "x-eventbridge-signature-token"  # noqa: S105 - a name
# EventBridge's own limit; the events that are read here have about a thousand.
MAX_BYTES = 65_536

_TASK_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")


def task_of(event: Mapping[str, Any]) -> str | None:
    """Name the task whose end an event tells of; None if it tells of something else.

    Raises:
        InvalidRequest: it tells of the end of a task, and does not name it.

    """
    if (event.get("source"), event.get("type")) != (SOURCE, TYPE):
        return None
    data = event.get("data")
    task_id = data.get("task_id") if isinstance(data, dict) else None
    if not isinstance(task_id, str) or not _TASK_ID.fullmatch(task_id):
        fault = Fault("/data/task_id", "names no task", "Let the rule's target send the event as it is, whole.")
        raise InvalidRequest([fault])
    return task_id
