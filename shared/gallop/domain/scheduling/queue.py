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
# DashScope runs so many tasks of a model at a time (fact sheet §6). Of more slots than that one is for a task that
# waits there, ready; with more slots still, the account has a higher limit.
RUNNING_AT_DASHSCOPE = 5
# What should have ended by now may do so at any moment: told in steps, so that what has not changed reads the same.
STEP_SECONDS = 15


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
class QueuePosition:
    """How a waiting job stands: its place, from 1, and when its turn is likely to come (seconds since the epoch)."""

    position: int
    starts_at: float


def ticket_from(name: str) -> Ticket:
    """Read a ticket's name."""
    client, rank, came, job_id = name.split("#")
    return Ticket(client, PRIORITIES[-1] - int(rank), int(came) / 1000, job_id)


def key_after(client: str) -> str:
    """Give a name behind all those of a client."""
    return f"{client}#{END}" if client else ""


def positions(tickets: Iterable[Ticket], last_served: str) -> dict[str, int]:
    """Give each job's place, from 1, if nobody else came; ``tickets`` are all that wait, in the table's order.

    In the n-th round each client that still has a job gets its n-th one served, beginning behind the one who was
    served last.
    """
    seen: Counter[str] = Counter()
    order: list[tuple[int, bool, str, str]] = []
    for ticket in tickets:
        order.append((seen[ticket.client], ticket.client <= last_served, ticket.client, ticket.job_id))
        seen[ticket.client] += 1
    return {job_id: position for position, (*_, job_id) in enumerate(sorted(order), start=1)}


def starts_at(position: int, since: Iterable[float], now: float, task_seconds: float, slots: int) -> float:
    """Estimate when a place's turn comes, if all tasks take so long: there is one whenever a task ends.

    ``since`` is from when on each of those who hold a slot has had it. Where those are more than there are slots by
    now, the first ends bring nobody a turn.
    """
    at_once = slots - 1 if slots > RUNNING_AT_DASHSCOPE else max(slots, 1)
    soon = ceil(now / STEP_SECONDS) * STEP_SECONDS
    holders = sorted(since)
    running = holders[max(len(holders) - slots, 0) :][:at_once]
    ends = [max(started + task_seconds, soon) for started in running]
    ends += [soon] * (at_once - len(ends))
    rounds, index = divmod(position - 1, at_once)
    return sorted(ends)[index] + rounds * task_seconds
