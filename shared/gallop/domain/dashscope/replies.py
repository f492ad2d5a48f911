"""DashScope's answers as types: to a submit, a query and a list (fact sheet §1 to §3)."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

# Its id is part of addresses and keys; DashScope's are UUIDs.
TASK_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")


@frozen
class Accepted:
    """A submit that created a task."""

    task_id: str
    request_id: str


@frozen
class TaskWaiting:
    """PENDING, RUNNING, or an unknown status. ``scheduled_at`` is when it began, if that is reported."""

    is_pending: bool = False
    scheduled_at: float | None = None


@frozen
class TaskSucceeded:
    """SUCCEEDED. The address is valid for 24 hours after the end of the task; it is empty if DashScope omitted it.

    ``ran_for`` is the run time in seconds, if DashScope reports the beginning and the end; ``ended_at`` is the end, in
    seconds since the epoch.
    """

    video_url: str = field(repr=False)
    usage: Mapping[str, Any]
    orig_prompt: str = field(repr=False)
    ran_for: float | None = None
    ended_at: float | None = None


@frozen
class TaskFailed:
    """FAILED, with DashScope's reason, and when it ended (seconds since the epoch), if that is reported."""

    code: str
    message: str
    ended_at: float | None = None


@frozen
class TaskCanceled:
    """CANCELED."""


@frozen
class TaskUnknown:
    """UNKNOWN: the task has expired, or belongs to another account or region."""


@frozen
class ListedTask:
    """A task in the list, which shows neither prompt nor parameters. ``created_at`` is in seconds since the epoch."""

    task_id: str
    created_at: float


Task = TaskWaiting | TaskSucceeded | TaskFailed | TaskCanceled | TaskUnknown
