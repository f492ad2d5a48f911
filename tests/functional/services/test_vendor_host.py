"""A stack that moves to another host of its region, with jobs in flight: one lane, and no task lost or made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from gallop import settings
from gallop.adapters.table import slots
from gallop.domain.errors import LaneBusy, VendorUnreachable
from gallop.domain.job import JobState
from gallop.steps import start_task

from tests.support.http import Client
from tests.support.jobs import BASE_URL, a_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.promise("P2")

WORKSPACE = "https://llm-1a2b.ap-southeast-1.maas.aliyuncs.com/api/v1"
BEIJING = "https://dashscope.aliyuncs.com/api/v1"
SECRET = "the secret"


@pytest.fixture
def moved() -> Iterator[None]:
    """Move the stack to the workspace's host."""
    with patch.object(settings, "dashscope_base_url", lambda: WORKSPACE):
        yield


def gone(request: httpx.Request) -> httpx.Response:
    """Be a host that does not exist any more."""
    raise httpx.ConnectError("no such host", request=request)


def page(_: httpx.Request) -> httpx.Response:
    """Be a host that others have taken over."""
    return httpx.Response(503, text="<html>This domain has moved.</html>")


def refusal(_: httpx.Request) -> httpx.Response:
    """Be a host that does not take the workspace's key."""
    return httpx.Response(401, json={"code": "InvalidApiKey", "message": "Invalid API-key provided."})


def unknown(_: httpx.Request) -> httpx.Response:
    """Be a host that has no tasks any more."""
    return httpx.Response(200, json={"output": {"task_id": "t", "task_status": "UNKNOWN"}, "data": []})


GONE = {"gone": gone, "another's": page, "key refused": refusal}


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ({"base_url": WORKSPACE}, True),
        ({"base_url": "https://other-space.ap-southeast-1.maas.aliyuncs.com/api/v1"}, True),
        ({"base_url": BEIJING}, False),
        ({"key_name": "another secret"}, False),
    ],
)
def test_a_lane_is_an_account_and_not_a_host(other: dict[str, Any], is_same: bool) -> None:
    """The hosts of one region and key share slots and attempts."""
    assert is_same == (a_job(key_name=SECRET).lane == a_job(**{"key_name": SECRET, **other}).lane)


@pytest.mark.usefixtures("moved")
def test_a_waiting_job_is_submitted_to_the_present_host(sandbox: Sandbox) -> None:
    """It has no task yet, so that nothing binds it to the old host."""
    sandbox.instead[BASE_URL] = gone
    job = sandbox.put()
    sandbox.invoke("StartTaskFunction", {"job_id": job.id})
    assert WORKSPACE == sandbox.job(job.id).base_url
    assert 1 == len(sandbox.tasks())


@pytest.mark.usefixtures("moved")
def test_attempts_of_both_hosts_are_made_one_at_a_time(sandbox: Sandbox) -> None:
    """During an attempt at the old host, none is made at the new one: a lost reply could be that of either."""
    first = sandbox.put()
    second = sandbox.put(base_url=WORKSPACE)

    def meanwhile(request: httpx.Request) -> httpx.Response:
        with patch.object(start_task, "LANE_TRIES", 3), pytest.raises(LaneBusy):
            sandbox.invoke("StartTaskFunction", {"job_id": second.id})
        return sandbox.fake.handle(request)

    with patch.object(settings, "dashscope_base_url", lambda: BASE_URL):
        sandbox.instead[BASE_URL] = meanwhile
        sandbox.invoke("StartTaskFunction", {"job_id": first.id})
    assert 1 == len(sandbox.tasks())


@pytest.mark.parametrize("old", GONE.values(), ids=GONE.keys())
def test_a_running_job_is_asked_about_at_the_present_host(
    sandbox: Sandbox, old: Callable[[httpx.Request], httpx.Response]
) -> None:
    """If its old host is gone, the task is found at the new one, up to the video."""
    job = sandbox.submitted()
    sandbox.instead[BASE_URL] = old
    sandbox.clock.advance(3600)
    with patch.object(settings, "dashscope_base_url", lambda: WORKSPACE):
        assert "save" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
        assert WORKSPACE == sandbox.job(job.id).base_url
        sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    assert sandbox.job(job.id).result
    assert 1 == len(sandbox.tasks())


@pytest.mark.parametrize("old", GONE.values(), ids=GONE.keys())
def test_a_video_is_saved_from_the_present_host(
    sandbox: Sandbox, old: Callable[[httpx.Request], httpx.Response]
) -> None:
    """The old host went away between the end of the task and the download."""
    job = sandbox.storing()
    sandbox.instead[f"{BASE_URL}/tasks"] = old
    with patch.object(settings, "dashscope_base_url", lambda: WORKSPACE):
        sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    assert sandbox.job(job.id).result


@pytest.mark.parametrize("old", GONE.values(), ids=GONE.keys())
def test_a_lost_reply_is_looked_for_at_the_present_host(
    sandbox: Sandbox, old: Callable[[httpx.Request], httpx.Response]
) -> None:
    """The task of the lost reply is adopted, and no second one made."""
    sandbox.fake.fault(on="submit", kind="drop_after_accept")
    job = sandbox.put()
    assert "reconcile" == sandbox.invoke("StartTaskFunction", {"job_id": job.id})["next"]
    sandbox.instead[BASE_URL] = old
    sandbox.clock.advance(60)
    with patch.object(settings, "dashscope_base_url", lambda: WORKSPACE):
        sandbox.invoke("ReconcileFunction", {"action": "reconcile", "job_id": job.id})
    assert JobState.RUNNING is sandbox.job(job.id).state
    assert 1 == len(sandbox.tasks())


@pytest.mark.usefixtures("moved")
def test_a_task_is_cancelled_at_the_present_host(sandbox: Sandbox) -> None:
    """A cancel reaches the task whose old host is gone."""
    with patch.object(settings, "dashscope_base_url", lambda: BASE_URL):
        job = sandbox.submitted()
    sandbox.instead[BASE_URL] = gone
    answer = Client(sandbox).cancel(job.id).json["cancel"]["answer"]
    assert "cancelled" == answer
    assert 1 == len(sandbox.sent(f"{WORKSPACE}/tasks/{job.task_id}/cancel"))


@pytest.mark.usefixtures("moved")
def test_a_new_host_that_does_not_know_the_task_ends_nothing(sandbox: Sandbox) -> None:
    """The old host may come back: the job waits for it until its deadline."""
    job = sandbox.put(JobState.RUNNING, running_since=sandbox.clock.now() - 3600)
    sandbox.instead[BASE_URL] = gone
    for _ in range(3):
        sandbox.clock.advance(700)
        sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})
    assert JobState.RUNNING is sandbox.job(job.id).state


@pytest.mark.usefixtures("moved")
def test_an_old_host_without_the_task_is_not_the_last_word(sandbox: Sandbox) -> None:
    """It may answer, and have no tasks any more."""
    with patch.object(settings, "dashscope_base_url", lambda: BASE_URL):
        job = sandbox.submitted()
    sandbox.instead[BASE_URL] = unknown
    sandbox.clock.advance(3600)
    assert "save" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]


def test_a_host_of_another_region_is_never_asked(sandbox: Sandbox) -> None:
    """Its tasks are others: the job stays with its own host."""
    job, waiting = sandbox.submitted(), sandbox.put()
    sandbox.instead[BASE_URL] = gone
    sandbox.clock.advance(3600)
    with patch.object(settings, "dashscope_base_url", lambda: BEIJING):
        sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})
        with pytest.raises(VendorUnreachable):
            sandbox.invoke("StartTaskFunction", {"job_id": waiting.id})
    assert [] == sandbox.sent(BEIJING)
    assert JobState.RUNNING is sandbox.job(job.id).state


def test_both_hosts_share_their_slots(sandbox: Sandbox) -> None:
    """Jobs of the old host hold the slots that jobs of the new one wait for."""
    old, new = sandbox.put(), sandbox.put(base_url=WORKSPACE)
    with sandbox.stack.acting_as("TakeSlotFunction"):
        for number, job in enumerate((old, new)):
            slots.enqueue(job, f"token {number}")
            slots.opened_pool(job.lane)
        lanes = {pool.lane for pool in slots.pools()}
    assert {old.lane} == lanes
