"""The queue for slots: round robin over clients, first in, first out within a client.

The waiting jobs of a lane are in one partition of the table, sorted by name: ``client#rank#creation time#job``. The
next client is the first after the one that was served last, cyclically, so that one query finds it however long the
queue is, and a client with one job waits for at most one job of each other client. Within a client, jobs with a higher
priority go first.
"""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import TYPE_CHECKING

from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

PRIORITIES = range(10)
# Sorts after every character that follows a client's name, and does not occur in names.
END = "~"
# The tasks of a model that DashScope runs at a time (fact sheet §6). If there are more slots than that, one of them is
# for a task that waits at DashScope; if there are even more, the account has a higher limit.
RUNNING_AT_DASHSCOPE = 5
# A task that should have ended by now may end at any moment. Estimates are rounded to these steps, so that an unchanged
# situation gives an unchanged estimate.
STEP_SECONDS = 15


@frozen
class Ticket:
    """A place in the queue of a lane. ``came_at`` is when the job was created, in seconds since the epoch."""

    client: str
    priority: int
    came_at: float
    job_id: str

    @property
    def name(self) -> str:
        """The sort key in the queue."""
        return f"{self.client}#{PRIORITIES[-1] - self.priority}#{round(self.came_at * 1000):014d}#{self.job_id}"


@frozen
class QueuePosition:
    """A waiting job's position, from 1, and when it is likely to start (seconds since the epoch)."""

    position: int
    starts_at: float


def ticket_from(name: str) -> Ticket:
    """Parse a ticket's name."""
    client, rank, created, job_id = name.split("#")
    return Ticket(client, PRIORITIES[-1] - int(rank), int(created) / 1000, job_id)


def key_after(client: str) -> str:
    """Return a name that sorts after all those of a client."""
    return f"{client}#{END}" if client else ""


def positions(tickets: Iterable[Ticket], last_served: str) -> dict[str, int]:
    """Return each waiting job's position, from 1, assuming that no other job is added.

    ``tickets`` are all waiting jobs, in the table's order. The n-th round serves the n-th job of each client that has
    one, starting after the client that was served last.
    """
    seen: Counter[str] = Counter()
    order: list[tuple[int, bool, str, str]] = []
    for ticket in tickets:
        order.append((seen[ticket.client], ticket.client <= last_served, ticket.client, ticket.job_id))
        seen[ticket.client] += 1
    return {job_id: position for position, (*_, job_id) in enumerate(sorted(order), start=1)}


def at_once(slots: int) -> int:
    """Return how many tasks of an account and model run at a time, of those that hold its slots."""
    return slots - 1 if slots > RUNNING_AT_DASHSCOPE else max(slots, 1)


def starts_at(  # noqa: PLR0913, PLR0917 - the last one for several lanes only
    position: int, since: Iterable[float], now: float, task_seconds: float, slots: int, running_at_once: int = 0
) -> float:
    """Estimate when the job at a position starts, if every task takes ``task_seconds``: one starts when one ends.

    ``since`` gives the time at which each current holder got its slot. If there are more holders than slots, because
    the number of slots was reduced, the first tasks to end do not free a slot. ``running_at_once`` is how many tasks
    run at a time if the slots are those of several lanes. Times are seconds since the epoch.
    """
    at_once_now = running_at_once or at_once(slots)
    soon = ceil(now / STEP_SECONDS) * STEP_SECONDS
    holders = sorted(since)
    running = holders[max(len(holders) - slots, 0) :][:at_once_now]
    ends = [max(started + task_seconds, soon) for started in running]
    ends += [soon] * (at_once_now - len(ends))
    rounds, index = divmod(position - 1, at_once_now)
    return sorted(ends)[index] + rounds * task_seconds
