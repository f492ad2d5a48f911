"""A create that was recorded and never answered, and is sent again without any mark, is one job and one charge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import clock
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import idempotency_records
from gallop.domain.errors import AwsTrouble
from gallop.doors.https import dashscope, videos
from gallop.doors.https.bodies import Body

from tests.support.http import form
from tests.support.promise import Killed, Simulation
from tests.support.promise.recorded import OF_A_JOB
from tests.support.promise.simulation import API_URL
from tests.testbed.aws.kill_points import after, points_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P1")

PROMPT, PICTURE = "The girl of [Image 1] smiles.", "https://example.com/girl.jpg"
TEN_MINUTES, HOUR = 600, 3600
# Without the last: then the create has been marked as answered.
POINTS = points_of(OF_A_JOB["Submit"])[:-1]
# DashScope's answer does not show the job, and equal content is one job even after the mark.
POINTS_OF_A_SUBMIT = points_of(("TransactWriteItems", "PutObject", "GetItem", "StartExecution", "UpdateItem"))


def native(seed: int) -> str:
    """Create in Gallop's dialect; return the job's id."""
    return _created(Body(json.dumps(_fields(seed)).encode(), "application/json"), {})


def as_a_form(seed: int) -> str:
    """Create with a form; return the job's id."""
    kind, data = form({"prompt": PROMPT, "input_reference": PICTURE, "seed": str(seed)})
    return _created(Body(data, kind), {})


def openai(seed: int) -> str:
    """Create as a client in OpenAI's dialect that does not count its retries; return the job's id."""
    fields = {"prompt": PROMPT, "input_reference": PICTURE, "seconds": "4", "seed": seed}
    return _created(Body(json.dumps(fields).encode(), "application/json"), {"x-stainless-lang": "js"})


def vendor(seed: int) -> str:
    """Submit in DashScope's dialect; return the job's id."""
    media = [{"type": "reference_image", "url": PICTURE}]
    model = "happyhorse-1.0-r2v"
    order = {"model": model, "input": {"prompt": PROMPT, "media": media}, "parameters": {"seed": seed}}
    made = dashscope.submit("ada", json.dumps(order), {"x-dashscope-async": "enable"})
    job_id: str = made["output"]["task_id"]
    return job_id


DIALECTS: dict[str, Callable[[int], str]] = {
    "native": native,
    "form": as_a_form,
    "OpenAI": openai,
    "DashScope": vendor,
}


def _fields(seed: int) -> dict[str, Any]:
    return {"prompt": PROMPT, "images": [PICTURE], "duration": 3, "seed": seed}


def _created(body: Body, headers: dict[str, str]) -> str:
    made = videos.create_video("ada", body, headers, API_URL)
    assert not isinstance(made, dict)
    return made.job.id


def die(simulation: Simulation, create: Callable[[int], str], seed: int, kill: KillPoint) -> None:
    """Let a create die at a call."""
    simulation.kills["Submit"] = [kill]
    with simulation.run_of("Submit"):
        create(seed)


@pytest.fixture(params=DIALECTS, name="create")
def dialect(request: pytest.FixtureRequest) -> Callable[[int], str]:
    """Return a way to create a job with a seed."""
    return DIALECTS[request.param]


def test_a_create_that_died_is_the_same_job_when_it_is_repeated(
    simulation: Simulation, create: Callable[[int], str]
) -> None:
    """Whichever call of the function was its last, the repetition shows the job, and the job runs, once."""
    points = POINTS_OF_A_SUBMIT if create is vendor else POINTS
    for seed, kill in enumerate(points):
        with pytest.raises(Killed):
            die(simulation, create, seed, kill)
        create(seed)
    assert len(points) == len(simulation.jobs())
    assert len(points) == len(simulation.workflow.executions)


def test_what_was_answered_is_a_request_of_its_own(simulation: Simulation) -> None:
    """Two equal creates that both got their answer are two videos, as is the one after a repetition."""
    for create in (native, as_a_form, openai):
        first = create(1)
        assert first != create(1)
    with pytest.raises(Killed):
        die(simulation, native, 2, after("TransactWriteItems", 1))
    repeated = native(2)
    assert 7 == len(simulation.jobs())
    assert repeated != native(2)
    assert 8 == len(simulation.jobs())


def test_a_create_without_an_answer_counts_for_ten_minutes(simulation: Simulation) -> None:
    """After that an equal create is a new job."""
    for waited, jobs in ((TEN_MINUTES - 1, 1), (TEN_MINUTES, 3)):
        seed = waited
        with pytest.raises(Killed):
            die(simulation, native, seed, after("TransactWriteItems", 1))
        simulation.clock.advance(waited)
        native(seed)
        assert jobs == len(simulation.jobs())


def test_a_client_that_repeats_for_an_hour_makes_one_task(simulation: Simulation, create: Callable[[int], str]) -> None:
    """Each repetition without an answer counts, as OpenRouter's package repeats on every 5xx for an hour."""
    sent, pause = 0, 0.5
    began = simulation.clock.now()
    with patch.object(job_workflow, "start", side_effect=AwsTrouble("no")):
        while simulation.clock.now() < began + HOUR:
            with pytest.raises(AwsTrouble):
                create(1)
            sent, pause = sent + 1, min(pause * 1.5, 60)
            simulation.clock.advance(pause)
    assert 60 < sent
    create(1)
    simulation.run_for(HOUR)
    assert 1 == len(simulation.jobs())
    assert 1 == len(simulation.tasks())


def test_a_create_that_was_answered_too_late_is_repeated(simulation: Simulation, create: Callable[[int], str]) -> None:
    """API Gateway has given up after 30 seconds, so that the client has a 503, although the function finished."""
    with patch.object(clock, "wall", iter([0.0, 29.0]).__next__):
        first = create(1)
    assert first == create(1)
    assert 1 == len(simulation.jobs())


def test_an_error_after_the_record_is_not_an_answer(simulation: Simulation, create: Callable[[int], str]) -> None:
    """A 503 while the answer is marked, too."""
    with patch.object(idempotency_records, "mark_answered", side_effect=AwsTrouble("no")), pytest.raises(AwsTrouble):
        create(1)
    create(1)
    assert 1 == len(simulation.jobs())


def test_equal_creates_at_once_that_are_all_answered_are_as_many_jobs(simulation: Simulation) -> None:
    """A create waits for the answer of an equal one that is in progress, and is then a new request."""
    first = native(1)
    record = simulation.records("IDEMPOTENCY")[0]
    key = {"pk": record["pk"], "sk": record["sk"]}
    simulation.dynamodb.update_item(
        TableName=simulation.table,
        Key=key,
        UpdateExpression="SET is_answered = :no",
        ExpressionAttributeValues={":no": {"BOOL": False}},
    )
    waits = []

    def answered_meanwhile(seconds: float) -> None:
        simulation.clock.advance(seconds)
        waits.append(seconds)
        if len(waits) == 2:
            simulation.dynamodb.update_item(
                TableName=simulation.table,
                Key=key,
                UpdateExpression="SET is_answered = :yes",
                ExpressionAttributeValues={":yes": {"BOOL": True}},
            )

    with patch.object(clock, "sleep", answered_meanwhile):
        assert first != native(1)
    assert 2 == len(waits)


def test_a_record_of_an_earlier_version_was_answered(simulation: Simulation) -> None:
    """It does not say so, and its create was answered long ago."""
    first = native(1)
    record = simulation.records("IDEMPOTENCY")[0]
    simulation.dynamodb.update_item(
        TableName=simulation.table,
        Key={"pk": record["pk"], "sk": record["sk"]},
        UpdateExpression="REMOVE is_answered, recorded_at",
    )
    assert first != native(1)
