"""What the vendor's documents leave open, as switches, and its published limits."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

BadParameters = Literal["submit", "task"]
ExpiryFrom = Literal["submit", "completion"]
Reach = Literal["loopback", "all"]
UnknownModel = Literal["ModelNotFound", "InvalidParameter"]


@dataclass(frozen=True, slots=True)
class Switches:
    """How the fake behaves where no document decides (the fact sheet §12 and §13).

    ``bad_parameters``: where a bad parameter or media list fails. ``expiry_from``: where the 24 h of a task id
    begin. ``fetch``: which media URLs are really fetched; the others are drawn as placeholders. ``fetch_timeout``:
    real seconds that one may take. ``list_lag``: seconds until the list shows a task. ``list_hours``: the zone in
    which the list reads ``start_time`` and ``end_time``, in hours east of UTC. ``unknown_model``: the code for a
    model that is not sold. ``task_seconds``: running time of every task, instead of the drawn one. ``audio``: a
    quiet sound track. ``render_ahead``: draw videos while their tasks run, if the fake works in the background,
    rather than at the first download.
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


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests per second and tasks at a time (the fact sheet §6).

    ``submits`` (per second), ``running`` and ``queued`` hold per account and model, ``queries``, ``lists`` and
    ``cancels`` per account, ``policies`` per account and model.
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
        """Lift all limits but the number of tasks that run at a time."""
        return cls(inf, running, inf, inf, inf, inf, inf)
