"""Lets so many jobs of a lane be at DashScope at a time, and the others wait for nothing but their turn.

A slot is a lease on one of the tasks that may be in flight. Whoever changes something (a job that comes, one whose
task has ended) gives out what is free then. A breakdown anywhere leaves records from which ``repair`` goes on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gallop import clock, log, settings
from gallop.adapters.table import jobs as store
from gallop.adapters.table import slots
from gallop.adapters.table import task_durations as durations
from gallop.domain.errors import JobNotFound, WrongState
from gallop.domain.job import JobState, is_terminal
from gallop.domain.scheduling import queue as line
from gallop.domain.scheduling.queue import Standing
from gallop.services import publish
from gallop.services.isolation import left_to_the_next_sweep

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from gallop.adapters.table.slots import Gate
    from gallop.domain.job import Job
    from gallop.domain.scheduling.queue import Ticket

# More than the largest MaxInFlight (100).
TURNS_AT_MOST = 200
# A newcomer to a longer line is told its place by the next sweep, which reads the line once for all.
SHORT_LINE = 200
# So many receipts are written anew by one sweep; the others by the next.
TELLS_AT_MOST = 100
# An environment reads a line once in so many seconds, however many clients ask it for a place.
LINE_KEPT_SECONDS = 5


def admit(lane: str) -> None:
    """Give the slots of a lane that are free to those whose turn it is.

    Raises:
        WrongState: others kept changing the gate; they give out what is free, or the sweep does.

    """
    for _ in range(TURNS_AT_MOST):
        gate = slots.gate(lane)
        ticket = slots.first_in_line(gate) if len(gate.holders) < settings.max_in_flight() else None
        if ticket is None:
            return
        if slots.grant(gate, ticket, clock.now(), settings.deadline_seconds()):
            log.info("slot given", job_id=ticket.job_id)
            slots.wake(ticket.job_id)
    raise WrongState(f"The gate of lane {lane} kept moving.")


def free(job: Job) -> None:
    """Take back the slot, or the place in line, of a job that needs it no more, and let the next one start.

    The job itself is done with it: trouble here is left to the sweep.
    """
    with _left_to_the_sweep(job.id):
        slots.free(job.lane, job.id)
    with _left_to_the_sweep(job.id):
        if job.slot_since is None:
            slots.leave_line(job.lane, job.ticket)
        slots.wake(job.id)
    with _left_to_the_sweep(job.id):
        admit(job.lane)


def tell_newcomer(job: Job) -> None:
    """Write down where a job that has just come stands, if it waits; in a long line the next sweep does."""
    if _waits(job) and (stands := _standing_in(job, _line(job.lane, SHORT_LINE))):
        _tell(job, stands)


def standing(job: Job) -> Standing | None:
    """Tell how a job stands in line, as of a few seconds ago; None if it does not wait there.

    For one that has just come, and in a line of too many, it is what its owner was told last.
    """
    return _standing_in(job, _kept_line(job.lane, int(clock.now() // LINE_KEPT_SECONDS))) if _waits(job) else None


def forget() -> None:
    """Read lines again at the next question."""
    _kept_line.cache_clear()


def repair() -> None:
    """Make good what breakdowns left of slots and turns, and tell those who wait how far they have come.

    A receipt is written anew when the place has halved, so that nobody is told more than a dozen times.
    What cannot be repaired is left to the next sweep, and holds up nothing else.
    """
    with _left_to_the_sweep():
        for gate in slots.gates():
            for job_id in gate.holders:
                with _left_to_the_sweep(job_id):
                    _repair(gate.lane, job_id)
            with _left_to_the_sweep():
                admit(gate.lane)
            with _left_to_the_sweep():
                _tell_who_waits(gate.lane)


def _left_to_the_sweep(job_id: str = "") -> AbstractContextManager[None]:
    return left_to_the_next_sweep("slots not in order yet", job_id)


def _repair(lane: str, job_id: str) -> None:
    if not _needs_slot(job_id):
        slots.free(lane, job_id)
    elif slots.wake(job_id):
        log.warning("turn told late", job_id=job_id)


def _tell_who_waits(lane: str) -> None:
    waiting, gate = slots.waiting(lane), slots.gate(lane)
    places = line.places(waiting, gate.last_served)
    news = [ticket for ticket, told in waiting.items() if told is None or places[ticket.job_id] <= told // 2]
    for ticket in news[:TELLS_AT_MOST]:
        with _left_to_the_sweep(ticket.job_id):
            _tell_or_leave(gate, ticket, places[ticket.job_id])


def _tell_or_leave(gate: Gate, ticket: Ticket, place: int) -> None:
    try:
        job = store.job(ticket.job_id)
    except JobNotFound:
        # It ended and was deleted, and its place was left behind.
        slots.leave_line(gate.lane, ticket)
    else:
        _tell(job, _standing(job, place, gate))


def _tell(job: Job, stands: Standing) -> None:
    if slots.tell(job, stands):
        publish.status(store.job(job.id))


def _waits(job: Job) -> bool:
    return job.state is JobState.QUEUED and job.slot_since is None


@lru_cache(maxsize=8)
def _kept_line(lane: str, _moment: int) -> tuple[Gate, Mapping[str, int]]:
    return _line(lane, slots.PLACES_AT_MOST)


def _line(lane: str, at_most: int) -> tuple[Gate, Mapping[str, int]]:
    waiting, gate = slots.waiting(lane, at_most), slots.gate(lane)
    return gate, line.places(waiting, gate.last_served)


def _standing_in(job: Job, found: tuple[Gate, Mapping[str, int]]) -> Standing | None:
    gate, places = found
    place = places.get(job.id)
    return _standing(job, place, gate) if place else job.standing


def _standing(job: Job, place: int, gate: Gate) -> Standing:
    seconds, at_most = durations.known(job.request).mean, settings.max_in_flight()
    return Standing(place, line.starts_at(place, gate.holders.values(), clock.now(), seconds, at_most))


def _needs_slot(job_id: str) -> bool:
    try:
        job = store.job(job_id)
    except JobNotFound:
        return False
    return not is_terminal(job.state) and job.state is not JobState.STORING
