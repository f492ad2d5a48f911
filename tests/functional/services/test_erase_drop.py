"""A dropped job that was deleted with its files can be dropped again, and is made again."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from gallop.adapters.s3 import buckets, versions
from gallop.adapters.table import jobs
from gallop.domain.job import JobState
from gallop.services import erase_drop

from tests.support import signed_copies
from tests.support.pictures import picture

if TYPE_CHECKING:
    from tests.support.promise import Simulation

HOUR, MINUTE = 3600, 60


def dropped(simulation: Simulation) -> None:
    """Drop a folder, and do all that follows, with a sweep each minute."""
    simulation.drop("drop/spring/1.jpg", picture())
    simulation.drop("drop/spring/prompt.txt", b"The woman of [Image 1] waves.")
    for _ in range(HOUR // MINUTE):
        simulation.run_for(MINUTE)
        simulation.sweep()


def test_the_same_content_is_made_again_after_a_delete(simulation: Simulation) -> None:
    """It has the same ID, whose execution has ended: the sweep starts another one."""
    dropped(simulation)
    (first,) = simulation.jobs()
    assert JobState.SUCCEEDED is first.state
    erase_drop.erase_with_files(erase_drop.plan(first))
    assert [] == versions.under(simulation.inbox, "")
    assert [] == versions.under(simulation.results, "")
    dropped(simulation)
    (second,) = simulation.jobs()
    assert JobState.SUCCEEDED is second.state
    assert first.id == second.id
    assert 2 == len(simulation.tasks())
    assert "succeeded" == simulation.receipt("spring/status.json")["state"]


def redropped(simulation: Simulation, prompt: bytes) -> None:
    """Upload another prompt into the folder, and do all that follows."""
    simulation.drop("drop/spring/prompt.txt", prompt)
    for _ in range(HOUR // MINUTE):
        simulation.run_for(MINUTE)
        simulation.sweep()


def files_of(simulation: Simulation, job_id: str) -> list[str]:
    """Return the keys of all versions of results that belong to a job, also the older ones."""
    found = []
    for one in versions.under(simulation.results, ""):
        with suppress(ClientError):
            head = simulation.s3.head_object(Bucket=simulation.results, Key=one.key, VersionId=one.version_id)
            if job_id in (*head["Metadata"].values(), *one.key.split("/")):
                found.append(one.key)
    return found


@pytest.mark.parametrize("is_restored", [False, True], ids=["replaced", "restored"])
def test_no_version_of_a_deleted_video_is_left(simulation: Simulation, is_restored: bool) -> None:
    """A job that was replaced has been moved, and moved back when its content was: the older versions go, too.

    So does the signed copy of its video, wherever the video goes.
    """
    dropped(simulation)
    first = signed_copies.add(*simulation.jobs())
    redropped(simulation, b"The woman of [Image 1] sings.")
    (second,) = [job for job in simulation.jobs() if job.id != first.id]
    if is_restored:
        redropped(simulation, b"The woman of [Image 1] waves.")
    assert f"{first.receipts}/video.mp4" in files_of(simulation, first.id)
    assert f"{first.receipts}/{first.id}/video.mp4" in files_of(simulation, first.id)
    moved = jobs.get(first.id).signed
    assert moved
    folder = first.receipts if is_restored else f"{first.receipts}/{first.id}"
    assert f"{folder}/signed.mp4" == moved.key
    assert b"signed" == simulation.result(moved.key)
    assert is_restored == (f"{first.receipts}/signed.mp4" in simulation.results_there())
    erase_drop.erase_with_files(erase_drop.plan(jobs.get(first.id)))
    assert [] == files_of(simulation, first.id)
    (left,) = simulation.jobs()
    assert second.id == left.id
    assert [True, True] == [buckets.has_version(file) for file in (left.result, left.thumbnail) if file]


def test_an_interrupted_delete_is_completed_by_the_next(simulation: Simulation) -> None:
    """What was deleted before it was interrupted is not missed."""
    dropped(simulation)
    (job,) = simulation.jobs()
    found = erase_drop.plan(job)
    versions.remove(simulation.inbox, found.dropped)
    erase_drop.erase_with_files(erase_drop.plan(jobs.get(job.id)))
    assert [] == simulation.jobs()
    assert [] == versions.under(simulation.results, "")


def test_a_line_of_a_batch_leaves_the_files_of_the_others(simulation: Simulation) -> None:
    """Its pictures and the batch itself belong to all lines."""
    simulation.drop("drop/many/1.jpg", picture())
    lines = [f'{{"prompt": "Line {number}.", "images": ["1.jpg"], "duration": 3}}' for number in range(2)]
    simulation.drop("drop/many/batch.jsonl", "\n".join(lines).encode())
    simulation.run_for(HOUR)
    first, second = simulation.jobs()
    before = versions.under(simulation.inbox, "drop/")
    found = erase_drop.plan(first)
    assert found.is_line
    erase_drop.erase_with_files(found)
    assert before == versions.under(simulation.inbox, "drop/")
    assert [second.id] == [job.id for job in simulation.jobs()]
    assert not [one for one in versions.under(simulation.results, "") if one.key.startswith(f"{first.receipts}/")]
