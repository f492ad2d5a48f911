"""The end of a job: its terminal state and its last receipts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.table import jobs as store
from gallop.domain import errors
from gallop.domain.errors import AwsTrouble, GallopError, Stranded, WrongState
from gallop.domain.job import Failure, JobState
from gallop.domain.request.images import StoredImage
from gallop.steps.finish import UNPAID_RESUMES_AT_MOST

from tests.support.jobs import a_request
from tests.testbed.fake_dashscope import KEY

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.world import World

FAILURE = {"code": "generation_failed", "message": "moderation said no", "remedy": "change the prompt"}
NAMES = sorted(
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, GallopError) and kind is not AwsTrouble
)


def finish(world: World, job: Job, **event: Any) -> str:  # noqa: ANN401 - JSON
    """Run the step; gives the state that it tells."""
    state: str = world.invoke("FinishFunction", {"job_id": job.id, **event})["state"]
    return state


def caught(name: str, message: str = "what happened") -> dict[str, Any]:
    """Give what the workflow's Catch puts into its state."""
    cause = {"errorMessage": message, "errorType": name, "stackTrace": ["secret lines"]}
    return {"error": {"Error": name, "Cause": json.dumps(cause)}}


def stored(world: World) -> Job:
    """Give a job whose video is stored and checked."""
    job = world.storing()
    world.invoke("SaveResultFunction", {"job_id": job.id})
    return world.job(job.id)


def test_a_stored_video_makes_the_job_a_success(world: World) -> None:
    """The record, video.json and status.json say so, and error.json does not exist."""
    job = stored(world)
    assert "succeeded" == finish(world, job, step={"next": "finish", "wait_seconds": 0, "failure": None})
    ended = world.job(job.id)
    assert (JobState.SUCCEEDED, None, world.clock.now()) == (ended.state, ended.failure, ended.ended_at)
    assert ["status.json", "video.json", "video.mp4"] == [key.rpartition("/")[2] for key in world.results_there()]
    details = world.receipt(f"{job.receipts}/video.json")
    assert (job.id, job.task_id, 0.7) == (details["job"], details["task"]["task_id"], details["cost"])
    assert "succeeded" == world.receipt(f"{job.receipts}/status.json")["state"]


def test_a_failure_of_a_step_is_the_reason_of_the_job(world: World) -> None:
    """What the step said stands in the record and in error.json."""
    job = world.put(JobState.RUNNING)
    assert "failed" == finish(world, job, step={"next": "finish", "wait_seconds": 0, "failure": FAILURE})
    assert Failure(**FAILURE) == world.job(job.id).failure
    assert (FAILURE, "failed") == (
        (receipt := world.receipt(f"{job.receipts}/error.json"))["error"],
        receipt["state"],
    )
    assert FAILURE == world.receipt(f"{job.receipts}/status.json")["error"]


@pytest.mark.parametrize("name", NAMES)
def test_every_error_of_the_tree_becomes_a_reason(world: World, name: str) -> None:
    """The class gives code and remedy, the message says what happened, and the stack stays in the log."""
    job = world.put(JobState.QUEUED)
    assert "failed" == finish(world, job, **caught(name))
    failure = world.job(job.id).failure
    kind = getattr(errors, name)
    assert Failure(kind.code, "what happened", kind.remedy) == failure
    assert "secret lines" not in str(world.receipt(f"{job.receipts}/error.json"))


def test_trouble_with_aws_is_told_without_its_inside(world: World) -> None:
    """AWS's own words name what the stack is made of: they are for the log."""
    job = world.put(JobState.QUEUED, resumes=UNPAID_RESUMES_AT_MOST)
    finish(world, job, **caught("AwsTrouble", "role/gallop-Finish may not write to gallop-results"))
    expected = Failure(AwsTrouble.code, "AWS did not do what was asked.", AwsTrouble.remedy)
    assert expected == world.job(job.id).failure


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("States.Timeout", "timed_out"),
        ("Sandbox.Timedout", "timed_out"),
        ("States.TaskFailed", "internal_error"),
        ("Lambda.Unknown", "internal_error"),
        ("Runtime.ExitError", "internal_error"),
        ("KeyError", "internal_error"),
        ("Fault", "internal_error"),
        ("annotations", "internal_error"),
        ("", "internal_error"),
    ],
)
def test_what_is_not_ours_is_told_plainly(world: World, name: str, code: str) -> None:
    """A step that broke or hung ends the job with a reason, without its message: that may say anything."""
    job = world.put(JobState.QUEUED, resumes=UNPAID_RESUMES_AT_MOST)
    finish(world, job, **caught(name, "a secret: smiles"))
    failure = world.job(job.id).failure
    assert failure
    assert (code, False) == (failure.code, "smiles" in failure.message)
    assert "DashScope's console" in failure.remedy


@pytest.mark.parametrize("name", ["AwsTrouble", "States.Timeout", "Sandbox.Timedout", "Lambda.Unknown"])
def test_trouble_with_aws_alone_ends_no_job_that_has_time(world: World, name: str) -> None:
    """Nothing was charged yet, and nothing is wrong with the job: its owner could only ask for the same again."""
    job = world.put(JobState.QUEUED, resumes=UNPAID_RESUMES_AT_MOST - 1)
    with pytest.raises(Stranded):
        finish(world, job, **caught(name))
    assert JobState.QUEUED is world.job(job.id).state


@pytest.mark.parametrize("cause", ["", "not JSON", "[]", "7", '{"message": "x"}'])
def test_a_cause_that_cannot_be_read_is_no_reason(world: World, cause: str) -> None:
    """Whatever stands there, the job ends."""
    job = world.put(JobState.RUNNING)
    finish(world, job, error={"Error": "VendorUnreachable", "Cause": cause})
    failure = world.job(job.id).failure
    assert failure
    assert ("vendor_unreachable", "No reason was given.") == (failure.code, failure.message)


def test_an_error_outweighs_what_an_earlier_step_said(world: World) -> None:
    """The step before the error was fine."""
    job = world.put(JobState.QUEUED, resumes=UNPAID_RESUMES_AT_MOST)
    finish(world, job, step={"next": "wait", "wait_seconds": 5, "failure": None}, **caught("AwsTrouble"))
    failure = world.job(job.id).failure
    assert failure
    assert "aws_trouble" == failure.code


def test_a_video_that_is_there_outweighs_an_error(world: World) -> None:
    """It was made, paid, checked and stored: whatever broke afterwards does not take it away."""
    job = stored(world)
    assert "succeeded" == finish(world, job, **caught("States.Timeout"))
    assert world.job(job.id).failure is None


def test_no_video_and_no_reason_is_a_failure(world: World) -> None:
    """No job succeeds by silence."""
    job = world.put(JobState.RUNNING)
    assert "failed" == finish(world, job, step={"next": "finish", "wait_seconds": 0, "failure": None})
    failure = world.job(job.id).failure
    assert failure
    assert "internal_error" == failure.code


@pytest.mark.parametrize("state", [state for state in JobState if state.value not in {"succeeded", "cancelled"}])
def test_a_job_can_fail_from_every_state(world: World, state: JobState) -> None:
    """Wherever it was, the job ends."""
    assert "failed" == finish(world, world.put(state), step={"failure": FAILURE})


def test_run_twice_it_does_the_same(world: World) -> None:
    """The same state, the same receipts, the same time of the end."""
    job = stored(world)
    finish(world, job, step={"failure": None})
    before, receipt = world.job(job.id), world.receipt(f"{job.receipts}/video.json")
    world.clock.advance(1000)
    assert "succeeded" == finish(world, job, step={"failure": None})
    assert (before, receipt) == (world.job(job.id), world.receipt(f"{job.receipts}/video.json"))


@pytest.mark.parametrize("event", [{"step": {"failure": FAILURE}}, caught("AwsTrouble")])
def test_a_terminal_state_never_changes(world: World, event: dict[str, Any]) -> None:
    """A late failure does not touch a job that has succeeded."""
    job = stored(world)
    finish(world, job, step={"failure": None})
    assert "succeeded" == finish(world, job, **event)
    assert "error.json" not in "".join(world.results_there())


def test_a_run_that_died_before_its_receipts_is_made_good(world: World) -> None:
    """The record has ended and the receipts have not been written: the next run writes them."""
    job = stored(world)
    with patch("gallop.services.publish.receipts.video_receipt", side_effect=MemoryError), pytest.raises(MemoryError):
        finish(world, job, step={"failure": None})
    assert JobState.SUCCEEDED is world.job(job.id).state
    finish(world, job, step={"failure": None})
    assert "succeeded" == world.receipt(f"{job.receipts}/status.json")["state"]


def test_two_ends_at_once_are_one(world: World) -> None:
    """Whoever comes second finds the job ended, and writes its receipts."""
    job = stored(world)
    ended = store.advance

    def overtaken(before: Job, after: Job) -> Job:
        ended(before, after)
        raise WrongState("overtaken")

    with patch.object(store, "advance", overtaken):
        assert "succeeded" == finish(world, job, step={"failure": None})
    assert "succeeded" == world.receipt(f"{job.receipts}/status.json")["state"]


def test_a_job_that_has_moved_on_is_not_ended_by_force(world: World) -> None:
    """Where the record and this run disagree and the job has not ended, the workflow decides: the step fails."""
    job = world.put(JobState.RUNNING)
    with patch.object(store, "advance", side_effect=WrongState("moved on")), pytest.raises(WrongState):
        finish(world, job, step={"failure": FAILURE})


def test_a_job_that_is_not_there_needs_no_end(world: World) -> None:
    """It was deleted right after its cancel: there is nobody to tell, and nothing to be alarmed about."""
    assert {"state": "deleted"} == world.invoke("FinishFunction", {"job_id": "job_" + "a" * 26})
    assert [] == world.jobs()


def test_receipts_tell_no_secret(world: World) -> None:
    """No key, no address that opens anything, nothing of the inside: of a success and of a failure."""
    image = StoredImage(world.inbox, "drop/ad/1.jpg", "v1", "hash")
    succeeded, failed = world.storing(request=a_request(images=(image,))), world.put(JobState.RUNNING)
    world.invoke("SaveResultFunction", {"job_id": succeeded.id})
    finish(world, succeeded, step={"failure": None})
    finish(world, failed, **caught("VendorRefused"))
    texts = [world.result(key).decode() for key in world.results_there() if key.endswith(".json")]
    forbidden = (KEY, "Signature", "X-Amz", "aliyuncs", "secretsmanager", "attempt-1", "stackTrace")
    assert 4 == len(texts)
    assert [] == [word for word in forbidden for text in texts if word in text]


def test_receipts_are_json_for_everybody(world: World) -> None:
    """UTF-8, with a type that browsers show, and not to be cached: they change."""
    job = world.put(JobState.RUNNING, receipts="spring ad/Grüße 🐎")
    finish(world, job, step={"failure": {**FAILURE, "message": "世界"}})
    head = world.s3.head_object(Bucket=world.results, Key="spring ad/Grüße 🐎/error.json")
    assert ("application/json", "no-cache") == (head["ContentType"], head["CacheControl"])
    assert "世界" in world.result("spring ad/Grüße 🐎/error.json").decode()
