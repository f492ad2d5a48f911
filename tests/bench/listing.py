"""A page of the list of 10 and of 10,000 jobs: its calls, the bytes that it reads, and its time."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from gallop.adapters.table import jobs
from gallop.doors.https import listing
from gallop.doors.https.identity import Caller

from tests.bench.traffic import counted
from tests.support.jobs import a_job
from tests.support.promise import fresh
from tests.support.promise.simulation import API_URL

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTHS, SHOWN, REPEATED = (10, 10_000), 5, 5


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of five jobs, in the middle of a list of a length; on an embedded table."""

    length: int
    calls: int
    read_bytes: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Listings:
    """By length."""

    listings: tuple[Listed, ...]


def measure(say: Callable[[str], None]) -> Listings:
    """Measure a short list and a long one."""
    return Listings(tuple(_listed(length, say) for length in LENGTHS))


def _listed(length: int, say: Callable[[str], None]) -> Listed:
    say(f"a list of {length} jobs")
    with fresh() as simulation:
        made = []
        for _ in range(length):
            simulation.clock.advance(0.01)
            made.append(a_job(now=simulation.clock.now()))
            assert jobs.create(made[-1]).is_new
        caller, after = Caller(made[0].client), {"after": made[length // 2].id, "limit": str(SHOWN)}
        pages = []
        for _ in range(REPEATED):
            with counted(simulation) as traffic:
                page = listing.page(caller, after, API_URL)
            assert SHOWN == len(page["data"])
            pages.append(traffic)
    return Listed(length, pages[0].calls, pages[0].read_bytes, median(page.milliseconds for page in pages))
