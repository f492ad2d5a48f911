"""A delete removes everything that belongs to the finished job alone, its record last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.s3 import buckets
from gallop.adapters.table import jobs
from gallop.domain.doors import Door
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState

from tests.functional.doors.https.test_creates_uploads import uploaded
from tests.support.http import Client
from tests.support.pictures import data_uri, picture
from tests.support.stack import aws

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

WISH = {"prompt": "She smiles.", "images": [data_uri(picture())]}


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def ended(sandbox: Sandbox, client: Client, images: list[str] | None = None, **headers: str) -> str:
    """Create a job and cancel it; return its id."""
    job_id: str = client.post({**WISH, "images": images or WISH["images"]}, **headers).json["id"]
    assert "cancelled" == client.cancel(job_id).json["cancel"]["answer"]
    assert sandbox.results_there()
    return job_id


def versions(sandbox: Sandbox, bucket: str) -> list[Any]:
    """Return all versions and delete markers of a bucket."""
    found = sandbox.s3.list_object_versions(Bucket=bucket)
    return [*found.get("Versions", []), *found.get("DeleteMarkers", [])]


def records(sandbox: Sandbox) -> list[str]:
    """Return what is in the table, except the idempotency hashes, which expire automatically."""
    items = aws("dynamodb").scan(TableName=sandbox.stack.resource("JobTable"))["Items"]
    return [item["pk"]["S"] for item in items if item["sk"]["S"] != "IDEMPOTENCY"]


def test_nothing_of_a_deleted_job_remains(sandbox: Sandbox, ada: Client) -> None:
    """Neither a version of its image or receipts, nor a record, nor an entry of the list is left."""
    job_id = ended(sandbox, ada)
    response = ada.delete(job_id)
    assert (200, {"id": job_id, "object": "video.deleted", "deleted": True}) == (response.status, response.json)
    assert [] == versions(sandbox, sandbox.inbox)
    assert [] == versions(sandbox, sandbox.results)
    assert [] == records(sandbox)
    assert [404, 404] == [ada.get(f"/v1/videos/{job_id}").status, ada.delete(job_id).status]
    assert [] == ada.get("/v1/videos").json["data"]


def test_an_equal_image_of_another_job_is_kept(sandbox: Sandbox, ada: Client) -> None:
    """Each job has its own version."""
    first, second = ended(sandbox, ada), ended(sandbox, ada)
    ada.delete(first)
    assert 1 == len(versions(sandbox, sandbox.inbox))
    assert 200 == ada.get(f"/v1/videos/{second}").status


def test_an_upload_is_deleted_with_the_last_job_that_uses_it(sandbox: Sandbox, ada: Client) -> None:
    """A job may use the same upload twice."""
    upload = uploaded(sandbox, ada)
    first, second = ended(sandbox, ada, [upload, upload]), ended(sandbox, ada, [upload])
    assert 200 == ada.delete(first).status
    assert 1 == len(versions(sandbox, sandbox.inbox))
    assert 200 == ada.delete(second).status
    assert ([], []) == (versions(sandbox, sandbox.inbox), records(sandbox))


def test_an_upload_is_deleted_once_whichever_delete_was_interrupted(sandbox: Sandbox, ada: Client) -> None:
    """If two deletes are interrupted after releasing the upload, repeating either of them removes it."""
    upload = uploaded(sandbox, ada)
    first, second = ended(sandbox, ada, [upload]), ended(sandbox, ada, [upload])
    for job_id in (first, second):
        with patch.object(buckets, "remove_results", side_effect=AwsTrouble("no")):
            assert 503 == ada.delete(job_id).status
    assert [200, 200] == [ada.delete(first).status, ada.delete(second).status]
    assert ([], []) == (versions(sandbox, sandbox.inbox), records(sandbox))


def test_an_image_is_deleted_with_its_conversion(sandbox: Sandbox, ada: Client) -> None:
    """An upload that needed a conversion and the converted image both belong to the job."""
    job_id = ended(sandbox, ada, [uploaded(sandbox, ada, picture("BMP"))])
    assert 2 == len(versions(sandbox, sandbox.inbox))
    ada.delete(job_id)
    assert [] == versions(sandbox, sandbox.inbox)


def test_objects_that_operators_copied_are_kept(sandbox: Sandbox, ada: Client) -> None:
    """They do not belong to Gallop, and anyone may use them."""
    sandbox.s3.put_object(Bucket=sandbox.inbox, Key="uploads/ours.png", Body=picture("PNG"))
    ada.delete(ended(sandbox, ada, [f"s3://{sandbox.inbox}/uploads/ours.png"]))
    assert 1 == len(versions(sandbox, sandbox.inbox))
    assert [] == records(sandbox)


@pytest.mark.parametrize("state", [state for state in JobState if state not in ("succeeded", "failed", "cancelled")])
def test_a_job_that_has_not_ended_is_not_deleted(sandbox: Sandbox, ada: Client, state: JobState) -> None:
    """The refusal says to cancel it first."""
    job = sandbox.put(state)
    response = ada.delete(job.id)
    assert (409, "not_finished") == (response.status, response.json["code"])
    assert "x-should-retry" not in response.headers
    assert job == sandbox.job(job.id)


def test_a_job_whose_receipts_are_still_written_is_not_deleted(sandbox: Sandbox, ada: Client) -> None:
    """Otherwise they would be written after the delete."""
    assert 409 == ada.delete(sandbox.put(JobState.FAILED).id).status


def test_a_dropped_job_is_kept_with_its_drop(sandbox: Sandbox, ada: Client) -> None:
    """Its files are still under `drop/`: without the record they would become a paid job again. The refusal says so."""
    job = sandbox.put(JobState.FAILED, door=Door.S3, client="s3")
    with sandbox.stack.acting_as("FinishFunction"):
        jobs.close(job)
    response = Client(sandbox, "root", is_admin=True).delete(job.id)
    assert 409 == response.status
    assert "not_deletable" == response.json["code"]
    assert "false" == response.headers["x-should-retry"]
    assert "drop/" in response.json["remedy"]
    assert (404, job) == (ada.delete(job.id).status, sandbox.job(job.id))


@pytest.mark.parametrize("name", ["remove_input", "remove_results"])
def test_an_interrupted_delete_is_completed_by_the_next(sandbox: Sandbox, ada: Client, name: str) -> None:
    """The record is removed last, so that a repetition finds it."""
    job_id = ended(sandbox, ada)
    with patch.object(buckets, name, side_effect=AwsTrouble("no")):
        assert 503 == ada.delete(job_id).status
    assert 200 == ada.delete(job_id).status
    assert [] == versions(sandbox, sandbox.inbox)
    assert [] == versions(sandbox, sandbox.results)
    assert [] == records(sandbox)


def test_a_late_close_creates_no_record(sandbox: Sandbox, ada: Client) -> None:
    """A step that comes late finds the job gone, and does not recreate it."""
    job_id = ended(sandbox, ada)
    job = sandbox.job(job_id)
    ada.delete(job_id)
    with sandbox.stack.acting_as("FinishFunction"):
        jobs.close(job)
    assert [] == records(sandbox)


def test_a_repeated_create_of_a_deleted_job_creates_no_new_one(sandbox: Sandbox, ada: Client) -> None:
    """Its idempotency key refers to the deleted job: the answer is 404, and nothing is charged."""
    job_id = ended(sandbox, ada, idempotency_key="mine")
    ada.delete(job_id)
    assert 404 == ada.post(WISH, idempotency_key="mine").status
    assert [] == sandbox.jobs()


def test_a_client_cannot_delete_anothers_job(sandbox: Sandbox, ada: Client) -> None:
    """The answer is 404, as for a missing job."""
    job_id = ended(sandbox, ada)
    assert 404 == Client(sandbox, "bob").delete(job_id).status
    assert 200 == ada.get(f"/v1/videos/{job_id}").status
