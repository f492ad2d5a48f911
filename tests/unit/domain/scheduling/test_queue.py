"""The queue for slots: round robin over clients, and the positions that waiting jobs see."""

from __future__ import annotations

import pytest
from gallop.domain.job import new_job_id
from gallop.domain.scheduling import queue
from gallop.domain.scheduling.queue import Ticket
from hypothesis import given
from hypothesis import strategies as st

clients = st.sampled_from(["a", "a-b", "a.b", "ab", "b", "s3", "z_9"])
tickets = st.lists(
    st.builds(
        Ticket,
        clients,
        st.sampled_from(queue.PRIORITIES),
        st.integers(0, 3 * 10**9),
        st.builds(new_job_id, st.floats(0, 3 * 10**9)),
    ),
    max_size=30,
)


def served(waiting: list[Ticket], last_served: str) -> list[str]:
    """Serve all as the pool does: each time the first after the client that was served last."""
    left = sorted(waiting, key=lambda ticket: ticket.name)
    order = []
    while left:
        behind = [ticket for ticket in left if ticket.name > queue.key_after(last_served)]
        ticket = (behind or left)[0]
        left.remove(ticket)
        order.append(ticket.job_id)
        last_served = ticket.client
    return order


@given(tickets, clients | st.just(""))
def test_positions_are_the_order_of_service(waiting: list[Ticket], last_served: str) -> None:
    """A job's position is the number of slots that are assigned until its own, if no other job arrives."""
    positions = queue.positions(sorted(waiting, key=lambda ticket: ticket.name), last_served)
    assert list(range(1, len(waiting) + 1)) == [positions[job_id] for job_id in served(waiting, last_served)]


@given(tickets, clients, clients)
def test_a_single_job_waits_for_at_most_one_of_each_client(waiting: list[Ticket], last_served: str, late: str) -> None:
    """However many jobs others have, a client with one job starts after at most one job of each of them."""
    others = [ticket for ticket in waiting if ticket.client != late]
    single = Ticket(late, 0, 4 * 10**9, new_job_id(0))
    position = served([*others, single], last_served).index(single.job_id)
    assert position <= len({ticket.client for ticket in others})


@given(tickets)
def test_within_a_client_priority_precedes_arrival(waiting: list[Ticket]) -> None:
    """Within a client the higher priority is first, then the earlier arrival."""
    order = served(waiting, "")
    by_id = {ticket.job_id: ticket for ticket in waiting}
    for client in {ticket.client for ticket in waiting}:
        own = [by_id[job_id] for job_id in order if by_id[job_id].client == client]
        assert sorted(own, key=lambda one: (-one.priority, one.came_at, one.job_id)) == own


@given(
    st.builds(
        Ticket,
        clients,
        st.sampled_from(queue.PRIORITIES),
        st.integers(0, 3 * 10**9),
        st.builds(new_job_id, st.floats(0, 3 * 10**9)),
    )
)
def test_a_ticket_can_be_read_from_its_name(ticket: Ticket) -> None:
    """The name contains all of the ticket."""
    assert ticket == queue.ticket_from(ticket.name)


@pytest.mark.parametrize(
    ("position", "slots", "rounds"), [(1, 6, 1), (5, 6, 1), (6, 6, 2), (1000, 6, 200), (3, 1, 3), (3, 2, 2), (8, 8, 2)]
)
def test_the_start_is_estimated_by_rounds(position: int, slots: int, rounds: int) -> None:
    """Five run at a time, or as many as there are slots, or all but one of them under a higher limit."""
    assert 1000 + rounds * 80 == queue.starts_at(position, [1000.0] * slots, 1000, 80, slots)


@given(st.lists(st.integers(0, 1000), max_size=8), st.integers(1, 8), st.integers(1, 400))
def test_no_position_starts_before_the_previous_one_or_in_the_past(since: list[int], slots: int, seconds: int) -> None:
    """The running jobs may have started at any time, and a task may have any delay."""
    starts = [queue.starts_at(position, since, 1000, seconds, slots) for position in range(1, 30)]
    assert sorted(starts) == starts
    assert starts[0] >= 1000


def test_the_estimated_start_is_stable_while_nothing_changes() -> None:
    """A job starts when the oldest running job reaches its expected end; if that is overdue, within 15 seconds."""
    assert [1050, 1050] == [queue.starts_at(1, [970, 990], now, 80, 2) for now in (1000, 1007)]
    assert [1065, 1065] == [queue.starts_at(1, [900, 990], now, 80, 2) for now in (1051, 1065)]


def test_more_holders_than_slots_delay_the_first_start() -> None:
    """If three hold slots and the limit is two now, the first end frees no slot."""
    assert 110 == queue.starts_at(1, [0, 10, 20], 30, 100, 2)
