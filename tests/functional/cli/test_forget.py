"""The command ``gallop forget``: nothing of a client is left, and everything of the others."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop import settings
from gallop.adapters.s3 import buckets
from gallop.adapters.table import jobs
from gallop.cli import show
from gallop.domain.errors import AwsTrouble
from gallop.services import erase

from tests.support.http import Client
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox

WISH = {"prompt": "She smiles.", "images": [data_uri(picture())]}


def lived(sandbox: Sandbox, gallop: Gallop, client: str) -> str:
    """Give a client a key, an endpoint, an unused upload, a budget, and a job that has ended; return the job's ID."""
    gallop.ok("keys", "create", client)
    gallop.ok("webhooks", "add", client, "https://example.com/hook")
    sandbox.s3.put_object(Bucket=sandbox.inbox, Key=f"uploads/{client}/upload_{'a' * 26}", Body=picture())
    with patch.object(settings, "client_day_cap", lambda: Decimal(9)):
        job_id: str = Client(sandbox, client).post(WISH, idempotency_key=f"{client}-1").json["id"]
    sandbox.invoke("TakeSlotFunction", {"job_id": job_id, "token": "token"})
    gallop.ok("jobs", "cancel", job_id)
    return job_id


def another(sandbox: Sandbox, gallop: Gallop) -> str:
    """Create a job of a client and cancel it; return its ID."""
    job_id: str = Client(sandbox, "zelda").post(WISH, idempotency_key="another").json["id"]
    gallop.ok("jobs", "cancel", job_id)
    return job_id


def everything(sandbox: Sandbox) -> str:
    """Return the whole table, and the keys of all object versions."""
    items = sandbox.dynamodb.scan(TableName=sandbox.table)["Items"]
    pages = [sandbox.s3.list_object_versions(Bucket=bucket) for bucket in (sandbox.inbox, sandbox.results)]
    files = [one["Key"] for page in pages for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))]
    return f"{items} {files}"


def test_nothing_of_a_client_is_left(sandbox: Sandbox, gallop: Gallop) -> None:
    """Neither an item that names it or its jobs, nor a version of its files; another client keeps all of its own."""
    zelda, bob = lived(sandbox, gallop, "zelda"), lived(sandbox, gallop, "bob")
    shown = gallop.ok("forget", "zelda", "--yes").stderr
    assert "'zelda' has 1 jobs" in shown
    assert f"{zelda}  cancelled" in shown
    assert "0 items and 0 object versions are left" in shown
    left = everything(sandbox)
    assert zelda not in left
    assert "zelda" not in left
    assert [bob] == [job.id for job in sandbox.jobs()]
    assert "bob" in gallop.ok("keys", "list").stdout
    assert f"uploads/bob/upload_{'a' * 26}" in left
    assert "'zelda' has 0 jobs" in gallop.ok("forget", "zelda", "--yes").stderr


def test_a_task_of_a_forgotten_client_is_not_adopted(sandbox: Sandbox, gallop: Gallop) -> None:
    """It stays in DashScope's list for a day, and must not become another client's video."""
    job = sandbox.storing(client="zelda")
    for step in ("SaveResultFunction", "FinishFunction"):
        sandbox.invoke(step, {"job_id": job.id})
    with sandbox.stack.acting_as("FinishFunction"):
        jobs.close(sandbox.job(job.id))
    gallop.ok("forget", "zelda", "--yes")
    with sandbox.stack.acting_as("ReconcileFunction"):
        assert "" == jobs.owner_of(job.task_id)
    assert job.id not in everything(sandbox)


def test_an_interrupted_run_is_completed_by_the_next(sandbox: Sandbox, gallop: Gallop) -> None:
    """The records of jobs are deleted last."""
    zelda = lived(sandbox, gallop, "zelda")
    with patch.object(buckets, "remove_results", side_effect=AwsTrouble("no")):
        assert 1 == gallop("forget", "zelda", "--yes").exit_code
    gallop.ok("forget", "zelda", "--yes")
    assert zelda not in everything(sandbox)


def test_a_client_with_open_jobs_is_not_forgotten(sandbox: Sandbox, gallop: Gallop) -> None:
    """They are named; nothing is deleted."""
    job = sandbox.put(client="zelda")
    result = gallop("forget", "zelda", "--yes")
    assert 1 == result.exit_code
    assert job.id in result.stderr
    assert [job.id] == [one.id for one in sandbox.jobs()]


def test_a_job_that_begins_before_the_yes_keeps_its_client(sandbox: Sandbox, gallop: Gallop) -> None:
    """What was shown is read again, once the keys are revoked: a job that is or will be charged is not lost."""
    ended, begun = lived(sandbox, gallop, "zelda"), []
    with patch.object(show, "confirm", side_effect=lambda *_, **__: begun.append(sandbox.put(client="zelda").id)):
        result = gallop("forget", "zelda")
    assert 1 == result.exit_code
    assert begun[0] in result.stderr
    assert {ended, *begun} == {job.id for job in sandbox.jobs()}
    assert "revoked" in gallop.ok("keys", "list").stdout


def test_a_job_that_ends_before_the_yes_leaves_nothing(sandbox: Sandbox, gallop: Gallop) -> None:
    """Its files are deleted as those of the jobs that were shown."""
    lived(sandbox, gallop, "zelda")
    later: list[str] = []
    with patch.object(show, "confirm", side_effect=lambda *_, **__: later.append(another(sandbox, gallop))):
        gallop.ok("forget", "zelda")
    assert later[0] not in everything(sandbox)


def test_a_job_that_is_recorded_last_is_left_whole(sandbox: Sandbox, gallop: Gallop) -> None:
    """A create that was under way when the keys were revoked: the next run finds its job."""
    lived(sandbox, gallop, "zelda")
    begun, erasing = [], erase.erase

    def late(job: Job) -> None:
        begun.append(sandbox.put(client="zelda").id)
        erasing(job)

    with patch.object(erase, "erase", late):
        result = gallop("forget", "zelda", "--yes")
    assert 1 == result.exit_code
    assert begun[0] in result.stderr
    assert begun == [job.id for job in sandbox.jobs()]
    assert begun[0] in gallop.ok("jobs", "--client", "zelda").stdout


def test_a_record_that_cannot_be_read_keeps_its_client(sandbox: Sandbox, gallop: Gallop) -> None:
    """It alone names the job's files, which would stay."""
    zelda = lived(sandbox, gallop, "zelda")
    sandbox.dynamodb.update_item(
        TableName=sandbox.table,
        Key={"pk": {"S": f"JOB#{zelda}"}, "sk": {"S": "JOB"}},
        UpdateExpression="SET #request = :none",
        ExpressionAttributeNames={"#request": "request"},
        ExpressionAttributeValues={":none": {"S": "?"}},
    )
    before = everything(sandbox)
    result = gallop("forget", "zelda", "--yes")
    assert 1 == result.exit_code
    assert f"cannot be read: {zelda}" in result.stderr
    assert before == everything(sandbox)


def test_nothing_is_forgotten_without_a_yes(sandbox: Sandbox, gallop: Gallop) -> None:
    """The list is shown; without a terminal to ask, the command ends."""
    lived(sandbox, gallop, "zelda")
    before = everything(sandbox)
    result = gallop("forget", "zelda")
    assert 2 == result.exit_code
    assert "Add --yes" in result.stderr
    assert before == everything(sandbox)


@pytest.mark.parametrize("client", ["s3", "ALL", "a#b"])
def test_only_clients_are_forgotten(gallop: Gallop, client: str) -> None:
    """The S3 door is none, and no name reaches other items."""
    assert 2 == gallop("forget", client, "--yes").exit_code
