"""Messages whose processing fails: they come back soon, and a drop that is given up gets a receipt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.s3 import buckets
from gallop.adapters.table import batches as batch_table
from gallop.domain.errors import AwsTrouble
from gallop.domain.metrics import Metric
from gallop.doors.s3 import contents

from tests.support.pictures import picture
from tests.template.stack import max_receives, parameter

if TYPE_CHECKING:
    from tests.support.promise import Simulation

PROMPT = b"The woman of [Image 1] smiles."
QUIET = int(parameter("QuietSeconds"))
# The tries take about 15 minutes, as docs/s3-door.md says.
STILL_TRIED, GIVEN_UP = 13 * 60, 17 * 60


def upload(simulation: Simulation, path: str = "ad") -> None:
    """Upload a folder."""
    simulation.drop(f"drop/{path}/1.jpg", picture())
    simulation.drop(f"drop/{path}/prompt.txt", PROMPT)


@pytest.mark.parametrize("error", [AwsTrouble("no"), ValueError("a bug")])
def test_a_failed_message_is_repeated_within_seconds(simulation: Simulation, error: Exception) -> None:
    """The queue's own time-out of twelve minutes is for runs that were killed."""
    upload(simulation)
    with patch.object(contents, "plan_of", side_effect=error) as plan:
        simulation.run_for(QUIET + 5)
    assert 1 == plan.call_count
    assert [] == simulation.jobs()
    simulation.run_for(15)
    assert 1 == len(simulation.jobs())


def test_a_drop_that_is_given_up_gets_a_receipt(simulation: Simulation) -> None:
    """It says that nothing was charged, and what to do; doing so starts the job."""
    upload(simulation)
    with patch.object(contents, "plan_of", side_effect=ValueError("a bug")):
        simulation.run_for(STILL_TRIED)
        simulation.sweep()
        assert simulation.stored("ad/error.json") is None
        simulation.run_for(GIVEN_UP - STILL_TRIED)
        simulation.sweep()
    assert ([], []) == (simulation.queue.messages, simulation.queue.dead)
    error = simulation.receipt("ad/error.json")["error"]
    assert "aws_trouble" == error["code"]
    assert "Upload any of its files again" in error["remedy"]
    upload(simulation)
    simulation.run_for(QUIET + 1)
    assert ["ad"] == [job.receipts for job in simulation.jobs()]
    assert simulation.stored("ad/error.json") is None


def test_each_failure_is_counted(simulation: Simulation) -> None:
    """An alarm goes off long before the drop is given up."""
    upload(simulation)
    with patch.object(contents, "plan_of", side_effect=ValueError("a bug")):
        simulation.run_for(GIVEN_UP)
    assert max_receives("DropQueue") == sum(simulation.metric(Metric.MESSAGES_FAILED))


@pytest.mark.parametrize("path", ["drop/cat.jpg", "drop/春/1.jpg", "drop/a/b/1.jpg"])
def test_every_kind_of_drop_gets_it(simulation: Simulation, path: str) -> None:
    """Also when S3's event itself could not be processed."""
    simulation.drop(path, picture())
    with patch.object(buckets, "list_directly_under", side_effect=ValueError("a bug")):
        simulation.run_for(GIVEN_UP)
    simulation.sweep()
    (key,) = (key for key in simulation.results_there() if key.endswith("error.json"))
    assert key == f"{path.removeprefix('drop/').removesuffix('/1.jpg')}/error.json"


def test_a_drop_that_cannot_even_be_listed_gets_it(simulation: Simulation) -> None:
    """A bug in what both read must not keep the receipt from being written."""
    upload(simulation)
    with patch.object(buckets, "list_directly_under", side_effect=ValueError("a bug")):
        simulation.run_for(GIVEN_UP)
        simulation.sweep()
    assert "aws_trouble" == simulation.receipt("ad/error.json")["error"]["code"]


def test_the_receipt_waits_until_aws_works_again(simulation: Simulation) -> None:
    """The message stays in the dead-letter queue until then."""
    upload(simulation)
    with patch.object(buckets, "list_directly_under", side_effect=AwsTrouble("no")):
        simulation.run_for(GIVEN_UP)
        simulation.sweep()
    assert [] == simulation.results_there()
    simulation.run_for(60)
    simulation.sweep()
    assert "refused" == simulation.receipt("ad/status.json")["state"]


def test_a_drop_that_was_taken_after_all_gets_none(simulation: Simulation) -> None:
    """Another message, or a later upload, had its job made."""
    upload(simulation)
    simulation.run_for(QUIET + 1)
    lost = json.dumps({"look": {"path": "ad", "digest": "x", "since": simulation.clock.now()}})
    with patch.object(buckets, "list_directly_under", side_effect=ValueError("a bug")):
        simulation.send(lost)
        simulation.run_for(GIVEN_UP)
    assert 1 == len(simulation.queue.dead)
    simulation.sweep()
    assert [] == simulation.queue.dead
    assert "queued" != simulation.receipt("ad/status.json")["state"]
    assert simulation.stored("ad/error.json") is None


def test_a_drop_that_cannot_be_listed_keeps_the_receipts_of_its_job(simulation: Simulation) -> None:
    """It may be charged, and nobody can know whether the lost message was about other files."""
    upload(simulation)
    simulation.run_for(QUIET + 1)
    lost = json.dumps({"look": {"path": "ad", "digest": "x", "since": simulation.clock.now()}})
    with patch.object(buckets, "list_directly_under", side_effect=ValueError("a bug")):
        simulation.send(lost)
        simulation.run_for(GIVEN_UP)
        simulation.sweep()
    assert [] == simulation.queue.dead
    assert simulation.jobs()[0].id == simulation.receipt("ad/status.json")["job"]
    assert simulation.stored("ad/error.json") is None


def test_a_changed_drop_that_is_given_up_says_what_its_earlier_job_does(simulation: Simulation) -> None:
    """Only the changed files have not been charged."""
    upload(simulation)
    simulation.run_for(QUIET + 1)
    (job,) = simulation.jobs()
    simulation.drop("drop/ad/2.jpg", picture(shade=7))
    with patch.object(contents, "plan_of", side_effect=ValueError("a bug")):
        simulation.run_for(GIVEN_UP)
        simulation.sweep()
    remedy = simulation.receipt("ad/error.json")["error"]["remedy"]
    assert "You have not been charged for the changed files." in remedy
    assert f"`{job.id}/`" in remedy
    assert simulation.stored(f"ad/{job.id}/status.json") or simulation.stored(f"ad/{job.id}/video.json")


def test_a_batch_that_is_given_up_gets_a_receipt(simulation: Simulation) -> None:
    """Its own, with the error."""
    simulation.drop("drop/spring/batch.jsonl", b"{}")
    with patch.object(batch_table, "start", side_effect=ValueError("a bug")):
        simulation.run_for(GIVEN_UP)
        simulation.sweep()
    receipt: dict[str, Any] = simulation.receipt("spring/batch.json")
    assert ("failed", "aws_trouble") == (receipt["state"], receipt["error"]["code"])


def test_a_batch_that_was_started_after_all_keeps_its_receipt(simulation: Simulation) -> None:
    """A later upload started it while the message of the first was being repeated."""
    simulation.drop("drop/spring/batch.jsonl", b"{}")
    with patch.object(batch_table, "start", side_effect=ValueError("a bug")):
        simulation.run_for(GIVEN_UP)
    simulation.drop("drop/spring/batch.jsonl", b"{}")
    simulation.run_for(QUIET + 1)
    simulation.sweep()
    assert [] == simulation.queue.dead
    assert "finished" == simulation.receipt("spring/batch.json")["state"]


def test_a_message_that_names_no_drop_is_kept_for_the_operator(simulation: Simulation) -> None:
    """It holds up no other."""
    for poison in ("not JSON", "[]", '{"a": 1}'):
        simulation.send(poison)
    upload(simulation)
    with patch.object(contents, "plan_of", side_effect=ValueError("a bug")):
        simulation.run_for(GIVEN_UP)
    simulation.sweep()
    assert ["not JSON", "[]", '{"a": 1}'] == [message.body for message in simulation.queue.dead]
    assert all(message.visible_at <= simulation.clock.now() for message in simulation.queue.dead)
    assert simulation.stored("ad/error.json")
