"""The lanes of a model as last read: which of them take a job now, and whose queues they serve."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from gallop import clock
from gallop.adapters.table import slots
from gallop.domain import lanes
from gallop.domain.frozen import frozen
from gallop.services import lane_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.lanes import Lane
    from gallop.domain.placement import Placement
    from gallop.domain.scheduling.queue import Ticket


@frozen
class LaneGroup:
    """The lanes of a model that are not paused, the slots of all lanes, and the names of the queues that they serve.

    ``without_room`` are the queues and accounts of which the caps had no room for the next job.
    """

    lanes: Mapping[str, Lane]
    pools: Mapping[str, SlotPool]
    queues: tuple[str, ...]
    without_room: set[tuple[str, str]] = field(default_factory=set)

    @property
    def last(self) -> SlotPool:
        """The lane that has served last."""
        return max(self.pools.values(), key=lambda pool: pool.turn)

    def free(self) -> list[Lane]:
        """Return the lanes that take a job now, in the order in which they get one.

        A lane that has failed gets one job first when it opens, whose success proves it.
        """
        held = {name: len(pool.holders) for name, pool in self.pools.items()}
        there = [lane for name, lane in self.lanes.items() if name in held and not self.is_closed(name)]
        there = [lane for lane in there if held[lane.name] < lane.slots]
        doubtful = [lane for lane in there if self.pools[lane.name].failures]
        probes = [lane for lane in doubtful if not self._is_probed(lane.name)]
        return [*probes, *lanes.emptiest_first((lane for lane in there if lane not in doubtful), held)]

    def is_closed(self, name: str) -> bool:
        """Return whether a lane has failed, and takes no jobs now."""
        return self.pools[name].closed_until > clock.now()

    def _is_probed(self, name: str) -> bool:
        """Return whether a lane that has failed has got a job since it opened."""
        pool = self.pools[name]
        return any(since >= pool.closed_until for since in pool.holders.values())

    def has_others(self, name: str, placement: Placement) -> bool:
        """Return whether another lane may take a job of this one, now or when it opens."""
        return lanes.first_for(placement, (lane for other, lane in self.lanes.items() if other != name)) is not None

    def first_for(self, queue_of: str, free: Iterable[Lane]) -> Lane | None:
        """Return the first of these lanes in which the jobs of a queue may run, and which may have room for one."""
        has_room = (lane for lane in free if (queue_of, lane.account) not in self.without_room)
        return lanes.first_for(lanes.placement_in(queue_of), has_room)

    def note_without_room(self, queue_of: str, lane: Lane) -> None:
        """Note that a lane has no room under its caps for the next job of a queue: others may take it."""
        self.without_room.add((queue_of, lane.account))

    def next_job(self, free: Sequence[Lane]) -> tuple[Lane, str, Ticket] | None:
        """Return the job that is next for these lanes: the lane that it gets, its queue and its ticket.

        A queue whose jobs may run in none of them does not hold up the others.
        """
        found, served = [], {name: self.first_for(name, free) for name in self.queues}
        for name in (name for name, lane in served.items() if lane):
            ticket, _ = slots.next_in_queue(replace(self.pools[name], last_served=self.last.last_served))
            if ticket:
                found.append((name, ticket))
        if not found:
            return None
        queue_of, ticket = lanes.first(found, self.last.last_served)
        lane = served[queue_of]
        return (lane, queue_of, ticket) if lane else None


def group_of(name: str, pools: Sequence[SlotPool]) -> LaneGroup:
    """Return the lanes of the model of a lane or queue, out of all."""
    shared = [one for one in pools if lanes.share_queue(one.lane, name)]
    queues = tuple(one.lane for one in shared if one.lanes is not None or lanes.is_restricted(one.lane))
    found = {lane.name: lane for one in shared for lane in lane_list.of(one) if not lane.paused}
    return LaneGroup(found, {one.lane: one for one in shared}, queues)
