"""Every job ends: lost replies, expired leases, missing workflows, deadlines; and an end is final."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import settings
from gallop.adapters import dashscope, secrets
from gallop.domain.job import JobState

from fake_dashscope import KEY
from functions.thumbnail.app import handler as thumbnail
from tests.support.promise import Killed, Simulation
from tests.support.promise.money import HOUR, PROMPT, created
from tests.support.promise.recorded import OF_A_RENEWAL
from tests.support.promise.simulation import HANDLERS
from tests.testbed.aws.kill_points import after, points_of

if TYPE_CHECKING:
    from gallop.domain.dashscope import replies
    from gallop.domain.job import Job

    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P3", "P6")

# Upper bounds of what each call takes inside one region; the POST is to another one.
SECONDS_OF_A_POST, SECONDS_OF_A_CALL = 0.1, 0.015
SUBMITS_A_SECOND = 5


def reason(simulation: Simulation, job: Job) -> str:
    """Return the code of a job's failure."""
    failure = simulation.job(job.id).failure
    return failure.code if failure else ""


def test_adopted_task_of_another_is_released(simulation: Simulation) -> None:
    """An adopted task is compared with the request when it ends; a task of another is released, and the job says so."""
    job = created(simulation)
    simulation.fake.fault(on="submit", kind="drop_before_accept")
    simulation.run_for(1)
    foreign = simulation.foreign_task("Somebody else's request for [Image 1].")
    simulation.run_for(1000)
    assert ("outcome_unknown", 0) == (reason(simulation, job), len(simulation.tasks(PROMPT)))
    assert foreign in str(simulation.job(job.id).failure)
    assert [] == simulation.records("TASK")
    assert simulation.stored(f"{job.receipts}/video.mp4") is None


def test_several_candidates_are_left_alone(simulation: Simulation) -> None:
    """If two tasks may be the lost one, none is adopted, none is created, and the operator is notified."""
    job = created(simulation)
    simulation.fake.fault(on="submit", kind="drop_after_accept")
    simulation.run_for(1)
    simulation.foreign_task("Somebody else's request for [Image 1].")
    simulation.run_for(3000)
    assert ("outcome_unknown", 1) == (reason(simulation, job), len(simulation.tasks(PROMPT)))
    receipt = simulation.receipt(f"{job.receipts}/error.json")
    assert "console" in receipt["error"]["remedy"]


def test_repeatedly_lost_replies_end_the_job(simulation: Simulation) -> None:
    """After three lost replies without a task the job ends; there was never a second task."""
    job = created(simulation)
    simulation.fake.fault(on="submit", kind="drop_before_accept", times=9)
    simulation.run_for(3000)
    assert "outcome_unknown" == reason(simulation, job)
    assert 3 == simulation.job(job.id).submits
    assert 0 == len(simulation.tasks())


def test_delayed_list_costs_no_second_task(simulation: Simulation) -> None:
    """The job waits for a list that shows tasks a minute late."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, list_lag=60.0)
    job = created(simulation)
    simulation.fake.fault(on="submit", kind="drop_after_accept")
    simulation.run_for(1000)
    assert "succeeded" == simulation.job(job.id).state.value
    assert simulation.job(job.id).is_adopted is True
    assert 1 == len(simulation.tasks())


def test_lease_of_a_killed_function_expires(simulation: Simulation) -> None:
    """A function that was killed in the lane blocks the others for a minute and a half at most."""
    created(simulation)
    simulation.kills["StartTask"] = [after("UpdateItem")]
    simulation.run_for(1)
    second = created(simulation, "Another girl of [Image 1].")
    # The lease, and the longest pause before a retry.
    simulation.run_for(90 + 300)
    assert "succeeded" == simulation.job(second.id).state.value or simulation.job(second.id).task_id
    simulation.run_for(1000)
    assert {"succeeded"} == {job.state.value for job in simulation.jobs()}


def test_workflow_that_was_never_started_is_started_by_the_sweep(simulation: Simulation) -> None:
    """A door that was killed between record and start loses no job."""
    with pytest.raises(Killed):
        simulation.post(PROMPT, after("TransactWriteItems"))
    assert ({}, 1) == (simulation.workflow.executions, len(simulation.jobs()))
    simulation.clock.advance(300)
    assert {"repaired": 1, "failed": 0} == simulation.sweep()
    simulation.run_for(1000)
    assert {"succeeded"} == {job.state.value for job in simulation.jobs()}


@pytest.mark.parametrize("seconds", [0, 1, 20, 45, 70])
def test_workflow_that_failed_is_resumed_by_the_sweep(simulation: Simulation, seconds: int) -> None:
    """Wherever it failed, the job continues from its record, with its task."""
    job = created(simulation)
    simulation.run_for(seconds)
    simulation.workflow.crash(job.id)
    simulation.clock.advance(300)
    simulation.sweep()
    simulation.run_for(1000)
    assert ("succeeded", 1) == (simulation.job(job.id).state.value, len(simulation.tasks()))


def test_receipts_that_were_not_written_are_written_by_the_sweep(simulation: Simulation) -> None:
    """A job that ended without its receipts gets them."""
    job = created(simulation)
    simulation.kills["Finish"] = [after("UpdateItem"), *[after("GetItem")] * 6]
    simulation.run_for(1000)
    assert ("succeeded", None) == (simulation.job(job.id).state.value, simulation.stored(f"{job.receipts}/video.json"))
    simulation.sweep()
    assert job.id == simulation.receipt(f"{job.receipts}/video.json")["job"]
    assert {"repaired": 0, "failed": 0} == simulation.sweep()


def test_deadline_ends_a_task_that_never_ends(simulation: Simulation) -> None:
    """A job ends by its published deadline, plus the time of the last query."""
    job = created(simulation)
    simulation.fake.fault(on="task", kind="never_ends")
    simulation.run_for(settings.deadline_seconds() + 120)
    assert "deadline_exceeded" == reason(simulation, job)
    ended = simulation.job(job.id).ended_at
    assert ended is not None
    assert 60 >= ended - simulation.job(job.id).deadline >= 0


def test_deadline_ends_a_job_whose_workflow_fails_each_time(simulation: Simulation) -> None:
    """The sweep resumes it repeatedly, and once past its deadline; then it ends and names what its owner can do."""
    job = created(simulation)
    for number in range(4):
        simulation.run_for(1)
        simulation.workflow.crash(f"{job.id}-{number}" if number else job.id)
        simulation.clock.advance(300)
        simulation.sweep()
        assert (number + 1, "running") == (simulation.job(job.id).resumes, simulation.job(job.id).state.value)
    simulation.workflow.crash(f"{job.id}-4")
    simulation.clock.advance(settings.deadline_seconds())
    simulation.sweep()
    simulation.workflow.crash(f"{job.id}-5")
    simulation.clock.advance(300)
    simulation.sweep()
    assert ("workflow_lost", "failed") == (reason(simulation, job), simulation.job(job.id).state.value)
    assert "console" in simulation.receipt(f"{job.receipts}/error.json")["error"]["remedy"]


def test_a_paid_video_is_fetched_after_the_deadline(simulation: Simulation) -> None:
    """The sweep was off for hours, and nobody has asked about the task since: it is asked about again."""
    job = created(simulation)
    simulation.run_for(1)
    simulation.workflow.stop(job.id)
    simulation.clock.advance(simulation.job(job.id).deadline - simulation.clock.now() + 60)
    simulation.sweep()
    simulation.run_for(120)
    assert "succeeded" == simulation.job(job.id).state.value


def test_redrive_and_second_finish_change_nothing(simulation: Simulation) -> None:
    """Neither an execution that is redriven after the end nor a second finish with an error changes anything."""
    job = created(simulation)
    simulation.kills["Finish"] = [after("GetItem", 2)] * 7
    simulation.run_for(1000)
    ended = simulation.job(job.id)
    simulation.workflow.redrive(job.id)
    simulation.run_for(100)
    simulation.invoke("Finish", {"job_id": job.id, "error": {"Error": "States.Timeout", "Cause": "late"}})
    assert ("succeeded", ended) == (ended.state.value, simulation.job(job.id))
    assert "succeeded" == simulation.receipt(f"{job.receipts}/status.json")["state"]


def test_job_keeps_its_address_and_its_key(simulation: Simulation) -> None:
    """A stack that moves to another region polls running jobs at their old region, with their old key."""
    job = created(simulation)
    simulation.run_for(1)
    queried: list[tuple[str, str]] = []
    query = dashscope.query

    def spy(base_url: str, key: str, task_id: str) -> replies.Task:
        queried.append((base_url, key))
        return query(base_url, key, task_id)

    moved = {"DASHSCOPE_BASE_URL": "https://dashscope.aliyuncs.com/api/v1", "DASHSCOPE_SECRET_ARN": "other-secret"}
    keys = {"the-secret": KEY, "other-secret": "sk-other"}
    keyring = patch.object(secrets, "dashscope_key", keys.__getitem__)
    with patch.dict("os.environ", moved), patch.object(dashscope, "query", spy), keyring:
        simulation.run_for(1000)
    assert {("https://dashscope-intl.aliyuncs.com/api/v1", KEY)} == {*queried}
    assert "succeeded" == simulation.job(job.id).state.value


def test_lane_allows_five_submits_a_second(simulation: Simulation) -> None:
    """A job holds the lane for less than the fifth of a second that DashScope allows."""
    created(simulation)
    simulation.run_for(1)
    calls = simulation.made["StartTask"][0]
    inside = calls[calls.index("UpdateItem") + 1 :]
    posts = inside.count("SubmitTask")
    assert 1 == posts
    assert 1 / SUBMITS_A_SECOND >= SECONDS_OF_A_POST + (len(inside) - posts) * SECONDS_OF_A_CALL


def test_no_secret_in_what_is_stored(simulation: Simulation) -> None:
    """Neither DashScope's address of the video nor the key is in a record, a receipt or an execution."""
    created(simulation)
    simulation.run_for(1000)
    items = simulation.dynamodb.scan(TableName=simulation.table)["Items"]
    receipts = [simulation.result(key) for key in simulation.results_there() if key.endswith(".json")]
    everything = (
        json.dumps(items) + repr(receipts) + repr([one.data for one in simulation.workflow.executions.values()])
    )
    assert "task_id" in everything
    assert [] == [secret for secret in (KEY, "Signature=", "OSSAccessKeyId") if secret in everything]


@pytest.mark.parametrize("kill", points_of(OF_A_RENEWAL), ids=str)
def test_a_run_that_dies_while_it_renews_receipts_leaves_nothing_undone(
    simulation: Simulation, kill: KillPoint
) -> None:
    """The job has ended before, and is announced once; its receipt has the thumbnail, and its record is closed."""
    simulation.kills["Finish"] = [None, kill]
    job = created(simulation)
    simulation.run_for(HOUR)
    simulation.all_struck()
    assert JobState.SUCCEEDED is simulation.job(job.id).state
    assert {job.id} == simulation.workflow.message
    assert simulation.receipt(f"{job.receipts}/video.json")["thumbnail"]
    assert "is_open" not in simulation.records("JOB")[0]


def test_a_video_is_announced_before_its_thumbnail_is_made(simulation: Simulation) -> None:
    """The first receipt has the video: nobody waits for the thumbnail, however long it takes."""
    seen: list[tuple[str, bool]] = []

    def slow(event: dict[str, Any], context: Any) -> object:  # noqa: ANN401 - the context of Lambda
        job = simulation.job(event["job_id"])
        details = simulation.receipt(f"{job.receipts}/video.json")
        seen.append((job.state.value, job.id in simulation.workflow.message))
        assert (job.result.sha256 if job.result else None) == details["video"]["sha256"]
        return thumbnail(event, context)

    with patch.dict(HANDLERS, Thumbnail=slow):
        created(simulation)
        simulation.run_for(HOUR)
    assert [("succeeded", True)] == seen
