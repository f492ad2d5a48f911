"""Records of jobs in the table that another version wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters.table import jobs
from gallop.domain.job import JobState

from tests.support.dashscope import TASKS, Vendor
from tests.support.http import Client
from tests.support.stack import aws

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox


def without(sandbox: Sandbox, job: Job, name: str) -> Job:
    """Take an attribute out of a job's record, as if an earlier version had written it."""
    aws("dynamodb").update_item(
        TableName=sandbox.stack.resource("JobTable"),
        Key={"pk": {"S": f"JOB#{job.id}"}, "sk": {"S": "JOB"}},
        UpdateExpression="REMOVE #name",
        ExpressionAttributeNames={"#name": name},
    )
    return job


def test_a_record_that_cannot_be_read_hides_no_other(sandbox: Sandbox) -> None:
    """It is left out of the list, and the log names it."""
    first, broken, last = (sandbox.put() for _ in range(3))
    without(sandbox, broken, "request")
    with sandbox.stack.acting_as("VideosFunction"):
        found = jobs.get_all([first.id, broken.id, last.id])
    assert [first.id, last.id] == [job.id for job in found]
    assert "job record unreadable" in sandbox.log_lines.getvalue()
    assert broken.id in sandbox.log_lines.getvalue()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, {"NULL": True}) for name in ("state", "request", "created_at", "estimated_cost", "notes", "id")),
        *((name, {"S": "odd"}) for name in ("state", "request", "created_at", "estimated_cost", "cost")),
        *((name, {"M": {"N": {"N": "1"}}}) for name in ("client", "cost", "vendor_request_id")),
    ],
)
def test_a_record_that_cannot_be_shown_hides_no_other(sandbox: Sandbox, name: str, value: dict[str, Any]) -> None:
    """Both lists show the jobs beside it."""
    first, broken, last = (sandbox.put() for _ in range(3))
    sandbox.dynamodb.update_item(
        TableName=sandbox.table,
        Key={"pk": {"S": f"JOB#{broken.id}"}, "sk": {"S": "JOB"}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )
    listed = Client(sandbox, first.client).get("/v1/videos")
    assert {first.id, last.id} == {job["id"] for job in listed.json["data"]} - {broken.id}
    tasks = Vendor(sandbox, first.client).call("VideosFunction", "GET", TASKS)
    assert {first.id, last.id} == {task["task_id"] for task in tasks.json["data"]} - {broken.id}


@pytest.mark.parametrize("name", ["attempt", "failure", "usage", "parked", "slot_since"])
def test_a_record_without_an_attribute_moves_on(sandbox: Sandbox, name: str) -> None:
    """The condition of the write takes an absent attribute for the value None that was read."""
    job = without(sandbox, sandbox.put(), name)
    with sandbox.stack.acting_as("StartTaskFunction"):
        before = jobs.get(job.id)
        moved = jobs.advance(before, replace(before.at(JobState.SUBMITTING, sandbox.clock.now()), submits=1))
    assert moved == sandbox.job(job.id)


def test_a_fact_is_noted_where_an_earlier_version_wrote_none(sandbox: Sandbox) -> None:
    """Once: a second note meets the first."""
    job = without(sandbox, sandbox.put(), "dropped_again_at")
    with sandbox.stack.acting_as("SubmitFunction"):
        assert jobs.note(job, "dropped_again_at", 7)
        assert not jobs.note(job, "dropped_again_at", 8)
