"""Who waits for a slot, and whose turn is next: round robin over clients, first come first served within a client.

Those who wait for one lane lie in one partition of the table, in the order of their names: ``client#rank#came#job``.
The next client is the first one behind the client who was served last, in a circle, so that one question finds it
however many wait, and a client with one job starts after at most one job of each other client. Within a client, a
higher priority goes first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PRIORITIES = range(10)
# A character behind all that follows a client's name, and none of which a name has.
END = "~"
# DashScope runs so many tasks of a model at a time; what Gallop sends beyond waits there, ready.
READY_AT_DASHSCOPE = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in the line of a lane. ``came_at`` is when the job was created, in seconds since the epoch."""

    client: str
    priority: int
    came_at: float
    job_id: str

    @property
    def name(self) -> str:
        """What it is sorted by."""
        return f"{self.client}#{PRIORITIES[-1] - self.priority}#{round(self.came_at * 1000):014d}#{self.job_id}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a waiting job stands: its place, from 1, and when its turn is likely to come (seconds since the epoch)."""

    place: int
    starts_at: float


def ticket_from(name: str) -> Ticket:
    """Read a ticket's name."""
    client, rank, came, job_id = name.split("#")
    return Ticket(client, PRIORITIES[-1] - int(rank), int(came) / 1000, job_id)


def behind(client: str) -> str:
    """Give a name behind all those of a client."""
    return f"{client}#{END}" if client else ""


def places(tickets: Iterable[Ticket], last_served: str) -> dict[str, int]:
    """Give each job's place, from 1, if nobody else came; ``tickets`` are all that wait, in the table's order.

    In the n-th round each client that still has a job gets its n-th one served, beginning behind the one who was
    served last.
    """
    seen: Counter[str] = Counter()
    turns: list[tuple[int, bool, str, str]] = []
    for ticket in tickets:
        turns.append((seen[ticket.client], ticket.client <= last_served, ticket.client, ticket.job_id))
        seen[ticket.client] += 1
    return {job_id: place for place, (*_, job_id) in enumerate(sorted(turns), start=1)}


def starts_at(place: int, now: float, task_seconds: float, slots: int) -> float:
    """Estimate when a place's turn comes, if all tasks take so long: ``slots`` less those that DashScope has ready."""
    rounds = ceil(place / max(slots - READY_AT_DASHSCOPE, 1))
    return now + rounds * task_seconds
