"""One create, however often it is sent: keys, SDK retries, equal requests at once, and existing executions."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.stepfunctions.job_workflow import Execution
from gallop.domain.errors import IdempotencyMismatch, InvalidRequest

from tests.support.promise import Killed, Simulation
from tests.support.promise.recorded import OF_A_JOB
from tests.support.promise.simulation import API_URL
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from gallop.doors.https.videos import Created

pytestmark = pytest.mark.promise("P1")

GIRL, FAN = "https://example.com/girl.jpg", "https://example.com/fan.jpg"
WISH: dict[str, Any] = {"prompt": "The girl of [Image 1] takes [Image 2].", "images": [GIRL, FAN], "duration": 3}
TEN_MINUTES, DAY = 600, 86_400


def create(simulation: Simulation, new_job: dict[str, Any] | None = None, **headers: str) -> Created:
    """Create a job that must be accepted."""
    made = simulation.post_body(json.dumps(new_job or WISH), None, **headers)
    assert not isinstance(made, dict)
    return made


def test_same_key_same_content_is_the_same_job(simulation: Simulation) -> None:
    """The second answer shows the first job, marked as a replay."""
    first, second = (create(simulation, idempotency_key="k") for _ in range(2))
    assert first.job.id == second.job.id
    assert first.is_replay is False
    assert second.is_replay is True
    assert 1 == len(simulation.jobs())


def test_same_key_other_content_is_refused(simulation: Simulation) -> None:
    """The other content has no effect."""
    create(simulation, idempotency_key="k")
    with pytest.raises(IdempotencyMismatch):
        create(simulation, {**WISH, "duration": 4}, idempotency_key="k")
    assert 1 == len(simulation.jobs())


@pytest.mark.parametrize(
    "other",
    [{"images": [FAN, GIRL]}, {"images": [GIRL, GIRL]}, {"seed": 1}, {"prompt": "Other."}, {"ratio": "1:1"}],
    ids=str,
)
def test_what_content_is(simulation: Simulation, other: dict[str, Any]) -> None:
    """The order of the images and every field are part of the content."""
    create(simulation, idempotency_key="k")
    with pytest.raises(IdempotencyMismatch):
        create(simulation, {**WISH, **other}, idempotency_key="k")


def test_what_content_is_not(simulation: Simulation) -> None:
    """The order of keys, white space and explicit default values are not part of the content."""
    first = create(simulation, idempotency_key="k")
    spelled = {name: WISH[name] for name in reversed(WISH)} | {"resolution": "720P", "watermark": False}
    made = simulation.post_body(json.dumps(spelled, indent=4), idempotency_key="k")
    assert not isinstance(made, dict)
    assert first.job.id == made.job.id


def test_key_belongs_to_its_client(simulation: Simulation) -> None:
    """An equal key of another client is another key."""
    from gallop.doors.https import videos  # noqa: PLC0415
    from gallop.doors.https.bodies import Body  # noqa: PLC0415

    body = Body(json.dumps(WISH).encode(), "application/json")
    made = [videos.create_video(client, body, {"idempotency-key": "k"}, API_URL) for client in ("ada", "bob")]
    assert 2 == len(simulation.jobs())
    assert [False, False] == [one.is_replay for one in made if not isinstance(one, dict)]


def test_refused_request_leaves_its_key_unused(simulation: Simulation) -> None:
    """An invalid request can be fixed and resent with the same key."""
    with pytest.raises(InvalidRequest):
        create(simulation, {**WISH, "duration": 99}, idempotency_key="k")
    assert not create(simulation, idempotency_key="k").is_replay


def test_key_is_forgotten_after_a_day(simulation: Simulation) -> None:
    """A key is valid for 24 hours."""
    first = create(simulation, idempotency_key="k")
    simulation.clock.advance(DAY - 1)
    assert first.job.id == create(simulation, idempotency_key="k").job.id
    simulation.clock.advance(1)
    assert first.job.id != create(simulation, idempotency_key="k").job.id


@pytest.mark.parametrize("headers", [{"idempotency_key": "k"}, {"x_stainless_retry_count": "1"}], ids=str)
def test_fifty_at_once_are_one_job(simulation: Simulation, headers: dict[str, str]) -> None:
    """One of fifty equal concurrent requests creates the job; all show it."""
    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(lambda _: create(simulation, None, **headers), range(50)))
    assert 1 == len({one.job.id for one in made}) == len(simulation.jobs())
    assert 1 == sum(not one.is_replay for one in made)
    assert 1 == len(simulation.workflow.executions)


def test_sdk_retry_is_the_same_job(simulation: Simulation) -> None:
    """A marked retry of the same content within ten minutes needs no key."""
    first = create(simulation, x_stainless_retry_count="0")
    simulation.clock.advance(TEN_MINUTES - 1)
    assert first.job.id == create(simulation, x_stainless_retry_count="1").job.id
    simulation.clock.advance(1)
    assert first.job.id != create(simulation, x_stainless_retry_count="2").job.id


def test_sdk_retry_that_overtakes_its_first_try_is_the_same_job(simulation: Simulation) -> None:
    """The one that arrives first creates the job."""
    retry = create(simulation, x_stainless_retry_count="1")
    assert retry.job.id == create(simulation, x_stainless_retry_count="0").job.id


def test_equal_requests_without_a_mark_are_two(simulation: Simulation) -> None:
    """Two equal requests without a key or a retry header are two videos."""
    assert create(simulation).job.id != create(simulation).job.id


def test_create_that_died_is_made_good(simulation: Simulation) -> None:
    """Wherever the door died, the retry shows one job, and that job runs."""
    points = points_of(OF_A_JOB["Submit"])
    for number, kill in enumerate(points):
        key = f"key-{number}"
        new_job = {**WISH, "seed": number}
        with pytest.raises(Killed):
            simulation.post_body(json.dumps(new_job), kill, idempotency_key=key)
        create(simulation, new_job, idempotency_key=key)
    assert len(points) == len(simulation.jobs()) == len(simulation.workflow.executions)


def test_execution_that_exists_is_success(simulation: Simulation) -> None:
    """A workflow is started once, however often it is requested."""
    job = create(simulation).job
    job_workflow.start(job.id)
    assert (Execution.LIVE, 1) == (job_workflow.execution_state(job.id), len(simulation.workflow.executions))


def test_late_create_after_the_end_changes_nothing(simulation: Simulation) -> None:
    """A replay of a job that has ended shows its end."""
    job = create(simulation, idempotency_key="k").job
    simulation.run_for(1000)
    ended = simulation.job(job.id)
    assert "succeeded" == ended.state.value
    assert ended == create(simulation, idempotency_key="k").job
    simulation.run_for(1000)
    assert (ended, 1) == (simulation.job(job.id), len(simulation.tasks()))
