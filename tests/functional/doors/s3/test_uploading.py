"""Folders over slow uplinks: what is still being uploaded is waited for, and what came too late replaces a job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unittest.mock import patch

from gallop.domain.drops import quiet

from tests.support.faults import details
from tests.support.pictures import picture
from tests.template.stack import parameter

if TYPE_CHECKING:
    from tests.support.promise import Simulation

PROMPT = b"The woman of [Image 1] smiles."
QUIET = int(parameter("QuietSeconds"))
KEY = "drop/ad/2.jpg"


def begin(simulation: Simulation, key: str = KEY) -> str:
    """Begin a multipart upload."""
    return simulation.s3.create_multipart_upload(Bucket=simulation.inbox, Key=key)["UploadId"]


def upload(simulation: Simulation) -> None:
    """Upload a folder with one image."""
    simulation.drop("drop/ad/1.jpg", picture())
    simulation.drop("drop/ad/prompt.txt", PROMPT)


def images(simulation: Simulation) -> list[int]:
    """Return the number of images of each job."""
    return [len(job.request.images) for job in simulation.jobs()]


def test_a_slow_folder_is_one_job(simulation: Simulation) -> None:
    """Its files come 15 seconds apart, then 40: the gaps so far say how slow the uplink is."""
    simulation.drop("drop/ad/prompt.txt", PROMPT)
    simulation.run_for(15)
    simulation.drop("drop/ad/1.jpg", picture())
    simulation.run_for(40)
    simulation.drop("drop/ad/2.jpg", picture(shade=2))
    simulation.run_for(3 * 40 + 2)
    assert [2] == images(simulation)
    assert 1 == len(simulation.tasks())


def test_a_job_waits_for_an_unfinished_upload(simulation: Simulation) -> None:
    """It is named in the receipt, and its picture is part of the one job."""
    began = begin(simulation)
    upload(simulation)
    simulation.run_for(20 * QUIET)
    assert [] == simulation.jobs()
    waiting_for = simulation.receipt("ad/status.json")["waiting_for"]
    assert {"2.jpg": "is still being uploaded"} == details(waiting_for)
    simulation.s3.abort_multipart_upload(Bucket=simulation.inbox, Key=KEY, UploadId=began)
    simulation.drop(KEY, picture(shade=2))
    simulation.run_for(300 + QUIET)
    assert [2] == images(simulation)
    assert 1 == len(simulation.tasks())


def test_an_aborted_upload_is_not_waited_for(simulation: Simulation) -> None:
    """There is no event for it, so the door looks again after the quiet time."""
    began = begin(simulation)
    upload(simulation)
    simulation.run_for(QUIET + 5)
    simulation.s3.abort_multipart_upload(Bucket=simulation.inbox, Key=KEY, UploadId=began)
    simulation.run_for(QUIET + 1)
    assert [1] == images(simulation)


def test_an_upload_that_was_begun_again_is_not_waited_for(simulation: Simulation) -> None:
    """Interrupted programs leave unfinished uploads behind, for a day."""
    begin(simulation, "drop/ad/1.jpg")
    simulation.run_for(2)
    upload(simulation)
    simulation.run_for(QUIET + 2)
    assert [1] == images(simulation)


def test_an_upload_that_is_never_finished_is_waited_for_an_hour(simulation: Simulation) -> None:
    """Then the job starts without it, however long a missing file is waited for."""
    begin(simulation)
    with patch.dict("os.environ", INCOMPLETE_MINUTES="1"):
        upload(simulation)
        simulation.run_for(quiet.MAX_UPLOAD_SECONDS - QUIET)
    assert [] == simulation.jobs()
    simulation.run_for(2 * QUIET)
    assert [1] == images(simulation)


def test_uploads_of_other_drops_are_not_waited_for(simulation: Simulation) -> None:
    """Nor those into a folder inside."""
    for key in ("drop/ad/more/2.jpg", "drop/ad2/1.jpg", "drop/ad", "uploads/x"):
        begin(simulation, key)
    upload(simulation)
    simulation.run_for(QUIET + 2)
    assert [1] == images(simulation)


def test_listed_images_wait_for_no_upload(simulation: Simulation) -> None:
    """The list says that the drop is complete."""
    begin(simulation)
    simulation.drop("drop/ad/1.jpg", picture())
    simulation.drop("drop/ad/job.json", json.dumps({"prompt": PROMPT.decode(), "images": ["1.jpg"]}).encode())
    simulation.run_for(1)
    assert [1] == images(simulation)


def test_a_cancel_waits_for_no_upload(simulation: Simulation) -> None:
    """It is answered at once."""
    begin(simulation)
    upload(simulation)
    simulation.drop("drop/ad/CANCEL", b"")
    simulation.run_for(1)
    assert "cancelled" == simulation.receipt("ad/status.json")["state"]


def test_a_batch_waits_for_its_pictures(simulation: Simulation) -> None:
    """They are in its folder."""
    began = begin(simulation, "drop/spring/1.jpg")
    simulation.drop("drop/spring/batch.jsonl", json.dumps({"prompt": PROMPT.decode(), "images": ["1.jpg"]}).encode())
    simulation.run_for(5 * QUIET)
    assert simulation.stored("spring/batch.json") is None
    simulation.s3.abort_multipart_upload(Bucket=simulation.inbox, Key="drop/spring/1.jpg", UploadId=began)
    simulation.drop("drop/spring/1.jpg", picture())
    simulation.run_for(600)
    assert {"good": 1} == {"good": simulation.receipt("spring/batch.json")["good"]}


def test_a_corrected_drop_does_not_wait_for_the_time_that_the_correction_took(simulation: Simulation) -> None:
    """A minute passed between the refused picture and the right one."""
    simulation.drop("drop/ad/1.jpg", b"no picture")
    simulation.drop("drop/ad/prompt.txt", PROMPT)
    simulation.run_for(60)
    simulation.drop("drop/ad/1.jpg", picture())
    simulation.run_for(QUIET + 1)
    assert [1] == images(simulation)
