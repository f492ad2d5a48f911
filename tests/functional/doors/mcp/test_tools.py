"""The tools of the MCP door: each does what its route does, and refuses with a code and a remedy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState, new_job_id
from jsonschema import Draft202012Validator

from tests.functional.doors.https.test_https import assert_nothing_started, succeeded
from tests.support.agents import VIDEO, Agent, Result, catalogue
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

MINUTE, TEN_MINUTES = 60, 600


@pytest.fixture
def ada(sandbox: Sandbox) -> Agent:
    """Return an agent."""
    return Agent(sandbox)


def assert_described(tool: str, result: Result) -> None:
    """Assert that a result is what the tool's output schema says, and that its text is the same JSON."""
    Draft202012Validator(catalogue()[tool]["outputSchema"]).validate(result.json)
    assert result.json == json.loads(result.content[0]["text"])


def test_a_price_costs_nothing(sandbox: Sandbox, ada: Agent) -> None:
    """The price is that of the job; nothing is recorded."""
    result = ada.use("price_video", **VIDEO)
    assert_described("price_video", result)
    assert 0.42 == result.json["estimated_cost"]
    assert_nothing_started(sandbox)


def test_a_video_is_made(sandbox: Sandbox, ada: Agent) -> None:
    """The answer has the id of a job that is recorded and started, and when to ask again."""
    result = ada.use("make_video", **VIDEO)
    assert_described("make_video", result)
    (job,) = sandbox.jobs()
    assert [job.id] == sandbox.executions()
    assert job.id == result.json["id"]
    assert "ada" == job.client
    assert "queued" == result.json["state"]
    assert result.json["is_repetition"] is False
    assert result.json["video_url"] is None
    assert 0 < result.json["poll_after_seconds"]


def test_files_are_checked_as_at_the_https_door(sandbox: Sandbox, ada: Agent) -> None:
    """A file that is not an image is refused; an inline image becomes one of the inbox."""
    problem = ada.refused("make_video", **{**VIDEO, "images": [data_uri(b"No image.")]})
    assert "invalid_request" == problem["code"]
    ada.make(images=[data_uri(picture())])
    (job,) = sandbox.jobs()
    assert "StoredImage" == type(job.request.images[0]).__name__


def test_all_faults_are_reported_together(sandbox: Sandbox, ada: Agent) -> None:
    """Those of the tool's own arguments as well; the result is what the output schema says."""
    result = ada.use("make_video", **{**VIDEO, "prompt": "", "max_cost": -1, "again": "yes", "n": 5})
    assert result.is_error
    assert_described("make_video", result)
    pointers = {fault["pointer"] for fault in result.json["errors"]}
    assert {"/prompt", "/max_cost", "/again", "/n"} == pointers
    assert "You have not been charged." in result.json["remedy"]
    assert_nothing_started(sandbox)


def test_several_takes_are_one_call(sandbox: Sandbox, ada: Agent) -> None:
    """The group is described; a repetition is the same; each take can be waited for, and all be listed."""
    result = ada.use("make_video", **VIDEO, n=3)
    assert_described("make_video", result)
    ids = [job["id"] for job in result.json["data"]]
    assert 3 == len(set(ids)) == len(sandbox.executions())
    assert ids == [job["id"] for job in ada.make(n=3)["data"]]
    assert ids == [job["id"] for job in ada.use("list_videos", group=result.json["id"]).json["data"]]
    assert "queued" == ada.use("get_video", id=ids[2]).json["state"]
    assert 1.26 == ada.use("price_video", **VIDEO, n=3).json["estimated_cost"]


def test_max_cost_is_for_all_takes(sandbox: Sandbox, ada: Agent) -> None:
    """Three at 0.42 are 1.26."""
    problem = ada.refused("make_video", **VIDEO, n=3, max_cost=1.25)
    assert "The 3 videos are estimated to cost $1.26;" in problem["detail"]
    assert_nothing_started(sandbox)
    assert not ada.use("make_video", **VIDEO, n=3, max_cost=1.26).is_error


@pytest.mark.parametrize(("max_cost", "is_made"), [(0.41, False), (0.42, True), (1, True), (0, False), (None, True)])
def test_max_cost_refuses_before_it_costs(
    sandbox: Sandbox, ada: Agent, *, max_cost: float | None, is_made: bool
) -> None:
    """A video that is estimated at exactly that much is made."""
    result = ada.use("make_video", **VIDEO, max_cost=max_cost)
    assert is_made is not result.is_error
    assert is_made is bool(sandbox.jobs())
    assert is_made or "over_max_cost" == result.json["code"]
    assert is_made or "The video is estimated to cost $0.42;" in result.json["detail"]


def test_caps_hold_for_agents(sandbox: Sandbox, ada: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap of the client has no room for the second video; the result says until when."""
    monkeypatch.setitem(sandbox.stack.deployment.functions["McpFunction"].environment, "CLIENT_DAY_CAP", "0.5")
    ada.make()
    for tool in ("price_video", "make_video"):
        problem = ada.refused(tool, **{**VIDEO, "seed": 2})
        assert "budget_exceeded" == problem["code"]
        assert "client" == problem["budget"]["of"]
    assert not Agent(sandbox, "bob").use("make_video", **VIDEO).is_error


def test_ten_blind_repeats_are_one_job(sandbox: Sandbox, ada: Agent) -> None:
    """Also if they take longer than ten minutes together; the last one shows the same job."""
    made = []
    for _ in range(10):
        made.append(ada.make())
        sandbox.clock.advance(2 * MINUTE)
    assert 1 == len({one["id"] for one in made})
    assert [False, *[True] * 9] == [one["is_repetition"] for one in made]
    assert 1 == len(sandbox.executions())


def test_the_same_request_is_another_video_after_ten_minutes(sandbox: Sandbox, ada: Agent) -> None:
    """Counted from the last call."""
    first = ada.make()["id"]
    sandbox.clock.advance(TEN_MINUTES - 1)
    assert first == ada.make()["id"]
    sandbox.clock.advance(TEN_MINUTES + 1)
    assert first != ada.make()["id"]


def test_again_makes_another_video(sandbox: Sandbox, ada: Agent) -> None:
    """Each such call that was answered is a job of its own; without it, calls repeat the first one."""
    first = ada.make()["id"]
    others = [ada.make(again=True)["id"] for _ in range(2)]
    assert 3 == len({first, *others})
    assert first == ada.make()["id"]
    assert 3 == len(sandbox.jobs())


def test_again_is_repeated_if_it_was_never_answered(sandbox: Sandbox, ada: Agent) -> None:
    """A job that was recorded before AWS failed is found by the next such call."""
    with patch.object(job_workflow, "start", side_effect=AwsTrouble("down")):
        problem = ada.refused("make_video", **VIDEO, again=True)
    assert "not_available" == problem["code"]
    made = ada.make(again=True)
    assert made["is_repetition"] is True
    assert 1 == len(sandbox.jobs())


def test_a_request_of_another_client_is_another_video(sandbox: Sandbox, ada: Agent) -> None:
    """Equal content of two clients is two jobs."""
    assert ada.make()["id"] != Agent(sandbox, "bob").make()["id"]


def test_draining_refuses_new_videos_only(sandbox: Sandbox, ada: Agent) -> None:
    """A repeated call is answered, and a new one refused."""
    ada.make()
    with patch("gallop.doors.https.draining.is_draining", return_value=True):
        assert ada.make()["is_repetition"] is True
        assert "draining" == ada.refused("make_video", **VIDEO, seed=5)["code"]
    assert 1 == len(sandbox.jobs())


def test_a_finished_video_has_a_link(sandbox: Sandbox, ada: Agent) -> None:
    """Anyone can follow it, without a key; people see it as a link of its own."""
    job_id = succeeded(sandbox)
    result = ada.use("get_video", id=job_id)
    assert_described("get_video", result)
    assert "succeeded" == result.json["state"]
    assert result.json["poll_after_seconds"] is None
    assert "X-Amz-Signature=" in result.json["video_url"]
    link = result.content[1]
    assert "resource_link" == link["type"]
    assert result.json["video_url"] == link["uri"]
    assert "video/mp4" == link["mimeType"]
    assert 1 == len(Agent(sandbox, version="2025-03-26").use("get_video", id=job_id).content)


def test_a_removed_video_has_no_link(sandbox: Sandbox, ada: Agent) -> None:
    """The job is shown nevertheless."""
    job_id = succeeded(sandbox)
    video = sandbox.job(job_id).result
    assert video
    sandbox.s3.delete_object(Bucket=video.bucket, Key=video.key, VersionId=video.version_id)
    assert ada.use("get_video", id=job_id).json["video_url"] is None


def test_a_wait_is_bounded(sandbox: Sandbox, ada: Agent) -> None:
    """A job that does not end is returned after 25 seconds, or sooner if the agent says so."""
    job = sandbox.put(JobState.RUNNING)
    for arguments, seconds in (({}, 25), ({"seconds": 3}, 3), ({"seconds": 0}, 0)):
        began = sandbox.clock.now()
        result = ada.use("wait_for_video", id=job.id, **arguments)
        assert_described("wait_for_video", result)
        assert "running" == result.json["state"]
        assert pytest.approx(seconds) == sandbox.clock.now() - began


def test_too_many_waits_are_answered_at_once(sandbox: Sandbox, ada: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each occupies a function; the result says when to ask again."""
    monkeypatch.setitem(sandbox.stack.deployment.functions["McpFunction"].environment, "MAX_HELD_REQUESTS", "0")
    job, began = sandbox.put(JobState.RUNNING), sandbox.clock.now()
    assert 0 < ada.use("wait_for_video", id=job.id).json["poll_after_seconds"]
    assert began == sandbox.clock.now()


def test_a_wait_ends_with_the_job(sandbox: Sandbox, ada: Agent) -> None:
    """A state on the way is not an end."""
    job = sandbox.put(JobState.QUEUED)
    times: list[float] = []

    def sleep(seconds: float) -> None:
        sandbox.clock.advance(seconds)
        times.append(sandbox.clock.now())
        with sandbox.stack.acting_as("StartTaskFunction"):
            if len(times) == 2:
                jobs.advance(sandbox.job(job.id), sandbox.job(job.id).at(JobState.SUBMITTING, times[-1]))
            if len(times) == 4:
                jobs.advance(sandbox.job(job.id), sandbox.job(job.id).at(JobState.CANCELLED, times[-1]))

    with patch("gallop.clock.sleep", sleep):
        assert "cancelled" == ada.use("wait_for_video", id=job.id).json["state"]
    assert 4 == len(times)


def test_videos_are_listed(sandbox: Sandbox, ada: Agent) -> None:
    """Newest first, ten at a time, as at the HTTPS door."""
    made = []
    for _ in range(12):
        made.append(sandbox.put().id)
        sandbox.clock.advance(1)
    sandbox.put(client="bob")
    first = ada.use("list_videos")
    assert_described("list_videos", first)
    assert made[:1:-1] == [job["id"] for job in first.json["data"]]
    rest = ada.use("list_videos", after=first.json["last_id"], limit=5).json
    assert made[1::-1] == [job["id"] for job in rest["data"]]
    assert 13 == len(Agent(sandbox, "root", is_admin=True).use("list_videos", limit=100).json["data"])


def test_a_waiting_video_is_cancelled(sandbox: Sandbox, ada: Agent) -> None:
    """The result says what was possible."""
    job = sandbox.put()
    result = ada.use("cancel_video", id=job.id)
    assert_described("cancel_video", result)
    assert "cancelled" == result.json["cancel"]["answer"]
    assert JobState.CANCELLED is sandbox.job(job.id).state
    assert "already_finished" == ada.use("cancel_video", id=job.id).json["cancel"]["answer"]


@pytest.mark.parametrize("tool", ["get_video", "wait_for_video", "cancel_video"])
def test_the_video_of_someone_else_is_not_found(sandbox: Sandbox, tool: str) -> None:
    """The answer is the same as for a job that does not exist."""
    bob = Agent(sandbox, "bob")
    theirs, none = sandbox.put(JobState.RUNNING).id, new_job_id(0)
    for job_id in (theirs, none, "job_1"):
        result = bob.use(tool, id=job_id)
        assert_described(tool, result)
        assert result.is_error
        assert "not_found" == result.json["code"]
        assert f"Video '{job_id}' not found." == result.json["detail"]
    assert JobState.RUNNING is sandbox.job(theirs).state


@pytest.mark.parametrize(
    ("tool", "arguments", "pointer"),
    [
        ("get_video", {}, "/id"),
        ("get_video", {"id": 5}, "/id"),
        ("get_video", {"id": "job_1", "wait": 5}, "/wait"),
        ("cancel_video", {"id": None}, "/id"),
        ("wait_for_video", {"id": "job_1", "seconds": 26}, "/seconds"),
        ("wait_for_video", {"id": "job_1", "seconds": "5"}, "/seconds"),
        ("list_videos", {"limit": 0}, "/limit"),
        ("list_videos", {"limit": [1]}, "/limit"),
        ("list_videos", {"order": "up"}, "/order"),
        ("list_videos", {"client": "bob"}, "/client"),
        ("list_videos", {"after": "job_1"}, "/after"),
        ("price_video", {**VIDEO, "max_cost": 1}, "/max_cost"),
        ("make_video", {**VIDEO, "dry_run": True}, "/dry_run"),
        ("make_video", {**VIDEO, "max_cost": True}, "/max_cost"),
        ("make_video", {**VIDEO, "max_cost": "1"}, "/max_cost"),
    ],
)
def test_wrong_arguments_are_named(sandbox: Sandbox, ada: Agent, tool: str, arguments: Any, pointer: str) -> None:  # noqa: ANN401 - JSON
    """The schema refuses them, too."""
    problem = ada.refused(tool, **arguments)
    assert "invalid_request" == problem["code"]
    assert [pointer] == [fault["pointer"] for fault in problem["errors"]]
    assert [] == sandbox.jobs()
    assert not Draft202012Validator(catalogue()[tool]["inputSchema"]).is_valid(arguments)
