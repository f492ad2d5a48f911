"""``gallop doctor --spend``: one real video, checked to the last byte, and never a second one by accident."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import gallop.clock
import httpx
import pytest
from gallop.domain.diagnosis import RightMissing
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, is_terminal
from gallop.services.doctor import examine, spend

from fake_dashscope import render
from tests.functional.cli.test_rights import Rights, rights_of
from tests.support import gateway
from tests.support.films import film

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox

FRAMES = 72
MINUTES = 900


def aside() -> AbstractContextManager[object]:
    """Keep what functions print out of the command's output: it is their log."""
    return redirect_stdout(io.StringIO())


@dataclass(slots=True)
class Spender:
    """The command alone, without the other checks; its jobs end while it waits."""

    sandbox: Sandbox
    gallop: Gallop
    url: str
    is_stuck: bool = False
    """Whether the command is interrupted when it waits."""
    failure: Failure | None = None
    """How jobs end, if not with a video."""
    _is_working: bool = False

    def wait(self, seconds: float) -> None:
        """Let time pass, and the jobs end; their functions wait, too."""
        self.sandbox.clock.advance(seconds)
        if self.is_stuck:
            raise KeyboardInterrupt
        if self._is_working:
            return
        self._is_working = True
        with aside():
            for job in self.sandbox.jobs():
                if not is_terminal(job.state):
                    self._end(job.id)
        self._is_working = False

    def _end(self, job_id: str) -> None:
        self.sandbox.invoke("StartTaskFunction", {"job_id": job_id})
        self.sandbox.clock.advance(MINUTES)
        step = {"next": "finish", "wait_seconds": 0}
        if self.failure is None or self.failure.code is FailureCode.RESULT_EXPIRED:
            step = self.sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job_id})
        if self.failure:
            step = {**step, "next": "finish", "failure": asdict(self.failure)}
        if step["next"] == "save":
            step = self.sandbox.invoke("SaveResultFunction", {"job_id": job_id})
        self.sandbox.invoke("FinishFunction", {"job_id": job_id, "step": step})
        self.sandbox.invoke("FinishFunction", {"job_id": job_id, "action": "renew"})

    def findings(self) -> dict[str, dict[str, Any]]:
        """Run the command; return what it found, by subject."""
        result = self.gallop("doctor", "--spend", "--yes", "--json")
        assert result.stdout, result.stderr + repr(result.exception)
        found = json.loads(result.stdout)
        return {one["check"]: one for one in found}


@pytest.fixture
def spender(sandbox: Sandbox, gallop: Gallop) -> Iterator[Spender]:
    """Return the command; the vendor's videos have three seconds."""

    def three_seconds(_script: object, path: Path, *_: object) -> None:
        path.write_bytes(film(FRAMES))

    with gateway.opened(sandbox) as url:
        door = sandbox.instead[url]

        def quiet(request: httpx.Request) -> httpx.Response:
            with aside():
                return door(request)

        sandbox.instead[url] = quiet
        made = Spender(sandbox, gallop, url)
        with (
            patch.object(examine, "CHECKS", {}),
            patch.object(render, "render", three_seconds),
            patch.object(gallop_clock(), "sleep", made.wait),
        ):
            yield made


def gallop_clock() -> Any:  # noqa: ANN401 - the module, whose name the fixture takes
    """Return the product's clock."""
    return gallop.clock


def test_one_video_is_made_checked_and_deleted(spender: Spender) -> None:
    """The cheapest there is; afterwards the job is gone, and the key of the command grants no access."""
    found = spender.findings()
    assert {"job", "cost", "video", "receipt", "delete"} == found.keys()
    assert [] == [one for one in found.values() if one["level"] != "ok"]
    assert "3 s" in found["video"]["seen"]
    (task,) = spender.sandbox.tasks()
    assert "happyhorse-1.1-t2v" == task["model"]
    assert 3 == task["billed_seconds"]
    assert [] == spender.sandbox.jobs()
    (key,) = spender.gallop.json("keys", "list")
    assert "revoked" == key["state"]


def test_the_page_names_its_rights(spender: Spender) -> None:
    """Those of the checks, and some more; what the functions do meanwhile needs none of the operator's."""
    rights = Rights()
    spender.is_stuck = True
    with rights.recorded():
        spender.gallop("doctor", "--spend", "--yes")
    spender.is_stuck = False
    spender.wait(1)
    with rights.recorded():
        assert "ok" == spender.findings()["delete"]["level"]
    assert rights_of("doctor --spend") == rights.used | rights_of("doctor")


def test_the_price_is_shown_before_anything_is_made(spender: Spender) -> None:
    """Without an answer nothing is made."""
    result = spender.gallop("doctor", "--spend")
    assert 2 == result.exit_code
    assert "$0.21" in result.stderr
    assert [] == spender.sandbox.tasks()


def test_a_run_that_was_interrupted_continues(spender: Spender) -> None:
    """It is the same job, and one task."""
    spender.is_stuck = True
    assert 0 != spender.gallop("doctor", "--spend", "--yes").exit_code
    assert 0 != spender.gallop("doctor", "--spend", "--yes").exit_code
    (job,) = spender.sandbox.jobs()
    spender.is_stuck = False
    assert job.id in spender.findings()["job"]["seen"]
    assert 1 == len(spender.sandbox.tasks())


def test_a_reply_that_is_lost_makes_no_second_job(spender: Spender) -> None:
    """The door has recorded the create, and its answer does not arrive."""
    door = spender.sandbox.instead[spender.url]

    def lost(request: httpx.Request) -> httpx.Response:
        door(request)
        raise httpx.ReadTimeout("lost", request=request)

    spender.sandbox.instead[spender.url] = lost
    result = spender.gallop("doctor", "--spend", "--yes")
    assert 1 == result.exit_code
    assert "did not answer" in result.stderr
    spender.sandbox.instead[spender.url] = door
    assert "ok" == spender.findings()["job"]["level"]
    assert 1 == len(spender.sandbox.tasks())


def test_a_failed_job_is_free_and_tried_again(spender: Spender) -> None:
    """The failure has DashScope's reason and remedy; the next run makes another job."""
    spender.sandbox.fake.fault(on="task", kind="fail", times=1, code="DataInspectionFailed", message="Refused.")
    job = spender.findings()["job"]
    assert "failure" == job["level"]
    assert "Nothing was charged" in job["seen"]
    assert job["remedy"]
    assert "ok" == spender.findings()["job"]["level"]
    assert [0, 3] == sorted(task["billed_seconds"] for task in spender.sandbox.tasks())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (FailureCode.RESULT_EXPIRED, "DashScope charged $0.21."),
        (FailureCode.DEADLINE_EXCEEDED, "It may have been charged."),
    ],
)
def test_a_failed_job_that_may_be_charged_is_not_made_again(spender: Spender, code: FailureCode, words: str) -> None:
    """It is named at each run, and only after the operator has deleted it, the next run makes another."""
    spender.failure = Failure(code, "What happened.")
    first = spender.findings()["job"]
    spender.failure = None
    (job,) = spender.sandbox.jobs()
    again = spender.findings()["job"]
    assert first == again
    assert "failure" == again["level"]
    assert f"{job.id} failed" in again["seen"]
    assert words in again["seen"]
    assert 1 == len(spender.sandbox.tasks())
    command = f"gallop jobs delete {job.id} --stack gallop"
    assert command in again["remedy"]
    spender.gallop.ok("jobs", "delete", job.id, "--yes")
    assert "ok" == spender.findings()["job"]["level"]
    assert 2 == len(spender.sandbox.tasks())


def test_a_receipt_that_may_not_be_read_is_a_warning(spender: Spender) -> None:
    """Without s3:ListBucket, S3 refuses to say that a receipt is missing; the job is deleted all the same."""
    with patch.object(spend, "ask", side_effect=RightMissing("s3:GetObject")):
        found = spender.findings()
    assert "warning" == found["receipt"]["level"]
    assert "s3:GetObject" in found["receipt"]["remedy"]
    assert "s3:ListBucket" in found["receipt"]["remedy"]
    assert "ok" == found["delete"]["level"]
    assert [] == spender.sandbox.jobs()


def test_a_second_run_makes_another_video(spender: Spender) -> None:
    """The first has deleted its own, and the price is asked again."""
    assert "ok" == spender.findings()["delete"]["level"]
    assert "ok" == spender.findings()["delete"]["level"]
    assert 2 == len(spender.sandbox.tasks())


def test_other_bytes_are_seen(spender: Spender) -> None:
    """Somebody has replaced the video."""
    bucket = f"https://{spender.sandbox.results}."
    spender.sandbox.instead[bucket] = lambda _: httpx.Response(200, content=film(FRAMES)[:-1] + b"?")
    video = spender.findings()["video"]
    assert "failure" == video["level"]
    assert "SHA-256" in video["seen"]


def test_a_video_of_another_length_is_seen(spender: Spender) -> None:
    """Its bytes are right."""
    with patch.object(render, "render", lambda _script, path, *_: path.write_bytes(film())):
        video = spender.findings()["video"]
    assert "failure" == video["level"]
    assert "0.5 s, not 3 s" in video["seen"]


def test_another_cost_is_seen(spender: Spender) -> None:
    """DashScope's figures and the list of prices differ."""
    offer = spend.cheapest("https://dashscope-intl.aliyuncs.com/api/v1")
    dearer = spend.Offer(offer.model, offer.resolution, offer.cost * 2)
    with patch.object(spend, "cheapest", lambda _: dearer):
        assert "failure" == spender.findings()["cost"]["level"]


def test_a_job_that_does_not_end_is_a_warning(spender: Spender) -> None:
    """The next run continues with it."""
    with patch.object(spend, "PATIENCE_SECONDS", -1):
        job = spender.findings()["job"]
    assert "warning" == job["level"]
    assert "run this command again" in job["remedy"]
    assert "ok" == spender.findings()["job"]["level"]
    assert 1 == len(spender.sandbox.tasks())


def test_a_drained_stack_makes_nothing(spender: Spender) -> None:
    """The door's own words say why."""
    spender.gallop.ok("drain")
    job = spender.findings()["job"]
    spender.gallop.ok("undrain")
    assert "failure" == job["level"]
    assert "503" in job["seen"]
    assert [] == spender.sandbox.tasks()


@pytest.mark.parametrize(
    ("base_url", "usd"),
    [("https://dashscope-intl.aliyuncs.com/api/v1", "0.21"), ("https://dashscope.aliyuncs.com/api/v1", "0.1857")],
)
def test_the_cheapest_video_is_chosen(base_url: str, usd: str) -> None:
    """By the prices of the region."""
    offer = spend.cheapest(base_url)
    assert usd == str(offer.cost)
    assert "480P" == offer.resolution
