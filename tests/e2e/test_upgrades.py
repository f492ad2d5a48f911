"""The last released version, from the repository's history, is updated to this one and rolled back while jobs run.

Each function is replaced in two steps, one after the other, and executions keep the definition with which they began.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import SPEED
from tests.support.pictures import data_uri, picture
from tests.support.released import NoHistoryError, last_release, unpack
from tests.support.waiting import eventually
from tests.testbed.stack import ROOT, Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.caller import Caller
    from tests.e2e.conftest import Gallop
    from tests.testbed.aws.template import Template

pytestmark = pytest.mark.promise("P8")

SLOTS = 3
LINES = 3
HELD = {"queued", "submitting", "running", "storing"}
MINUTE = 60
PRESENT = ROOT / "template.yaml"
IMAGE = data_uri(picture())


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Give the template of the last released version, in a folder with all of its code."""
    try:
        version, commit = last_release()
    except NoHistoryError as error:
        pytest.skip(str(error))
    return unpack(commit, tmp_path_factory.mktemp(version))


@dataclass(slots=True)
class Shift:
    """Jobs that are created before a change of the stack, through each door, and their prompts."""

    caller: Caller
    name: str
    prompts: list[str] = field(default_factory=list)

    def create(self, word: str, **fields: object) -> str:
        """Create a job with a prompt of its own; return its id."""
        self.prompts.append(f"[Image 1] {word} {self.name}.")
        body = {"prompt": self.prompts[-1], "images": [IMAGE], "duration": 3, **fields}
        answer = self.caller.create(body)
        assert 202 == answer.status_code, answer.text
        return str(answer.json()["id"])

    def begin(self) -> None:
        """Bring jobs into every state, and a batch and a drop under way."""
        fake = self.caller.testbed.dashscope
        running = self.create("runs", resolution="1080P", duration=15)
        self.caller.wait_until_running(running)
        fake.fault(on="download", kind="500", times=8)
        stored = self.create("is stored")
        eventually(lambda: "storing" == self.job(stored)["state"])
        self.prompts += [f"[Image 1] is line {number} {self.name}." for number in range(LINES)]
        lines = [{"prompt": prompt, "images": ["1.jpg"], "duration": 3} for prompt in self.prompts[-LINES:]]
        batch = "\n".join(map(json.dumps, lines)).encode()
        self.caller.drop({f"{self.name}/1.jpg": picture(), f"{self.name}/batch.jsonl": batch})
        self.caller.wait_for_receipt(f"{self.name}/batch.json", "running")
        fake.fault(on="submit", kind="429", times=3)
        for number in range(SLOTS + 2):
            self.create(f"waits {number}")
        self.prompts.append(f"[Image 1] is dropped {self.name}.")
        self.caller.drop(
            {f"{self.name}-drop/1.jpg": picture(), f"{self.name}-drop/prompt.txt": self.prompts[-1].encode()}
        )
        eventually(lambda: set(self.states()) >= HELD, otherwise=f"{self.states()}")

    def job(self, job_id: str) -> dict[str, Any]:
        """Return the record of a job."""
        return next(job for job in self.jobs() if job["id"] == job_id)

    def jobs(self) -> list[dict[str, Any]]:
        """Return the records of this shift's jobs."""
        return [item for item in self.caller.items() if item["sk"] == "JOB" and self.name in str(item)]

    def states(self) -> list[str]:
        """Return the states of this shift's jobs."""
        return [job["state"] for job in self.jobs()]

    def assert_ended(self) -> None:
        """Each prompt has one task, one succeeded job, and its video with its receipts."""
        eventually(lambda: set(self.states()) == {"succeeded"} and len(self.states()) == len(self.prompts))
        assert dict.fromkeys(self.prompts, 1) == {one: len(self.caller.tasks_for(one)) for one in self.prompts}
        assert "finished" == self.caller.wait_for_receipt(f"{self.name}/batch.json")["state"]
        for job in self.jobs():
            receipt = self.caller.wait_for_receipt(f"{job['receipts']}/status.json")
            assert "succeeded" == receipt["state"]
            video = self.caller.video(f"{job['receipts']}/video.mp4")
            assert job["result"]["sha256"] == hashlib.sha256(video).hexdigest()


@pytest.fixture(scope="module")
def testbed(released: Template) -> Iterator[Testbed]:
    """Run a stack of the released version."""
    with Testbed(template=released, speed=SPEED, is_jumping=True, parameters={"MaxInFlight": str(SLOTS)}) as running:
        yield running


def test_an_update_and_a_rollback_lose_and_repeat_nothing(caller: Caller, released: Template) -> None:
    """Jobs in the queue, being sent, running, being stored and in a batch all end, with one task each."""
    before, after = Shift(caller, "before"), Shift(caller, "after")
    before.begin()
    caller.testbed.update(PRESENT)
    before.assert_ended()
    after.begin()
    caller.testbed.update(released)
    after.assert_ended()
    assert 0 == caller.dead_letters()
    assert len(before.prompts + after.prompts) == len(caller.testbed.dashscope.ledger()["tasks"])


def test_an_update_leaves_a_stack_drained(caller: Caller, gallop: Gallop, released: Template) -> None:
    """What is dropped meanwhile waits; once it is undrained, the stack can be rolled back, and loses nothing."""
    caller.testbed.update(PRESENT)
    gallop("drain")
    caller.drop({"later/1.jpg": picture(), "later/prompt.txt": b"[Image 1] comes later."})
    caller.testbed.update(PRESENT, QuietSeconds="30")
    assert 503 == caller.create({"prompt": "[Image 1] is refused.", "images": [IMAGE]}).status_code
    caller.testbed.clock.sleep(MINUTE)
    assert None is caller.receipt("later/status.json")
    gallop("undrain")
    caller.testbed.update(released)
    assert "succeeded" == caller.wait_for_receipt("later/status.json")["state"]
    assert 1 == len(caller.tasks_for("[Image 1] comes later."))
