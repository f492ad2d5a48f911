"""A new AWS account runs ten functions at a time: with a large drop and ten waiting clients, jobs continue.

The clock runs ten times as fast as the functions' own work, which therefore occupies them ten times as long: on AWS,
fewer calls are refused.
"""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.e2e.caller import Caller
from tests.support.pictures import data_uri, picture
from tests.support.waiting import eventually
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.testbed.aws.execution import Invocation
    from tests.testbed.aws.functions import FunctionSpec

pytestmark = pytest.mark.promise("P8")

RUNS, FOLDERS, CLIENTS = 10, 100, 10
SPEED = 10.0
PATIENCE_S = 2400
# The sweep is due every minute; its throttled events are tried again.
LONGEST_SILENCE_S = 600
STEPS = ("StartTaskFunction", "StatusFunction", "FinishFunction", "ReconcileFunction")
# Long videos of another model, so that the clients wait as long as the drop is worked on.
BODY = {"images": [data_uri(picture())], "model": "happyhorse-1.1-r2v", "resolution": "1080P", "duration": 15}


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run the template with its defaults in an account with ten runs, and without limits of this machine."""
    with Testbed(speed=SPEED, is_jumping=True, account_concurrency=RUNS, max_processes=RUNS) as running:
        yield running


class Client:
    """A client that waits for its job all the time, and repeats what is refused."""

    def __init__(self, testbed: Testbed, number: int) -> None:
        """Create its key."""
        self.clock, self.name = testbed.clock, f"client-{number}"
        headers = {"Authorization": f"Bearer {testbed.mint_key(self.name)}", "Idempotency-Key": self.name}
        self.http = httpx.Client(base_url=testbed.coordinates.api_url, headers=headers, timeout=60)
        self.prompt = f"[Image 1] waits for {self.name}."

    def run(self) -> str:
        """Create a job, and wait until it has ended; return its state."""
        with self.http:
            job = self.asked("POST", "/v1/videos", json={**BODY, "prompt": self.prompt}).json()
            while job["state"] not in {"succeeded", "failed"}:
                answer = self.asked("GET", f"/v1/videos/{job['id']}", headers={"Prefer": "wait=25"})
                job = answer.json()
                if "Preference-Applied" not in answer.headers:
                    self.pause(float(answer.headers["Retry-After"]))
            return str(job["state"])

    def asked(self, method: str, path: str, **arguments: object) -> httpx.Response:
        """Send a request until it gets a function."""
        while (answer := self.http.request(method, path, **arguments)).status_code >= 500:  # type: ignore[arg-type]
            self.pause(random.uniform(1, 4))
        return answer.raise_for_status()

    def pause(self, seconds: float) -> None:
        """Wait on the testbed's clock."""
        self.clock.wait(Event(), seconds)


def test_a_large_drop_and_ten_waiting_clients_lose_nothing(testbed: Testbed) -> None:
    """Each folder and each client has one task and one video, and the job's own functions are never silent for long."""
    ran: dict[str, list[float]] = {name: [testbed.clock.now()] for name in STEPS}
    refused: Counter[str] = Counter()

    def note(spec: FunctionSpec, invocation: Invocation) -> None:
        if spec.logical_id in ran and not invocation.error:
            ran[spec.logical_id].append(testbed.clock.now())

    testbed.aws.runtime.on_end.append(note)
    testbed.aws.runtime.on_throttle.append(lambda spec: refused.update([spec.logical_id]))
    clients = [Client(testbed, number) for number in range(CLIENTS)]
    prompts = [f"[Image 1] dances in folder {number}." for number in range(FOLDERS)]
    with Caller(testbed) as caller, ThreadPoolExecutor(CLIENTS) as threads:
        for number, prompt in enumerate(prompts):
            caller.drop({f"{number:03}/1.jpg": picture(), f"{number:03}/prompt.txt": prompt.encode()})
        waiting = [threads.submit(client.run) for client in clients]
        eventually(lambda: _succeeded(caller) == FOLDERS + CLIENTS, PATIENCE_S, every_s=0.5)
        assert ["succeeded"] * CLIENTS == [one.result() for one in waiting]
        every = [*prompts, *(client.prompt for client in clients)]
        assert dict.fromkeys(every, 1) == dict(Counter(task["prompt"] for task in testbed.dashscope.ledger()["tasks"]))
        assert 0 == caller.dead_letters()
    assert refused, "the account was never full"
    silences = {name: max(b - a for a, b in pairwise(times)) for name, times in ran.items()}
    assert {} == {name: seconds for name, seconds in silences.items() if seconds > LONGEST_SILENCE_S}


def _succeeded(caller: Caller) -> int:
    """Count the jobs that have succeeded."""
    return [item["state"] for item in caller.items() if item["sk"] == "JOB"].count("succeeded")
