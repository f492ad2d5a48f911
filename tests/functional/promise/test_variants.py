"""A request for several videos is as many jobs and charges, all or none, whichever of its calls is the last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters.table import jobs as store
from gallop.domain.errors import BudgetExceeded, IdempotencyMismatch, JobDeleted
from gallop.domain.job import Job, JobState
from gallop.doors.https.videos import Created
from gallop.services.cancel import cancel
from gallop.services.erase import erase
from gallop.services.groups import members

from tests.support.promise import Killed, Simulation
from tests.support.promise.money import HOUR, PRICE, PROMPT, caps, sweep_for, used
from tests.support.promise.simulation import PICTURE_URL
from tests.testbed.aws.kill_points import after, before, points_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P1", "P9")

# The calls of a create of two, as they are recorded below.
OF_A_PAIR = (
    *("GetItem", "TransactWriteItems", "PutObject", "GetItem", "StartExecution"),
    *("PutObject", "GetItem", "StartExecution", "GetItem", "UpdateItem"),
)
POINTS = points_of(OF_A_PAIR)


def made(simulation: Simulation, n: int = 2, kill: KillPoint | None = None, **fields: Any) -> tuple[Job, ...]:  # noqa: ANN401 - of a body or header
    """Create a group at the HTTPS door; return its jobs. ``idempotency_key`` is a header, all else a field."""
    headers = {name: fields.pop(name) for name in ("idempotency_key", "x_stainless_retry_count") if name in fields}
    body = {"prompt": PROMPT, "images": [PICTURE_URL], "duration": 3, "n": n, **fields}
    created = simulation.post_body(json.dumps(body), kill, **headers)
    assert isinstance(created, Created)
    assert created.job.group
    return members(created.job.group.id)


def seeds(jobs: Sequence[Job]) -> list[Any]:
    """Return the seeds of jobs."""
    return [job.request.parameters["seed"] for job in jobs]


def test_a_group_makes_as_many_tasks(simulation: Simulation) -> None:
    """Each job has its own execution, task, seed and video; the seeds are those of the tasks."""
    jobs = made(simulation, 4, seed=2_147_483_646)
    simulation.run_for(HOUR)
    ended = [simulation.job(job.id) for job in jobs]
    assert [JobState.SUCCEEDED] * 4 == [job.state for job in ended]
    assert [2_147_483_646, 2_147_483_647, 0, 1] == seeds(ended)
    assert 4 == len({job.task_id for job in ended})
    assert 4 == len(simulation.tasks())
    assert 4 == len({job.result.key for job in ended if job.result})


def test_a_create_of_a_group_makes_one_transaction(simulation: Simulation) -> None:
    """All jobs are recorded by the first call of the function."""
    made(simulation, idempotency_key="k")
    assert [list(OF_A_PAIR)] == simulation.made["Submit"]


@pytest.mark.parametrize("kill", POINTS, ids=str)
def test_a_repeated_create_makes_the_same_jobs(simulation: Simulation, kill: KillPoint) -> None:
    """With a key, whichever call of the first create was its last; without a key, up to the answer."""
    unanswered: list[dict[str, Any]] = [{}] if kill != POINTS[-1] else []
    for headers in ({"idempotency_key": "k"}, {"x_stainless_retry_count": "1"}, *unanswered):
        with pytest.raises(Killed):
            made(simulation, kill=kill, **headers)
        recorded = {job.id for job in simulation.jobs()}
        repeated = {job.id for job in made(simulation, **headers)}
        assert repeated >= {job_id for job_id in recorded if simulation.job(job_id).state is JobState.QUEUED}
        simulation.run_for(HOUR)
        simulation.clock.advance(HOUR)
    groups_made = 2 + len(unanswered)
    assert 2 * groups_made == len(simulation.jobs()) == len(simulation.tasks())


@pytest.mark.parametrize("kill", POINTS, ids=str)
def test_the_sweep_starts_what_nobody_repeats(simulation: Simulation, kill: KillPoint) -> None:
    """All jobs of the group get their task, or there is no job."""
    with pytest.raises(Killed):
        made(simulation, kill=kill)
    sweep_for(simulation, HOUR)
    expected = 0 if kill in (before("GetItem"), after("GetItem"), before("TransactWriteItems")) else 2
    assert [JobState.SUCCEEDED] * expected == [job.state for job in simulation.jobs()]
    assert expected == len(simulation.tasks())


def test_repetitions_that_die_as_well_make_nothing_new(simulation: Simulation) -> None:
    """Each dies at the next call; the last one is answered."""
    for kill in POINTS:
        with pytest.raises(Killed):
            made(simulation, 4, kill, idempotency_key="k")
    assert 4 == len(made(simulation, 4, idempotency_key="k"))
    simulation.run_for(HOUR)
    assert 4 == len(simulation.tasks()) == len(simulation.jobs())


def test_a_key_is_for_one_number(simulation: Simulation) -> None:
    """The same request for more or fewer videos is another content."""
    first = made(simulation, 2, idempotency_key="k")
    for n in (1, 3):
        with pytest.raises(IdempotencyMismatch):
            made(simulation, n, idempotency_key="k")
    assert first == made(simulation, 2, idempotency_key="k")
    assert 2 == len(simulation.jobs())


def test_drawn_seeds_are_those_of_the_repetition(simulation: Simulation) -> None:
    """They are drawn once, and two equal requests that are answered have others."""
    first = made(simulation, 4, idempotency_key="k")
    assert seeds(first) == seeds(made(simulation, 4, idempotency_key="k"))
    other = made(simulation, 4, idempotency_key="l")
    assert 8 == len({*seeds(first), *seeds(other)})


@pytest.mark.parametrize("limits", [{"day": 4 * PRICE}, {"client_month": 4 * PRICE}])
def test_a_cap_has_room_for_all_or_none(simulation: Simulation, limits: dict[str, float]) -> None:
    """Four fit exactly. Two do not fit beside three: none is made, and nothing is reserved."""
    owner = "ALL" if "day" in limits else "CLIENT#ada"
    with caps(**limits):
        made(simulation, 3)
        with pytest.raises(BudgetExceeded, match=r"these 2 jobs are estimated at \$0\.84"):
            made(simulation, 2)
        with pytest.raises(BudgetExceeded, match=r"these 4 jobs are estimated at \$1\.68"):
            made(simulation, 4)
        assert 3 == len(simulation.jobs())
        assert pytest.approx(3 * PRICE) == used(simulation, owner)["month"]
    with caps(**{name: usd + 3 * PRICE for name, usd in limits.items()}):
        made(simulation, 4)
    assert pytest.approx(7 * PRICE) == used(simulation, owner)["month"]


def test_a_group_over_the_whole_cap_gets_no_time_to_retry(simulation: Simulation) -> None:
    """Each of its jobs alone would fit."""
    with caps(day=2 * PRICE), pytest.raises(BudgetExceeded, match=r"these 3 jobs alone are estimated at \$1\.26"):
        made(simulation, 3)
    assert [] == simulation.jobs()


def test_one_that_fails_does_not_fail_the_others(simulation: Simulation) -> None:
    """Three have their video, one releases what it had reserved."""
    with caps(day=10):
        made(simulation, 4)
        simulation.fake.fault(on="task", kind="fail")
        sweep_for(simulation, HOUR)
    states = sorted(job.state.value for job in simulation.jobs())
    assert ["failed", *["succeeded"] * 3] == states
    assert pytest.approx(3 * PRICE) == used(simulation)["month"]


def test_one_that_is_cancelled_does_not_cancel_the_others(simulation: Simulation) -> None:
    """It was waiting: it makes no task and costs nothing."""
    with caps(day=10):
        first, *_ = made(simulation, 3)
        cancel(first.id)
        sweep_for(simulation, HOUR)
    assert 2 == len(simulation.tasks())
    assert pytest.approx(2 * PRICE) == used(simulation)["month"]


def test_a_lost_reply_of_one_is_one_task(simulation: Simulation) -> None:
    """Equal prompts do not confuse the search for the task of a lost reply."""
    simulation.fake.fault(on="submit", kind="drop_after_accept")
    made(simulation, 4)
    sweep_for(simulation, 2 * HOUR)
    assert [JobState.SUCCEEDED] * 4 == [job.state for job in simulation.jobs()]
    assert 4 == len(simulation.tasks()) == len({job.task_id for job in simulation.jobs()})


def test_a_repetition_shows_the_jobs_that_are_left(simulation: Simulation) -> None:
    """A deleted job of a group does not come back; when all are deleted, the key says so, and a retry is new."""
    jobs = made(simulation, 2, idempotency_key="k")
    retried = made(simulation, 2, x_stainless_retry_count="1")
    sweep_for(simulation, 300)
    with_key: dict[str, Any] = {"idempotency_key": "k"}
    for (first, second), headers in ((jobs, with_key), (retried, {"x_stainless_retry_count": "1"})):
        erase(store.get(first.id))
        assert [second.id] == [job.id for job in made(simulation, 2, **headers)]
        erase(store.get(second.id))
    with pytest.raises(JobDeleted):
        made(simulation, 2, idempotency_key="k")
    assert [] == simulation.jobs()
    assert 2 == len(made(simulation, 2, x_stainless_retry_count="1"))


def test_a_create_that_died_after_one_start_has_the_rest_started_once(simulation: Simulation) -> None:
    """The execution that runs is not started again."""
    with pytest.raises(Killed):
        made(simulation, 4, after("StartExecution"), idempotency_key="k")
    assert 1 == len(simulation.workflow.executions)
    made(simulation, 4, idempotency_key="k")
    assert 4 == len(simulation.workflow.executions)
