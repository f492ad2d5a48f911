"""What DashScope answers, as types: a submit, a task, a row of the list (fact sheet §1 to §3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submit that made a task."""

    task_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class TaskWaiting:
    """PENDING or RUNNING, or a word that we do not know yet. ``scheduled_at`` is when it began, if that is told."""

    is_pending: bool = False
    scheduled_at: float | None = None


@dataclass(frozen=True, slots=True)
class TaskSucceeded:
    """SUCCEEDED. The address is good for 24 hours from the end of the task; it is empty if DashScope forgot it.

    ``ran_for`` is the seconds from its beginning to its end, if both are told.
    """

    video_url: str = field(repr=False)
    usage: Mapping[str, Any]
    orig_prompt: str = field(repr=False)
    ran_for: float | None = None


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """FAILED, with DashScope's reason."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TaskCanceled:
    """CANCELED."""


@dataclass(frozen=True, slots=True)
class TaskUnknown:
    """UNKNOWN: expired, or a task of another account or region."""


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A task as the list shows it: no prompt, no parameters. ``created_at`` is in seconds since the epoch."""

    task_id: str
    created_at: float


Task = TaskWaiting | TaskSucceeded | TaskFailed | TaskCanceled | TaskUnknown
