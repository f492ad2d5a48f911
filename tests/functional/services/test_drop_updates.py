"""Drops that change, are repeated or cancelled: the current job of each drop, and the files of earlier jobs."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.s3 import buckets
from gallop.adapters.table import jobs
from gallop.domain.job import JobState
from gallop.services import drop_updates

from tests.support.drops import Door
from tests.support.pictures import picture
from tests.support.promise import Killed
from tests.support.stack import aws
from tests.template.stack import parameter
from tests.testbed.aws.kill_points import after, before, points_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.job import Job

    from tests.support.promise import Simulation
    from tests.support.sandbox import Sandbox
    from tests.testbed.aws.kill_points import KillPoint

QUIET, HOUR = int(parameter("QuietSeconds")), 3600
ONE, TWO = b"The cat smiles.", b"The dog smiles."


@pytest.fixture
def door(sandbox: Sandbox) -> Door:
    """Return the door of a sandbox."""
    return Door(sandbox)


def upload(sandbox: Sandbox, prompt: bytes, path: str = "ad") -> None:
    """Put a complete folder."""
    sandbox.drop(f"drop/{path}/1.jpg", picture())
    sandbox.drop(f"drop/{path}/prompt.txt", prompt)


def dropped(sandbox: Sandbox, door: Door, prompt: bytes, path: str = "ad") -> Job:
    """Drop a folder and return its job."""
    upload(sandbox, prompt, path)
    door.run(QUIET + 2)
    return next(job for job in sandbox.jobs() if job.request.prompt == prompt.decode())


def run(sandbox: Sandbox, job: Job, *, until: JobState = JobState.SUCCEEDED) -> None:
    """Run a job through the steps of its workflow."""
    assert "wait" == sandbox.invoke("StartTaskFunction", {"job_id": job.id})["next"]
    if until is not JobState.RUNNING:
        sandbox.clock.advance(HOUR)
        assert "save" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    if until is JobState.SUCCEEDED:
        save_and_finish(sandbox, job)


def save_and_finish(sandbox: Sandbox, job: Job) -> None:
    """Run a job through its last steps."""
    sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    sandbox.invoke("FinishFunction", {"job_id": job.id, "step": {}})


def current_status(sandbox: Sandbox, path: str = "ad") -> dict[str, Any]:
    """Read the status of the drop's current job."""
    return sandbox.receipt(f"{path}/status.json")


def assert_shown_at(sandbox: Sandbox, job: Job, prefix: str, state: str) -> None:
    """Assert that a prefix shows this job and no other, and that the record knows where its video is."""
    at_the_end = {"succeeded": {"video.json", "video.mp4"}, "failed": {"error.json"}, "cancelled": {"error.json"}}
    names = {"status.json"} | at_the_end.get(state, set())
    there = {key.removeprefix(f"{prefix}/") for key in sandbox.results_there() if key.startswith(f"{prefix}/")}
    assert names == {name for name in there if "/" not in name}
    status = sandbox.receipt(f"{prefix}/status.json")
    assert (job.id, state) == (status["job"], status["state"])
    result = sandbox.job(job.id).result
    if state == "succeeded":
        assert result
        assert f"{prefix}/video.mp4" == result.key == sandbox.receipt(f"{prefix}/video.json")["video"]["key"]
        video = sandbox.s3.get_object(Bucket=sandbox.results, Key=result.key, VersionId=result.version_id)[
            "Body"
        ].read()
        assert (
            result.sha256 == hashlib.sha256(video).hexdigest() == hashlib.sha256(sandbox.result(result.key)).hexdigest()
        )


def during(call: str, act: Callable[[], None]) -> Any:  # noqa: ANN401 - a patch
    """Let something happen right after the first call of an adapter's function."""
    original, waiting = getattr(buckets, call), [act]

    def call_then_act(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the call takes
        answer = original(*args, **kwargs)
        if waiting:
            waiting.pop()()
        return answer

    return patch.object(buckets, call, call_then_act)


def test_changed_content_cancels_the_old_job_while_that_is_free(sandbox: Sandbox, door: Door) -> None:
    """Nothing was sent for it; it says why, and its receipts are under its id."""
    old = dropped(sandbox, door, ONE)
    new = dropped(sandbox, door, TWO)
    assert_shown_at(sandbox, new, "ad", "queued")
    assert_shown_at(sandbox, old, f"ad/{old.id}", "cancelled")
    assert "a new job replaced this one" in sandbox.receipt(f"ad/{old.id}/error.json")["error"]["message"]
    assert [] == sandbox.tasks()


def test_a_refused_change_cancels_nothing_until_it_is_corrected(sandbox: Sandbox, door: Door) -> None:
    """The corrected drop is a new job, and replaces the one before the refusal."""
    old = dropped(sandbox, door, ONE)
    sandbox.drop("drop/ad/2.jpg", b"no picture")
    door.run(HOUR)
    assert_shown_at(sandbox, old, f"ad/{old.id}", "queued")
    sandbox.drop("drop/ad/2.jpg", picture(shade=2))
    door.run(HOUR)
    assert_shown_at(sandbox, old, f"ad/{old.id}", "cancelled")
    assert "queued" == current_status(sandbox)["state"]


def test_restored_content_whose_job_was_cancelled_is_made(sandbox: Sandbox, door: Door) -> None:
    """Again and again; the job that it replaces is cancelled as well, and a repetition makes no other."""
    dropped(sandbox, door, ONE)
    for prompt in (TWO, ONE, TWO, ONE, ONE):
        upload(sandbox, prompt)
        door.run(HOUR)
    assert "queued" == current_status(sandbox)["state"]
    queued = [job for job in sandbox.jobs() if job.state is JobState.QUEUED]
    assert [ONE.decode()] == [job.request.prompt for job in queued]
    assert ["cancelled"] * 4 == [job.state.value for job in sandbox.jobs() if job.state is not JobState.QUEUED]


def test_a_change_cancels_every_earlier_job_that_an_interrupted_one_left(sandbox: Sandbox, door: Door) -> None:
    """The run of the second content dies before it cancels the first job; the third content cancels both."""
    dropped(sandbox, door, ONE)
    with patch.object(drop_updates, "_clean_up"):
        dropped(sandbox, door, TWO)
    dropped(sandbox, door, b"The bird smiles.")
    queued = [job.request.prompt for job in sandbox.jobs() if job.state is JobState.QUEUED]
    assert ["The bird smiles."] == queued


def test_a_late_run_does_not_cancel_the_job_that_is_current_again(sandbox: Sandbox, door: Door) -> None:
    """A run that made the second job is delayed until the first content has been restored."""
    first = dropped(sandbox, door, ONE)
    with patch.object(drop_updates, "_clean_up") as delayed:
        dropped(sandbox, door, TWO)
    upload(sandbox, ONE)
    door.run(HOUR)
    with sandbox.stack.acting_as("SubmitFunction"):
        drop_updates._clean_up(*delayed.call_args.args)  # noqa: SLF001 - the rest of the delayed run
    assert_shown_at(sandbox, first, "ad", "queued")


def test_content_whose_job_is_cancelled_while_it_is_being_restored_is_made(sandbox: Sandbox, door: Door) -> None:
    """The run that restores it has read the job before another run cancelled it; its message is delivered again."""
    dropped(sandbox, door, ONE)
    dropped(sandbox, door, TWO)
    upload(sandbox, ONE)
    with patch.object(drop_updates, "job_id_for", lambda job_id: job_id):
        door.run(QUIET + 2)
    door.run(HOUR)
    queued = [job.request.prompt for job in sandbox.jobs() if job.state is JobState.QUEUED]
    assert [ONE.decode()] == queued
    assert "queued" == current_status(sandbox)["state"]


@pytest.mark.parametrize("kill", [after("TransactWriteItems"), before("UpdateItem"), after("UpdateItem")], ids=str)
def test_a_cancelled_job_is_cancelled_once_whoever_dies(simulation: Simulation, kill: KillPoint) -> None:
    """The next delivery of the message completes what was begun."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=1200.0)
    with patch.dict("os.environ", MAX_IN_FLIGHT="1"):
        for path, prompt in (("other", ONE), ("ad", ONE)):
            simulation.drop(f"drop/{path}/1.jpg", picture())
            simulation.drop(f"drop/{path}/prompt.txt", prompt)
            simulation.run_for(QUIET + 2)
        simulation.drop("drop/ad/prompt.txt", TWO)
        simulation.run_for(1)
        simulation.kills["Drops"] = [kill]
        for _ in range(20):
            simulation.run_for(300)
            simulation.sweep()
    by_prompt = {(job.receipts, job.request.prompt): job.state.value for job in simulation.jobs()}
    ended = {("other", ONE.decode()): "succeeded", ("ad", ONE.decode()): "cancelled", ("ad", TWO.decode()): "succeeded"}
    assert ended == by_prompt
    assert 2 == len(simulation.tasks())


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.STORING, JobState.SUCCEEDED])
def test_changed_content_moves_the_old_job_aside(sandbox: Sandbox, door: Door, state: JobState) -> None:
    """Whatever state the old job has, the new one's files are at the drop's path and the old one's under its id."""
    old = dropped(sandbox, door, ONE)
    run(sandbox, old, until=state)
    new = dropped(sandbox, door, TWO)
    assert_shown_at(sandbox, new, "ad", "queued")
    assert_shown_at(sandbox, old, f"ad/{old.id}", state.value)
    run(sandbox, new)
    if state is JobState.RUNNING:
        sandbox.invoke("StatusFunction", {"action": "ask", "job_id": old.id})
    if state is not JobState.SUCCEEDED:
        save_and_finish(sandbox, old)
    assert_shown_at(sandbox, new, "ad", "succeeded")
    assert_shown_at(sandbox, old, f"ad/{old.id}", "succeeded")


def test_the_old_content_again_brings_its_job_back(sandbox: Sandbox, door: Door) -> None:
    """After A, B, A there is no third job; A's receipts and video are at the drop's path, and B's are under its id."""
    first = dropped(sandbox, door, ONE)
    run(sandbox, first)
    second = dropped(sandbox, door, TWO)
    run(sandbox, second)
    dropped(sandbox, door, ONE)
    assert 2 == len(sandbox.jobs())
    assert_shown_at(sandbox, first, "ad", "succeeded")
    assert_shown_at(sandbox, second, f"ad/{second.id}", "succeeded")
    assert [] == [key for key in sandbox.results_there() if key.startswith(f"ad/{first.id}/")]


@pytest.mark.parametrize("function", ["SaveResultFunction", "FinishFunction"])
def test_a_video_that_is_stored_while_its_drop_changes_is_moved(sandbox: Sandbox, door: Door, function: str) -> None:
    """If the change happens during the upload or between two receipts, everything is moved to its place in the end."""
    old = dropped(sandbox, door, ONE)
    run(sandbox, old, until=JobState.STORING)
    call = {"SaveResultFunction": "store_stream", "FinishFunction": "put_receipt"}[function]
    if function == "FinishFunction":
        sandbox.invoke("SaveResultFunction", {"job_id": old.id})
    newer: list[Job] = []
    with during(call, lambda: newer.append(dropped(sandbox, door, TWO))):
        sandbox.invoke(function, {"job_id": old.id, "step": {}})
    sandbox.invoke("FinishFunction", {"job_id": old.id, "step": {}})
    (new,) = newer
    assert_shown_at(sandbox, new, "ad", "queued")
    assert_shown_at(sandbox, old, f"ad/{old.id}", "succeeded")


def test_a_status_that_is_written_during_a_change_is_replaced(sandbox: Sandbox, door: Door) -> None:
    """The function that wrote it checks again, and writes the new job's status."""
    old = dropped(sandbox, door, ONE)
    newer: list[Job] = []
    with during("put_receipt", lambda: newer.append(dropped(sandbox, door, TWO))):
        sandbox.invoke("StartTaskFunction", {"job_id": old.id})
    assert_shown_at(sandbox, newer[0], "ad", "queued")
    assert_shown_at(sandbox, old, f"ad/{old.id}", "running")


def test_an_outdated_receipt_is_written_again(sandbox: Sandbox, door: Door) -> None:
    """A job that changes while its receipt is being written has the right receipt in the end."""
    job = dropped(sandbox, door, ONE)

    def fail() -> None:
        sandbox.invoke("FinishFunction", {"job_id": job.id, "error": {"Error": "ResultUnusable", "Cause": "{}"}})

    with during("put_receipt", fail):
        sandbox.invoke("StartTaskFunction", {"job_id": job.id})
    assert "failed" == current_status(sandbox)["state"]


def test_a_refused_change_is_shown_and_the_old_job_moved_aside(sandbox: Sandbox, door: Door) -> None:
    """The receipt shows that the upload was noticed; fixed, it becomes a new job, and undone, the old one."""
    old = dropped(sandbox, door, ONE)
    run(sandbox, old)
    sandbox.drop("drop/ad/1.jpg", b"no picture")
    door.run(QUIET + 2)
    assert (None, "refused") == (current_status(sandbox)["job"], current_status(sandbox)["state"])
    assert ["1.jpg"] == [fault["file"] for fault in sandbox.receipt("ad/error.json")["faults"]]
    assert_shown_at(sandbox, old, f"ad/{old.id}", "succeeded")
    sandbox.drop("drop/ad/1.jpg", picture())
    door.run(QUIET + 2)
    assert_shown_at(sandbox, old, "ad", "succeeded")


def test_the_files_of_a_job_whose_record_has_expired_are_kept(sandbox: Sandbox, door: Door) -> None:
    """They are moved unchanged."""
    old = dropped(sandbox, door, ONE)
    run(sandbox, old)
    table = sandbox.stack.resource("JobTable")
    aws("dynamodb").delete_item(TableName=table, Key={"pk": {"S": f"JOB#{old.id}"}, "sk": {"S": "JOB"}})
    new = dropped(sandbox, door, TWO)
    assert_shown_at(sandbox, new, "ad", "queued")
    kept = sorted(key for key in sandbox.results_there() if key.startswith(f"ad/{old.id}/"))
    assert [f"ad/{old.id}/{name}" for name in ("video.json", "video.mp4")] == kept


def test_a_repeated_drop_brings_a_deleted_video_back(sandbox: Sandbox, door: Door) -> None:
    """It is the same job, which was paid for: its files are restored from their versions, and nothing is made again."""
    job = dropped(sandbox, door, ONE)
    run(sandbox, job)
    video = sandbox.result("ad/video.mp4")
    for key in sandbox.results_there():
        sandbox.s3.delete_object(Bucket=sandbox.results, Key=key)
    dropped(sandbox, door, ONE)
    assert video == sandbox.result("ad/video.mp4")
    shown = sandbox.job(job.id).result
    assert shown
    there = sandbox.s3.head_object(Bucket=sandbox.results, Key="ad/video.mp4")
    assert there["VersionId"] == shown.version_id
    assert job.id == there["Metadata"]["job"]
    assert 1 == len(sandbox.tasks())
    assert "succeeded" == current_status(sandbox)["state"]


def test_a_repeated_drop_is_noted_in_the_receipt(sandbox: Sandbox, door: Door) -> None:
    """The note has the time and says that nothing more is charged; repeated events are not a second drop."""
    job = dropped(sandbox, door, ONE)
    assert (None, None) == (current_status(sandbox)["dropped_again_at"], current_status(sandbox)["note"])
    run(sandbox, job)
    dropped(sandbox, door, ONE)
    status = current_status(sandbox)
    assert ("succeeded", job.id) == (status["state"], status["job"])
    assert status["dropped_again_at"] > status["created_at"]
    assert "charged only once" in status["note"]
    assert 1 == len(sandbox.jobs())


def test_repeated_events_are_not_a_second_drop(sandbox: Sandbox) -> None:
    """The files are the same as before."""
    upload(sandbox, ONE)
    Door(sandbox, times=3).run(HOUR)
    assert (None, 1) == (current_status(sandbox)["dropped_again_at"], len(sandbox.jobs()))


def test_a_job_that_failed_says_how_to_try_again(sandbox: Sandbox, door: Door) -> None:
    """For a dropper it names what to change, because equal content is the same job."""
    job = dropped(sandbox, door, ONE)
    sandbox.invoke("FinishFunction", {"job_id": job.id, "error": {"Error": "VendorUnreachable", "Cause": "{}"}})
    remedy = sandbox.receipt("ad/error.json")["error"]["remedy"]
    assert "create" not in remedy.lower()
    assert '"metadata": {"try": 2}' in remedy
    dropped(sandbox, door, ONE)
    assert "change one word of the prompt" in current_status(sandbox)["note"]
    sandbox.drop("drop/ad/job.json", b'{"metadata": {"try": 2}}')
    door.run(HOUR)
    assert (2, "queued") == (len(sandbox.jobs()), current_status(sandbox)["state"])
    assert_shown_at(sandbox, job, f"ad/{job.id}", "failed")


@pytest.mark.parametrize("name", ["CANCEL", "cancel", "Cancel.txt"])
def test_a_waiting_job_is_cancelled_by_a_file(sandbox: Sandbox, door: Door, name: str) -> None:
    """Its spelling and content do not matter; the receipt shows the answer permanently."""
    job = dropped(sandbox, door, ONE)
    sandbox.drop(f"drop/ad/{name}", b"")
    events = [str(body) for body in door.waiting()]
    door.run(1)
    assert events
    assert_shown_at(sandbox, job, "ad", "cancelled")
    cancel = current_status(sandbox)["cancel"]
    assert ("cancelled", True) == (cancel["answer"], "Nothing was charged" in cancel["message"])
    sandbox.drop(f"drop/ad/{name}", b"once more")
    door.run(HOUR)
    assert ([], "finish") == (sandbox.tasks(), sandbox.invoke("StartTaskFunction", {"job_id": job.id})["next"])
    assert "cancelled" == current_status(sandbox)["cancel"]["answer"]


def test_a_job_whose_record_has_expired_is_not_cancelled(sandbox: Sandbox, door: Door) -> None:
    """Neither a CANCEL nor the same folder, dropped again, ends in the dead-letter queue: it is a new job then."""
    job = dropped(sandbox, door, ONE)
    sandbox.dynamodb.delete_item(TableName=sandbox.table, Key={"pk": {"S": f"JOB#{job.id}"}, "sk": {"S": "JOB"}})
    sandbox.drop("drop/ad/CANCEL", b"")
    door.run(HOUR)
    assert [] == door.waiting()
    assert [] == sandbox.jobs()
    sandbox.s3.delete_object(Bucket=sandbox.inbox, Key="drop/ad/CANCEL")
    upload(sandbox, ONE)
    door.run(HOUR)
    assert [job.id] == [made.id for made in sandbox.jobs()]
    assert [] == door.dead()


def test_a_task_that_has_begun_cannot_be_cancelled(sandbox: Sandbox, door: Door) -> None:
    """The receipt says so, immediately and when the video is stored."""
    job = dropped(sandbox, door, ONE)
    run(sandbox, job, until=JobState.STORING)
    sandbox.drop("drop/ad/CANCEL", b"")
    door.run(1)
    assert ("storing", "too_late") == (current_status(sandbox)["state"], current_status(sandbox)["cancel"]["answer"])
    save_and_finish(sandbox, job)
    assert_shown_at(sandbox, job, "ad", "succeeded")
    assert "too_late" == current_status(sandbox)["cancel"]["answer"]


def test_a_job_that_may_have_no_task_is_not_said_to_be_charged(sandbox: Sandbox, door: Door) -> None:
    """After a lost reply nobody knows whether DashScope has received it: it may end without a charge."""
    job = dropped(sandbox, door, ONE)
    sandbox.fake.fault(on="submit", kind="drop_after_accept")
    sandbox.invoke("StartTaskFunction", {"job_id": job.id})
    sandbox.drop("drop/ad/CANCEL", b"")
    door.run(1)
    assert "It may be charged; if so, the video is put here." in current_status(sandbox)["cancel"]["message"]


def test_a_finished_job_does_not_change(sandbox: Sandbox, door: Door) -> None:
    """A CANCEL that comes after the end removes nothing."""
    job = dropped(sandbox, door, ONE)
    run(sandbox, job)
    sandbox.drop("drop/ad/CANCEL", b"")
    door.run(1)
    assert_shown_at(sandbox, job, "ad", "succeeded")
    assert "already_finished" == current_status(sandbox)["cancel"]["answer"]


def test_a_drop_that_has_not_started_is_cancelled_without_a_job(sandbox: Sandbox, door: Door) -> None:
    """The receipt says that nothing was charged; a later upload starts the drop."""
    upload(sandbox, ONE)
    door.run(3)
    sandbox.drop("drop/ad/CANCEL", b"")
    door.run(HOUR)
    assert [] == sandbox.jobs()
    assert [] == door.waiting()
    assert [] == door.dead()
    assert ["ad/status.json"] == sandbox.results_there()
    assert current_status(sandbox)["job"] is None
    assert "cancelled" == current_status(sandbox)["state"]
    assert "cancelled" == current_status(sandbox)["cancel"]["answer"]
    job = dropped(sandbox, door, ONE)
    assert_shown_at(sandbox, job, "ad", "queued")


def test_a_change_that_has_not_started_is_cancelled_with_its_job(sandbox: Sandbox, door: Door) -> None:
    """CANCEL applies to everything that was uploaded before it."""
    job = dropped(sandbox, door, ONE)
    upload(sandbox, TWO)
    door.run(3)
    sandbox.drop("drop/ad/CANCEL", b"")
    door.run(HOUR)
    assert [job.id] == [job.id for job in sandbox.jobs()]
    assert_shown_at(sandbox, job, "ad", "cancelled")


def test_an_upload_after_a_cancel_voids_it(sandbox: Sandbox, door: Door) -> None:
    """The later upload starts the drop."""
    sandbox.drop("drop/ad/CANCEL", b"")
    door.run(2)
    job = dropped(sandbox, door, ONE)
    assert_shown_at(sandbox, job, "ad", "queued")
    assert current_status(sandbox)["cancel"] is None


@pytest.mark.parametrize("name", ["cat.jpg.CANCEL", "cat.CANCEL", "cat.cancel.txt"])
def test_a_single_image_is_cancelled_by_a_file_of_its_name(sandbox: Sandbox, door: Door, name: str) -> None:
    """The file is next to it, with or without the image's suffix."""
    sandbox.drop("drop/cat.jpg", picture())
    sandbox.drop("drop/cats.jpg", picture())
    door.run(QUIET + 1)
    sandbox.drop(f"drop/{name}", b"")
    door.run(HOUR)
    assert ("cancelled", "queued") == (
        current_status(sandbox, "cat.jpg")["state"],
        current_status(sandbox, "cats.jpg")["state"],
    )


def test_a_cancel_outside_a_folder_is_explained(sandbox: Sandbox, door: Door) -> None:
    """It cannot apply to everything."""
    sandbox.drop("drop/CANCEL", b"")
    door.run(QUIET + 1)
    (fault,) = current_status(sandbox, "CANCEL")["waiting_for"]
    assert ("is not in a folder", True) == (fault["detail"], "cat.jpg.CANCEL" in fault["remedy"])


def test_a_text_that_waited_for_its_image_waits_no_longer(sandbox: Sandbox, door: Door) -> None:
    """The receipt about the text is removed when the image arrives."""
    sandbox.drop("drop/cat.txt", ONE)
    door.run(QUIET + 1)
    assert "incomplete" == current_status(sandbox, "cat.txt")["state"]
    sandbox.drop("drop/cat.jpg", picture())
    door.run(HOUR)
    assert ["cat.jpg/status.json"] == sandbox.results_there()


def kills_of(runs: list[list[str]], step: int) -> list[list[KillPoint | None]]:
    """Give kills at every ``step``-th place of what the runs called, each to be met by the run that it is of."""
    kills = [[*[None] * number, kill] for number, run in enumerate(runs) for kill in points_of(run)]
    return kills[::step]


def test_a_turn_may_die_anywhere(sandbox: Sandbox, door: Door) -> None:
    """Killed at any of its calls and delivered again, it has the same result."""

    def turn(path: str, kill: list[KillPoint | None]) -> list[list[str]]:
        upload(sandbox, ONE, path)
        door.run(QUIET + 2)
        old = sandbox.job(current_status(sandbox, path)["job"])
        run(sandbox, old)
        upload(sandbox, TWO, path)
        sandbox.made["Submit"], sandbox.kills["Submit"] = [], kill
        with suppress(Killed):
            door.run(QUIET + 2)
        made = sandbox.made["Submit"]
        sandbox.all_struck()
        door.run(HOUR)
        new = sandbox.job(current_status(sandbox, path)["job"])
        assert TWO.decode() == new.request.prompt
        assert_shown_at(sandbox, new, path, "queued")
        assert_shown_at(sandbox, old, f"{path}/{old.id}", "succeeded")
        return made

    for number, kill in enumerate(kills_of(turn("ad", []), 9)):
        turn(f"ad-{number}", kill)
    assert number > 2


def test_a_cancel_may_die_anywhere(sandbox: Sandbox, door: Door) -> None:
    """Killed at any of its calls and delivered again, it gives the same answer."""

    def cancel(path: str, kill: list[KillPoint | None]) -> list[list[str]]:
        upload(sandbox, ONE, path)
        door.run(QUIET + 2)
        sandbox.drop(f"drop/{path}/CANCEL", b"")
        sandbox.made["Submit"], sandbox.kills["Submit"] = [], kill
        with suppress(Killed):
            door.run(QUIET)
        made = sandbox.made["Submit"]
        sandbox.all_struck()
        door.run(2 * HOUR)
        assert ("cancelled", "cancelled") == (
            current_status(sandbox, path)["state"],
            current_status(sandbox, path)["cancel"]["answer"],
        )
        return made

    for number, kill in enumerate(kills_of(cancel("ad", []), 5)):
        cancel(f"ad-{number}", kill)
    assert number > 2


def test_a_note_and_a_move_of_a_job_do_not_conflict(sandbox: Sandbox, door: Door) -> None:
    """A note reverts no change of state, and a second equal note has no effect."""
    job = dropped(sandbox, door, ONE)
    run(sandbox, job, until=JobState.RUNNING)
    with sandbox.stack.acting_as("SubmitFunction"):
        assert jobs.note(job, "position", 7)
        assert not jobs.note(job, "position", 8)
    assert (JobState.RUNNING, 7) == (sandbox.job(job.id).state, sandbox.job(job.id).position)
