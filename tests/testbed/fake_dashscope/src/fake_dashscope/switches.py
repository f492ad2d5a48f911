"""Switches for what DashScope's documents leave open, and its published limits."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

BadParameters = Literal["submit", "task"]
EditInput = Literal["whole", "used"]
ExpiryFrom = Literal["submit", "completion"]
Reach = Literal["loopback", "all"]
UnknownModel = Literal["ModelNotFound", "InvalidParameter"]


@dataclass(frozen=True, slots=True)
class Switches:
    """How the fake behaves where DashScope's documents leave it open.

    - ``bad_parameters``: what fails on a bad parameter or media list, the submit or the task.
    - ``expiry_from``: when the 24 hours of a task id begin.
    - ``fetch``: which media URLs are downloaded; the others become placeholders.
    - ``list_lag``: seconds until the list shows a new task.
    - ``list_hours``: the time zone of the list's ``start_time`` and ``end_time``, in hours east of UTC.
    - ``unknown_model``: the error code for an unknown model.
    - ``task_seconds``: the running time of every task, instead of a random one.
    - ``audio``: whether videos have a sound track.
    - ``render_ahead``: whether the server renders videos while their tasks run, not at the first download.
    - ``fetch_timeout``: maximum real seconds per download of a medium.
    - ``edit_input``: the input seconds that an edit bills of a video over 15 s: all, or the 15 s that it uses.
    """

    bad_parameters: BadParameters = "submit"
    expiry_from: ExpiryFrom = "submit"
    fetch: Reach = "loopback"
    list_lag: float = 0.0
    list_hours: float = 8.0
    unknown_model: UnknownModel = "ModelNotFound"
    task_seconds: float | None = None
    audio: bool = True
    render_ahead: bool = True
    fetch_timeout: float = 10.0
    edit_input: EditInput = "whole"


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests per second, and tasks at a time.

    ``submits`` and ``policies`` (per second), ``running`` and ``queued`` apply per account and model; ``queries``,
    ``lists`` and ``cancels`` (per second) per account.
    """

    submits: float = 5
    running: int = 5
    queued: float = 500
    queries: float = 20
    lists: float = 20
    cancels: float = 20
    policies: float = 100

    @classmethod
    def none(cls, running: int = 5) -> Limits:
        """Lift all limits except the number of running tasks."""
        return cls(inf, running, inf, inf, inf, inf, inf)
