"""Delete: all that is a finished job's own goes, its record last; nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.s3 import buckets as objects
from gallop.adapters.table import jobs as store
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import Door, JobState

from tests.functional.doors.https.test_creates_uploads import uploaded
from tests.support.http import Client
from tests.support.pictures import data_uri, picture
from tests.support.stack import aws

if TYPE_CHECKING:
    from tests.support.world import World

WISH = {"prompt": "She smiles.", "images": [data_uri(picture())]}


@pytest.fixture
def ada(world: World) -> Client:
    """Give a client."""
    return Client(world)


def ended(world: World, client: Client, images: list[str] | None = None, **headers: str) -> str:
    """Create a job and cancel it; gives its id."""
    job_id: str = client.post({**WISH, "images": images or WISH["images"]}, **headers).json["id"]
    assert "cancelled" == client.cancel(job_id).json["cancel"]["answer"]
    assert world.results_there()
    return job_id


def versions(world: World, bucket: str) -> list[Any]:
    """Give all versions and markers of a bucket."""
    found = world.s3.list_object_versions(Bucket=bucket)
    return [*found.get("Versions", []), *found.get("DeleteMarkers", [])]


def records(world: World) -> list[str]:
    """Name what is in the table, but for the hashes of idempotency, which expire by themselves."""
    items = aws("dynamodb").scan(TableName=world.stack.resource("JobTable"))["Items"]
    return [item["pk"]["S"] for item in items if item["sk"]["S"] != "ONCE"]


def test_nothing_of_a_deleted_job_is_left(world: World, ada: Client) -> None:
    """No version of its image, of its receipts, no record, no place in the list."""
    job_id = ended(world, ada)
    told = ada.delete(job_id)
    assert (200, {"id": job_id, "object": "video.deleted", "deleted": True}) == (told.status, told.json)
    assert ([], [], []) == (versions(world, world.inbox), versions(world, world.results), records(world))
    assert [404, 404] == [ada.get(f"/v1/videos/{job_id}").status, ada.delete(job_id).status]
    assert [] == ada.get("/v1/videos").json["data"]


def test_an_equal_image_of_another_job_stays(world: World, ada: Client) -> None:
    """Each job has a version of its own."""
    first, second = ended(world, ada), ended(world, ada)
    ada.delete(first)
    assert 1 == len(versions(world, world.inbox))
    assert 200 == ada.get(f"/v1/videos/{second}").status


def test_an_upload_goes_with_the_last_job_that_uses_it(world: World, ada: Client) -> None:
    """Also where a job names it twice."""
    upload = uploaded(world, ada)
    first, second = ended(world, ada, [upload, upload]), ended(world, ada, [upload])
    assert 200 == ada.delete(first).status
    assert 1 == len(versions(world, world.inbox))
    assert 200 == ada.delete(second).status
    assert ([], []) == (versions(world, world.inbox), records(world))


def test_an_upload_goes_once_whichever_delete_broke_off(world: World, ada: Client) -> None:
    """Two deletes, each broken off when it had let the upload go: the repetition of either removes it."""
    upload = uploaded(world, ada)
    first, second = ended(world, ada, [upload]), ended(world, ada, [upload])
    for job_id in (first, second):
        with patch.object(objects, "remove_results", side_effect=AwsTrouble("no")):
            assert 503 == ada.delete(job_id).status
    assert [200, 200] == [ada.delete(first).status, ada.delete(second).status]
    assert ([], []) == (versions(world, world.inbox), records(world))


def test_a_picture_goes_with_what_it_was_converted_to(world: World, ada: Client) -> None:
    """An upload that DashScope could not take is the job's, as is what was made of it."""
    job_id = ended(world, ada, [uploaded(world, ada, picture("BMP"))])
    assert 2 == len(versions(world, world.inbox))
    ada.delete(job_id)
    assert [] == versions(world, world.inbox)


def test_what_people_copied_there_stays(world: World, ada: Client) -> None:
    """It was not Gallop's to keep; it may be anybody's, and used by anybody."""
    world.s3.put_object(Bucket=world.inbox, Key="uploads/ours.png", Body=picture("PNG"))
    ada.delete(ended(world, ada, [f"s3://{world.inbox}/uploads/ours.png"]))
    assert 1 == len(versions(world, world.inbox))
    assert [] == records(world)


@pytest.mark.parametrize("state", [state for state in JobState if state not in ("succeeded", "failed", "cancelled")])
def test_a_job_that_has_not_ended_is_not_deleted(world: World, ada: Client, state: JobState) -> None:
    """It says to cancel it first."""
    job = world.put(state)
    told = ada.delete(job.id)
    assert (409, "not_finished") == (told.status, told.json["code"])
    assert "x-should-retry" not in told.headers
    assert job == world.job(job.id)


def test_a_job_whose_receipts_are_still_written_waits(world: World, ada: Client) -> None:
    """Or they would be there after it."""
    assert 409 == ada.delete(world.put(JobState.FAILED).id).status


def test_a_dropped_job_stays_with_its_drop(world: World, ada: Client) -> None:
    """Its files are still under `drop/`: without its record they would become a paid job again. An operator is told."""
    job = world.put(JobState.FAILED, door=Door.S3, client="s3")
    with world.stack.acting_as("FinishFunction"):
        store.close(job)
    told = Client(world, "root", is_admin=True).delete(job.id)
    assert (409, "not_deletable", "false") == (told.status, told.json["code"], told.headers["x-should-retry"])
    assert "drop/" in told.json["remedy"]
    assert (404, job) == (ada.delete(job.id).status, world.job(job.id))


@pytest.mark.parametrize("name", ["remove_input", "remove_results"])
def test_a_delete_that_broke_off_is_finished_by_the_next(world: World, ada: Client, name: str) -> None:
    """The record is removed last, so that there is always something to delete."""
    job_id = ended(world, ada)
    with patch.object(objects, name, side_effect=AwsTrouble("no")):
        assert 503 == ada.delete(job_id).status
    assert 200 == ada.delete(job_id).status
    assert ([], [], []) == (versions(world, world.inbox), versions(world, world.results), records(world))


def test_a_late_close_makes_no_record(world: World, ada: Client) -> None:
    """A step that comes late finds the job gone, and leaves it so."""
    job_id = ended(world, ada)
    job = world.job(job_id)
    ada.delete(job_id)
    with world.stack.acting_as("FinishFunction"):
        store.close(job)
    assert [] == records(world)


def test_a_repeated_create_of_a_deleted_job_makes_no_new_one(world: World, ada: Client) -> None:
    """Its key stands for what is gone: 404, and nothing is charged."""
    job_id = ended(world, ada, idempotency_key="mine")
    ada.delete(job_id)
    assert 404 == ada.post(WISH, idempotency_key="mine").status
    assert [] == world.jobs()


def test_nobody_deletes_what_is_anothers(world: World, ada: Client) -> None:
    """404, as for one that does not exist."""
    job_id = ended(world, ada)
    assert 404 == Client(world, "bob").delete(job_id).status
    assert 200 == ada.get(f"/v1/videos/{job_id}").status
