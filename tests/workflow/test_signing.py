"""Jobs of a stack that signs their videos, through the workflow to the end."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from fake_dashscope.clock import ManualClock
from tests.support.stack import aws, deployed
from tests.workflow.conftest import one_after_the_other
from tests.workflow.runs import lambda_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack import Stack
    from tests.workflow.runs import Runs

# It has wheels for most machines only.
pytest.importorskip("c2pa")

from tests.support import c2pa_checker, signed

NAME = "signing-AbCdEf"
ARN = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{NAME}"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give a deployed stack that signs."""
    on = {"ContentCredentials": "on", "ContentCredentialsSecretArn": ARN}
    with (
        patch.object(ExecutionWorker, "start", one_after_the_other()),
        deployed(ManualClock(), executing=True, **on) as stack,
    ):
        aws("secretsmanager").create_secret(Name=NAME, SecretString=signed.authority().secret())
        yield stack


def test_a_video_is_signed_after_its_job_has_succeeded(runs: Runs) -> None:
    """By one step more; the webhook's time, the first receipt and the video do not wait for it."""
    job = runs.run()
    assert ["SaveResult", "Finish", "SignVideo", "MakeThumbnail", "RenewReceipts"] == runs.states(job.id)[-5:]
    assert job.signed
    copy = runs.sandbox.result(job.signed.key)
    assert c2pa_checker.check(copy, signed.authority().root).record["job"] == job.id
    receipt = runs.sandbox.receipt(f"{job.receipts}/video.json")
    assert "signed" == receipt["credentials"]["state"]
    assert receipt["thumbnail"]


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (AwsTrouble("broken"), 3),
        (lambda_error("Runtime.ExitError"), 1),
        (lambda_error("Sandbox.Timedout"), 1),
        (ImportError("no such library"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_a_step_that_fails_costs_the_signed_copy_only(runs: Runs, error: Exception, tries: int) -> None:
    """Whatever happens to it: the job has succeeded, has its thumbnail, and its receipt says that it is not signed."""
    runs.breaks("SignFunction", repeat(error))
    job = runs.run()
    assert JobState.SUCCEEDED == job.state
    assert tries == runs.calls()["SignFunction"]
    assert job.thumbnail
    assert "interrupted" == runs.sandbox.receipt(f"{job.receipts}/video.json")["credentials"]["code"]
    assert "SUCCEEDED" == runs.execution(job.id)["status"]


def test_a_step_whose_answer_is_lost_signs_once(runs: Runs) -> None:
    """It is run again, and finds its copy: no third file, and no second version."""
    runs.breaks("SignFunction", [AwsTrouble("lost")], after=True)
    job = runs.run()
    assert 2 == runs.calls()["SignFunction"]
    assert job.signed
    found = runs.sandbox.s3.list_object_versions(Bucket=runs.sandbox.results, Prefix=job.signed.key)["Versions"]
    assert [job.signed.version_id] == [one["VersionId"] for one in found]
    names = [key.rpartition("/")[2] for key in runs.sandbox.results_there()]
    assert ["signed.mp4", "status.json", "thumbnail.jpg", "video.json", "video.mp4"] == sorted(names)
