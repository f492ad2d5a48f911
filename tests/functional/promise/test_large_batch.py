"""A batch of 1,000 lines, 50 of them invalid, on a manual clock."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.promise.batches import CONCURRENCY, a_line, charges, quick, receipt, rows, work_off

pytestmark = pytest.mark.promise("P1", "P2", "P3")

LINES = 1000
BAD = range(13, LINES + 1, 20)
GOOD = LINES - len(BAD)
MENDED = 113
COST = 0.42


def test_a_thousand_lines_of_which_fifty_are_invalid() -> None:
    """Each valid line is one job, task and charge, six at a time; the same file adds none, a fixed line adds one."""
    assert (50, 950) == (len(BAD), GOOD)
    lines = ["{oops" if number in BAD else a_line(seed=number) for number in range(1, LINES + 1)]
    with quick() as simulation:
        assert CONCURRENCY == work_off(simulation, lines)
        assert [GOOD] * 3 == [len(simulation.jobs()), len(simulation.tasks()), charges(simulation)]
        shown, table = receipt(simulation), rows(simulation)
        assert "finished" == shown["state"]
        assert LINES == shown["lines"]
        assert GOOD == shown["good"]
        assert 50 == shown["bad"]
        assert list(BAD) == [fault["line"] for fault in shown["faults"]]
        assert (GOOD, 0) == (shown["jobs"]["succeeded"], shown["repeated"])
        assert shown["estimated_cost"] == shown["cost"] == pytest.approx(COST * GOOD)
        assert list(range(1, LINES + 1)) == [int(row["line"]) for row in table]
        assert {"succeeded": GOOD, "refused": 50} == Counter(row["state"] for row in table)
        assert list(BAD) == [int(row["line"]) for row in table if row["error"] and not row["job"]]
        assert GOOD == len({row["job"] for row in table if row["job"]})

        assert CONCURRENCY >= work_off(simulation, lines)
        shown = receipt(simulation)
        assert GOOD == len(simulation.tasks())
        assert GOOD == shown["repeated"]
        assert 0.0 == shown["cost"]

        work_off(simulation, [*lines[: MENDED - 1], a_line(seed=MENDED), *lines[MENDED:]])
        shown = receipt(simulation)
        assert [GOOD + 1] * 3 == [len(simulation.jobs()), len(simulation.tasks()), charges(simulation)]
        assert GOOD + 1 == shown["good"]
        assert GOOD == shown["repeated"]
        assert COST == shown["cost"]
