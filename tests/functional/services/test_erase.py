"""A delete removes everything that belongs to the finished job alone, its record last."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import settings
from gallop.adapters.s3 import buckets
from gallop.adapters.table import idempotency_records, jobs
from gallop.domain import budget
from gallop.domain.budget import Cap, Period, Shortfall
from gallop.domain.doors import Door
from gallop.domain.errors import AwsTrouble, BudgetExceeded
from gallop.domain.job import JobState

from tests.functional.doors.https.test_creates_uploads import uploaded
from tests.functional.fake_dashscope.sandbox import order
from tests.support.calls import Killed
from tests.support.dashscope import Vendor
from tests.support.http import Client
from tests.support.pictures import data_uri, picture
from tests.support.stack import aws
from tests.testbed.aws.kill_points import after

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

WISH = {"prompt": "She smiles.", "images": [data_uri(picture())]}
SHORT = Shortfall(Cap(budget.STACK, Period.DAY, Decimal(1)), Decimal(1), Decimal("0.7"), 0.0)


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


def every_record(sandbox: Sandbox) -> list[str]:
    """Return the keys of everything that is in the table."""
    items = aws("dynamodb").scan(TableName=sandbox.table)["Items"]
    return [item["pk"]["S"] for item in items]


def records(sandbox: Sandbox) -> list[str]:
    """Return what is in the table, except idempotency hashes, which expire automatically."""
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


def test_a_repeated_create_of_a_deleted_job_is_refused_with_a_key(sandbox: Sandbox, ada: Client) -> None:
    """The key belongs to the deleted job for its 24 hours: nothing is created, stored or charged."""
    ada.delete(ended(sandbox, ada, idempotency_key="mine"))
    response = ada.post(WISH, idempotency_key="mine")
    assert 409 == response.status
    assert "job_deleted" == response.json["code"]
    assert "false" == response.headers["x-should-retry"]
    assert [] == sandbox.jobs()
    assert [] == versions(sandbox, sandbox.inbox)
    assert 202 == ada.post(WISH, idempotency_key="another").status


def test_a_repeated_create_is_refused_as_deleted_although_its_upload_is_gone(sandbox: Sandbox, ada: Client) -> None:
    """The upload was deleted with the job; to say that it was not found would lead to a second charge."""
    upload = uploaded(sandbox, ada)
    ada.delete(ended(sandbox, ada, [upload], idempotency_key="mine"))
    body = {**WISH, "images": [upload]}
    assert "job_deleted" == ada.post(body, idempotency_key="mine").json["code"]
    assert "invalid_request" == ada.post(body, idempotency_key="another").json["code"]
    assert "invalid_request" == ada.post(body).json["code"]


def test_a_repeated_create_of_a_deleted_job_is_refused_in_each_dialect(sandbox: Sandbox, ada: Client) -> None:
    """OpenAI's clients read ``error.code``, and DashScope's its own code for a conflict."""
    ada.delete(ended(sandbox, ada, idempotency_key="mine"))
    refused = ada.post(WISH, idempotency_key="mine", x_stainless_lang="python", x_stainless_retry_count="1")
    assert 409 == refused.status
    assert "job_deleted" == refused.json["error"]["code"]
    vendor = Vendor(sandbox)
    task_id = vendor.submit(order(), idempotency_key="theirs").json["output"]["task_id"]
    ada.cancel(task_id)
    ada.delete(task_id)
    refused = vendor.submit(order(), idempotency_key="theirs")
    assert 409 == refused.status
    assert "Conflict" == refused.json["code"]
    assert [] == sandbox.jobs()


def test_a_repeated_create_of_a_deleted_job_is_a_new_job_without_a_key(sandbox: Sandbox, ada: Client) -> None:
    """Whether it is marked as a retry, or equal content in DashScope's dialect: nothing refers to the deleted job."""
    first = ended(sandbox, ada, x_stainless_retry_count="1")
    ada.delete(first)
    assert [] == every_record(sandbox)
    again = ada.post(WISH, x_stainless_retry_count="2")
    assert 202 == again.status
    assert first != again.json["id"]
    vendor = Vendor(sandbox)
    task_id = vendor.submit(order()).json["output"]["task_id"]
    assert "cancelled" == ada.cancel(task_id).json["state"]
    assert 200 == ada.delete(task_id).status
    assert task_id != vendor.submit(order()).json["output"]["task_id"]


def test_a_create_that_still_refers_to_a_deleted_job_is_a_new_job(sandbox: Sandbox, ada: Client) -> None:
    """A delete that removes the job while its create is being repeated leaves the reference behind."""
    first = ended(sandbox, ada, x_stainless_retry_count="1")
    with patch.object(idempotency_records, "forget"):
        ada.delete(first)
    again = ada.post(WISH, x_stainless_retry_count="2")
    assert 202 == again.status
    assert "Idempotent-Replay" not in again.headers
    assert again.json["id"] == ada.post(WISH, x_stainless_retry_count="3").json["id"]


def test_replays_leave_one_version_of_an_image(sandbox: Sandbox, ada: Client) -> None:
    """Whatever was sent again is not stored again, so that the delete removes all of it."""
    job_id = ended(sandbox, ada, idempotency_key="mine")
    for _ in range(3):
        assert job_id == ada.post(WISH, idempotency_key="mine").json["id"]
    assert 1 == len(versions(sandbox, sandbox.inbox))
    ada.delete(job_id)
    assert [] == versions(sandbox, sandbox.inbox)
    assert [] == versions(sandbox, sandbox.results)


@pytest.mark.parametrize("call", range(3))
def test_a_create_that_died_leaves_nothing_after_the_delete_of_its_retry(
    sandbox: Sandbox, ada: Client, call: int
) -> None:
    """The image that it had stored becomes that of the retry, whichever call of the create was its last."""
    points = [after("PutObject", 1), after("TransactWriteItems", 1), after("StartExecution", 1)]
    sandbox.kills["Submit"] = [points[call]]
    with pytest.raises(Killed):
        ada.post(WISH)
    ada.delete(ended(sandbox, ada))
    assert [] == versions(sandbox, sandbox.inbox)
    assert [] == versions(sandbox, sandbox.results)
    assert [] == every_record(sandbox)


def test_a_refused_create_stores_no_image(sandbox: Sandbox, ada: Client) -> None:
    """Key and cap are checked before the image is stored."""
    ended(sandbox, ada, idempotency_key="mine")
    before = versions(sandbox, sandbox.inbox)
    other = {**WISH, "images": [data_uri(picture(shade=7))]}
    assert 422 == ada.post(other, idempotency_key="mine").status
    assert before == versions(sandbox, sandbox.inbox)
    with patch.object(settings, "day_cap", lambda: Decimal("0.5")):
        assert 402 == ada.post(other).status
        assert before == versions(sandbox, sandbox.inbox)
    with patch.object(jobs, "create", side_effect=BudgetExceeded(SHORT, 0.0)):
        # The cap was reached in between.
        assert 402 == ada.post(other).status
    assert before == versions(sandbox, sandbox.inbox)


def test_an_image_of_a_refused_create_is_kept_for_the_job_that_has_it(sandbox: Sandbox, ada: Client) -> None:
    """Another create with the same image was accepted before."""
    job_id = ended(sandbox, ada)
    before = versions(sandbox, sandbox.inbox)
    with patch.object(jobs, "create", side_effect=BudgetExceeded(SHORT, 0.0)):
        assert 402 == ada.post({**WISH, "seed": 2}).status
    assert before == versions(sandbox, sandbox.inbox)
    ada.delete(job_id)
    assert [] == versions(sandbox, sandbox.inbox)


def test_a_client_cannot_delete_anothers_job(sandbox: Sandbox, ada: Client) -> None:
    """The answer is 404, as for a missing job."""
    job_id = ended(sandbox, ada)
    assert 404 == Client(sandbox, "bob").delete(job_id).status
    assert 200 == ada.get(f"/v1/videos/{job_id}").status
