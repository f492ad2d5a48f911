"""The command ``gallop jobs``, on the deployed template."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop import settings
from gallop.adapters.table import jobs as table
from gallop.domain.budget import Parked
from gallop.domain.doors import Door as Doors
from gallop.domain.job import JobState

from tests.support.drops import Door
from tests.support.http import Client
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox

HOUR = 3600
WISH = {"prompt": "She smiles.", "images": [data_uri(picture())]}
ABSENT = "job_" + "a" * 26


def ids(gallop: Gallop, *words: str) -> list[str]:
    """List jobs; return their IDs."""
    return [job["id"] for job in gallop.json("jobs", *words)]


def versions(sandbox: Sandbox) -> list[str]:
    """Return the key of every version and delete marker in both buckets."""
    pages = [sandbox.s3.list_object_versions(Bucket=bucket) for bucket in (sandbox.inbox, sandbox.results)]
    return [one["Key"] for page in pages for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))]


def dropped(sandbox: Sandbox, name: str = "spring") -> str:
    """Drop a folder; return the ID of its job."""
    before = {job.id for job in sandbox.jobs()}
    sandbox.drop(f"drop/{name}/1.jpg", picture())
    sandbox.drop(f"drop/{name}/prompt.txt", b"The woman of [Image 1] smiles.")
    Door(sandbox).run(60)
    (job_id,) = {job.id for job in sandbox.jobs()} - before
    return job_id


def finished(sandbox: Sandbox, job_id: str) -> str:
    """Make the video of a job, up to its last receipts."""
    sandbox.invoke("StartTaskFunction", {"job_id": job_id})
    sandbox.clock.advance(HOUR)
    sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job_id})
    for step in ("SaveResultFunction", "FinishFunction"):
        sandbox.invoke(step, {"job_id": job_id})
    with sandbox.stack.acting_as("FinishFunction"):
        table.close(sandbox.job(job_id))
    return job_id


def test_jobs_are_listed_the_newest_first(sandbox: Sandbox, gallop: Gallop) -> None:
    """With and without the word ``list``."""
    made = [sandbox.put(created_at=sandbox.clock.now() + second).id for second in range(3)]
    assert made[::-1] == ids(gallop)
    assert made[::-1] == ids(gallop, "list")
    assert made[:0:-1] == ids(gallop, "--limit", "2")
    assert "There are more" in gallop("jobs", "--limit", "2").stderr


def test_jobs_are_found_by_their_account(sandbox: Sandbox, gallop: Gallop) -> None:
    """From their slot on; before that, they belong to none."""
    sandbox.put()
    default, two = (sandbox.put(slot_since=sandbox.clock.now(), account=name).id for name in ("", "two"))
    assert [default] == ids(gallop, "--account", "default")
    assert [two] == ids(gallop, "list", "--account", "two")
    assert "account    two" in re.sub(" +", "    ", gallop("jobs", "show", two).stdout)


def test_jobs_are_filtered(sandbox: Sandbox, gallop: Gallop) -> None:
    """By state, client, door and time, and by several of them."""
    now = sandbox.clock.now()
    old = sandbox.put(created_at=now - 5 * HOUR, client="bob")
    failed = sandbox.put(JobState.FAILED)
    drop = sandbox.put(door=Doors.S3, client="s3")
    parked = sandbox.put(door=Doors.S3, client="s3", parked=Parked("The cap is reached.", now + HOUR))
    assert {old.id, drop.id, parked.id} == set(ids(gallop, "--state", "open"))
    assert [failed.id] == ids(gallop, "--state", "failed,cancelled")
    assert [parked.id] == ids(gallop, "--state", "parked")
    assert [old.id] == ids(gallop, "--client", "bob")
    assert {drop.id, parked.id} == set(ids(gallop, "--door", "s3"))
    assert [old.id] == ids(gallop, "--until", "2h")
    assert [old.id] == ids(gallop, "--since", "6h", "--until", "4h", "--state", "open")
    assert [] == ids(gallop, "--client", "bob", "--door", "s3")


def test_the_list_is_readable(sandbox: Sandbox, gallop: Gallop) -> None:
    """It has one unwrapped line per job; an estimate is marked as one."""
    sandbox.put(JobState.SUCCEEDED, cost=Decimal("0.7"))
    sandbox.put(created_at=sandbox.clock.now() - 1, parked=Parked("The cap is reached.", sandbox.clock.now() + HOUR))
    head, first, second = gallop.ok("jobs").stdout.splitlines()
    assert ["JOB", "CLIENT", "DOOR", "STATE", "CREATED", "MODEL", "USD", "ERROR"] == head.split()
    assert "  succeeded  " in first
    assert "  0.70" in first
    assert "  queued (parked)  " in second
    assert "  ~0.70" in second


def test_a_job_is_shown_without_its_prompt(sandbox: Sandbox, gallop: Gallop) -> None:
    """Everything that explains its state is there, as text and as JSON."""
    job = sandbox.submitted()
    view = gallop.json("jobs", "show", job.id)
    assert "running" == view["state"]
    assert job.task_id == view["task_id"]
    assert job.id == view["execution"]
    text = gallop.ok("jobs", "show", job.id).stdout
    assert re.search(rf"^task id +{job.task_id}$", text, re.MULTILINE)
    assert "smiles" not in f"{view}{text}"


def test_a_queued_job_is_cancelled_without_charge(sandbox: Sandbox, gallop: Gallop) -> None:
    """A second cancel finds it cancelled, and succeeds."""
    job = sandbox.put()
    assert "Nothing is charged" in gallop.ok("jobs", "cancel", job.id).stderr
    assert JobState.CANCELLED is sandbox.job(job.id).state
    assert "already ended: cancelled" in gallop.ok("jobs", "cancel", job.id).stderr


def test_a_job_that_dashscope_has_started_is_not_cancelled(sandbox: Sandbox, gallop: Gallop) -> None:
    """The exit code says so, also when another one of the same command was cancelled."""
    waiting, running = sandbox.put(), sandbox.submitted()
    sandbox.clock.advance(30)
    result = gallop("jobs", "cancel", waiting.id, running.id)
    assert 1 == result.exit_code
    assert f"{running.id} cannot be cancelled" in result.stderr
    assert [JobState.CANCELLED, JobState.RUNNING] == [sandbox.job(one.id).state for one in (waiting, running)]


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN])
def test_a_job_that_may_have_no_task_is_not_said_to_be_charged(
    sandbox: Sandbox, gallop: Gallop, state: JobState
) -> None:
    """Nobody knows whether DashScope has received it: it may end without a charge."""
    job = sandbox.put(state)
    shown = " ".join(gallop("jobs", "cancel", job.id).stderr.split())
    assert "It may be charged; if so, its video is delivered." in shown


def test_a_parked_job_is_resumed_if_there_is_room(sandbox: Sandbox, gallop: Gallop) -> None:
    """Without room it stays parked, and the exit code and the message say so."""
    job = sandbox.put(door=Doors.S3, client="s3", parked=Parked("The cap is reached.", sandbox.clock.now() + HOUR))
    with patch.object(settings, "day_cap", lambda: Decimal("0.9")):
        other = sandbox.put(door=Doors.S3, client="s3", parked=job.parked)
        assert "is resumed" in gallop.ok("jobs", "resume", job.id).stderr
        refused = gallop("jobs", "resume", other.id)
    assert 1 == refused.exit_code
    assert "daily cap is $0.90: $0.70 is reserved or spent" in refused.stderr
    assert [None, job.parked] == [sandbox.job(one.id).parked for one in (job, other)]
    assert [job.id] == sandbox.executions()


def test_a_job_without_execution_is_resumed_at_once(sandbox: Sandbox, gallop: Gallop) -> None:
    """It does not wait for the sweep, which looks at jobs that have not changed for two minutes."""
    job = sandbox.put()
    gallop.ok("jobs", "resume", job.id)
    assert [job.id] == sandbox.executions()
    assert "its execution is running" in gallop.ok("jobs", "resume", job.id).stderr


def test_an_ended_job_is_not_resumed(sandbox: Sandbox, gallop: Gallop) -> None:
    """The exit code says that nothing runs."""
    job = sandbox.put(JobState.CANCELLED)
    assert 1 == gallop("jobs", "resume", job.id).exit_code


def test_a_job_of_the_https_door_is_deleted(sandbox: Sandbox, gallop: Gallop) -> None:
    """Nothing of it is left."""
    job_id = Client(sandbox).post(WISH).json["id"]
    gallop.ok("jobs", "cancel", job_id)
    gallop.ok("jobs", "delete", job_id, "--yes")
    assert [] == sandbox.jobs()
    assert [] == versions(sandbox)


def test_a_dropped_job_is_deleted_with_its_files(sandbox: Sandbox, gallop: Gallop) -> None:
    """The warning names each file; what is in other folders, and other jobs, stay."""
    job_id, other = dropped(sandbox), dropped(sandbox, "spring/inner")
    finished(sandbox, job_id)
    result = gallop.ok("jobs", "delete", job_id, "--yes")
    assert f"s3://{sandbox.inbox}/drop/spring/1.jpg\n" in result.stderr
    assert "dropped files above are deleted" in result.stderr
    assert [other] == [job.id for job in sandbox.jobs()]
    assert {"spring/inner"} == {key.removeprefix("drop/").rpartition("/")[0] for key in versions(sandbox)}
    assert ["DROP#spring/inner"] == [item["pk"]["S"] for item in sandbox.records("DROP")]


def test_a_group_is_shown_and_deleted_as_a_whole(sandbox: Sandbox, gallop: Gallop) -> None:
    """Each of its jobs names it; the dropped files are those of all."""
    sandbox.drop("drop/spring/1.jpg", picture())
    sandbox.drop("drop/spring/job.json", b'{"prompt": "[Image 1] smiles.", "images": ["1.jpg"], "n": 2}')
    Door(sandbox).run(60)
    first, second = (finished(sandbox, job.id) for job in sandbox.jobs())
    group = {"id": sandbox.receipt("spring/status.json")["group"], "place": 2, "size": 2}
    assert group == gallop.json("jobs", "show", second)["group"]
    assert f"id {group['id']}, place 2, size 2\n" in gallop("jobs", "show", second).stdout
    result = gallop.ok("jobs", "delete", second, "--yes")
    assert f"deleted as a whole: {first}" in result.stderr
    assert [] == sandbox.jobs()
    assert [] == versions(sandbox)
    assert [] == sandbox.records("DROP")


def test_a_deleted_drop_can_be_dropped_again(sandbox: Sandbox, gallop: Gallop) -> None:
    """It is a new job then, with files that were uploaded after the delete."""
    job_id = finished(sandbox, dropped(sandbox))
    gallop.ok("jobs", "delete", job_id, "--yes")
    Door(sandbox).run(HOUR)
    assert [] == sandbox.jobs()
    assert JobState.QUEUED is sandbox.job(dropped(sandbox)).state


def test_a_displaced_job_leaves_the_files_of_its_successor(sandbox: Sandbox, gallop: Gallop) -> None:
    """Only the version of the picture that it alone has used is deleted, and its own results."""
    first = finished(sandbox, dropped(sandbox))
    sandbox.clock.advance(60)
    sandbox.drop("drop/spring/1.jpg", picture(shade=7))
    Door(sandbox).run(60)
    (second,) = {job.id for job in sandbox.jobs()} - {first}
    before = len(versions(sandbox))
    gallop.ok("jobs", "delete", first, "--yes")
    assert [second] == [job.id for job in sandbox.jobs()]
    assert not [key for key in versions(sandbox) if first in key]
    assert 1 == versions(sandbox).count("drop/spring/1.jpg")
    assert before > len(versions(sandbox))
    assert {"job": second} == {"job": sandbox.receipt("spring/status.json")["job"]}


def test_a_lone_image_is_deleted_without_its_neighbours(sandbox: Sandbox, gallop: Gallop) -> None:
    """Two images of one stem share their text, which stays for the other one."""
    for name in ("cat.jpg", "cat.png"):
        sandbox.drop(f"drop/{name}", picture(name[-3:].upper().replace("JPG", "JPEG")))
    sandbox.drop("drop/cat.txt", b"The woman of [Image 1] smiles.")
    Door(sandbox).run(60)
    job = next(job for job in sandbox.jobs() if job.receipts == "cat.jpg")
    finished(sandbox, job.id)
    gallop.ok("jobs", "delete", job.id, "--yes")
    assert ["drop/cat.png", "drop/cat.txt"] == [key for key in versions(sandbox) if key.startswith("drop/")]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nothing_is_deleted_without_a_yes(sandbox: Sandbox, gallop: Gallop, answer: str) -> None:
    """Neither after a no, nor without a terminal to ask."""
    job_id = finished(sandbox, dropped(sandbox))
    before = versions(sandbox)
    assert gallop("jobs", "delete", job_id, answer=answer).exit_code in {1, 2}
    assert before == versions(sandbox)


def test_a_job_that_has_not_ended_is_not_deleted(sandbox: Sandbox, gallop: Gallop) -> None:
    """The message says what to do first."""
    for job_id in (dropped(sandbox), sandbox.put().id):
        result = gallop("jobs", "delete", job_id, "--yes")
        assert 1 == result.exit_code
        assert "Cancel the job, or wait until it has ended" in result.stderr
    assert 2 == len(sandbox.jobs())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--state", "ended"], "is not a state"),
        (["--since", "yesterday"], "not a valid time"),
        (["--stack", "nowhere"], "no stack 'nowhere'"),
        (["show", "spring"], "is not the ID of a job"),
        (["show", ABSENT], "has no job"),
        (["cancel", ABSENT], "has no job"),
        (["resume", ABSENT], "has no job"),
        (["delete", ABSENT], "has no job"),
        (["--state", "open", "show", ABSENT], "Write --state after the command"),
    ],
)
def test_a_refusal_is_explained(gallop: Gallop, words: list[str], says: str) -> None:
    """A wrong option or ID is one sentence, no output, and exit code 2."""
    result = gallop("jobs", *words) if "--stack" not in words else gallop("jobs", stack=words[1])
    assert 2 == result.exit_code
    assert "" == result.stdout
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_an_error_of_aws_is_one_sentence(gallop: Gallop) -> None:
    """It names the call that was refused, and the exit code says that the command failed."""
    with patch.object(settings, "job_table", lambda: "nowhere"):
        result = gallop("jobs")
    assert 1 == result.exit_code
    assert "Stack 'gallop': " in result.stderr
    assert "Query" in result.stderr
    assert "Traceback" not in result.output


def test_a_job_on_hold_explains_itself(sandbox: Sandbox, gallop: Gallop) -> None:
    """Why it is parked, and until when."""
    parked = Parked("The cap is reached.", sandbox.clock.now() + HOUR)
    job = sandbox.put(door=Doors.S3, client="s3", parked=parked)
    shown = gallop.ok("jobs", "show", job.id).stdout
    assert re.search(r"^parked +reason The cap is reached\., until 20", shown, re.MULTILINE)
