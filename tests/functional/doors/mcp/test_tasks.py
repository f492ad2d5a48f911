"""Tasks of MCP 2025-11-25: the job is the task, from its creation to its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.job import JobState, new_job_id
from gallop.doors.mcp import versions
from jsonschema import Draft202012Validator

from tests.functional.doors.https.test_https import assert_nothing_started, succeeded
from tests.support.agents import VIDEO, Agent, catalogue

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

WITHOUT = ("2025-03-26", "2025-06-18")
INVALID_PARAMS = -32602


@pytest.fixture
def ada(sandbox: Sandbox) -> Agent:
    """Return an agent."""
    return Agent(sandbox)


def as_task(agent: Agent, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Ask for a video as a task; return the whole answer."""
    arguments = {**VIDEO, **fields}
    return agent.ask("tools/call", name="make_video", arguments=arguments, task={"ttl": 60_000})


def test_a_task_is_the_job(sandbox: Sandbox, ada: Agent) -> None:
    """It is answered at once, when the job is durable, and says when to ask again, in milliseconds."""
    task = as_task(ada)["result"]["task"]
    (job,) = sandbox.jobs()
    assert job.id == task["taskId"]
    assert "working" == task["status"]
    assert 1000 <= task["pollInterval"]
    assert 91 * 86_400_000 == task["ttl"]
    assert task.items() - {("pollInterval", task["pollInterval"])} <= ada.result("tasks/get", taskId=job.id).items()


def test_a_repeated_task_is_the_same_one(sandbox: Sandbox, ada: Agent) -> None:
    """An agent that repeats its call pays once."""
    first, second = (as_task(ada)["result"]["task"]["taskId"] for _ in range(2))
    assert first == second
    assert 1 == len(sandbox.jobs())


def test_a_task_is_one_video(sandbox: Sandbox, ada: Agent) -> None:
    """A call for several is refused before it makes anything; one for one video is a task."""
    error = as_task(ada, n=2)["error"]
    assert INVALID_PARAMS == error["code"]
    assert "A task is one video" in error["message"]
    assert_nothing_started(sandbox)
    assert "task" in as_task(ada, n=1)["result"]


def test_what_is_refused_is_no_task(sandbox: Sandbox, ada: Agent) -> None:
    """The error says what is wrong and what to do; its data is the problem."""
    error = as_task(ada, prompt="")["error"]
    assert INVALID_PARAMS == error["code"]
    assert error["data"]["remedy"] in error["message"]
    assert_nothing_started(sandbox)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (JobState.QUEUED, "working"),
        (JobState.OUTCOME_UNKNOWN, "working"),
        (JobState.STORING, "working"),
        (JobState.FAILED, "failed"),
        (JobState.CANCELLED, "cancelled"),
    ],
)
def test_a_state_is_a_status(sandbox: Sandbox, ada: Agent, state: JobState, status: str) -> None:
    """A task that has ended needs no more questions."""
    task = ada.result("tasks/get", taskId=sandbox.put(state).id)
    assert status == task["status"]
    assert (status == "working") == ("pollInterval" in task)


def test_the_result_is_that_of_the_tool(sandbox: Sandbox, ada: Agent) -> None:
    """As its output schema says, by which clients check it, and it names its task."""
    job_id = succeeded(sandbox)
    assert "completed" == ada.result("tasks/get", taskId=job_id)["status"]
    result = ada.result("tasks/result", taskId=job_id)
    Draft202012Validator(catalogue()["make_video"]["outputSchema"]).validate(result["structuredContent"])
    assert result["structuredContent"]["video_url"].startswith("https://")
    assert result["isError"] is False
    assert {"io.modelcontextprotocol/related-task": {"taskId": job_id}} == result["_meta"]


def test_the_result_of_a_failure_is_an_error(sandbox: Sandbox, ada: Agent) -> None:
    """It shows the job that has failed."""
    result = ada.result("tasks/result", taskId=sandbox.put(JobState.FAILED).id)
    assert result["isError"] is True
    assert "failed" == result["structuredContent"]["state"]


def test_a_result_is_waited_for_as_long_as_an_answer_may_take(sandbox: Sandbox, ada: Agent) -> None:
    """Then the client asks again."""
    job, began = sandbox.put(JobState.RUNNING), sandbox.clock.now()
    assert "has not ended" in ada.error("tasks/result", taskId=job.id)["message"]
    assert pytest.approx(25) == sandbox.clock.now() - began


def test_tasks_are_listed(sandbox: Sandbox, ada: Agent) -> None:
    """Page by page, newest first, one's own."""
    made = []
    for _ in range(25):
        made.append(sandbox.put().id)
        sandbox.clock.advance(1)
    sandbox.put(client="bob")
    first = ada.result("tasks/list")
    rest = ada.result("tasks/list", cursor=first["nextCursor"])
    assert made[::-1] == [task["taskId"] for task in (*first["tasks"], *rest["tasks"])]
    assert "nextCursor" not in rest


def test_a_queued_task_is_cancelled(sandbox: Sandbox, ada: Agent) -> None:
    """Nothing is charged."""
    task_id = as_task(ada)["result"]["task"]["taskId"]
    assert "cancelled" == ada.result("tasks/cancel", taskId=task_id)["status"]
    assert JobState.CANCELLED is sandbox.job(task_id).state


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.FAILED])
def test_what_cannot_be_cancelled_says_why(sandbox: Sandbox, ada: Agent, state: JobState) -> None:
    """A task that DashScope runs is billed, and one that has ended stays as it is."""
    job = sandbox.put(state)
    assert INVALID_PARAMS == ada.error("tasks/cancel", taskId=job.id)["code"]
    assert state is sandbox.job(job.id).state


@pytest.mark.parametrize("method", ["tasks/get", "tasks/result", "tasks/cancel"])
def test_the_task_of_someone_else_is_not_found(sandbox: Sandbox, method: str) -> None:
    """The answer is the same as for a job that does not exist."""
    for job_id in (sandbox.put(JobState.RUNNING).id, new_job_id(0), "job_1"):
        assert "Task not found" == Agent(sandbox, "bob").error(method, taskId=job_id)["message"]


def test_a_call_without_a_task_is_answered_as_ever(ada: Agent) -> None:
    """Clients that use no tasks see nothing of them, except in the description of the tool."""
    assert "structuredContent" in ada.result("tools/call", name="make_video", arguments=VIDEO)
    supports = {tool["name"]: tool.get("execution") for tool in ada.result("tools/list")["tools"]}
    assert {"taskSupport": "optional"} == supports.pop("make_video")
    assert {None} == set(supports.values())


@pytest.mark.parametrize("version", WITHOUT)
def test_an_older_version_has_no_tasks(sandbox: Sandbox, version: str) -> None:
    """Its clients must not be surprised by one."""
    agent = Agent(sandbox, version=version)
    assert "structuredContent" in as_task(agent)["result"]
    assert "Method not found" in agent.error("tasks/list")["message"]
    assert not any("execution" in tool for tool in agent.result("tools/list")["tools"])


def test_the_capability_is_that_of_the_version(ada: Agent) -> None:
    """A client may use only what the server declares."""
    about = {"capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
    offered = {one: ada.result("initialize", protocolVersion=one, **about) for one in versions.AGREED}
    assert ["2025-11-25"] == [one for one, answer in offered.items() if "tasks" in answer["capabilities"]]
