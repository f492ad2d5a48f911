"""Two accounts behind both doors of a running testbed, with permissions enforced: added, failing, paused, removed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest
from gallop.domain.accounts import read

from fake_dashscope import KEY, Limits, Switches
from fake_dashscope.accounts import Account
from tests.load.accounts import secret_of
from tests.load.vendor import WatchedDashScope
from tests.support.pictures import data_uri, picture
from tests.support.waiting import eventually
from tests.testbed.jumping_clock import JumpingClock
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.caller import Caller
    from tests.e2e.conftest import Gallop
    from tests.load.vendor import Answer, InTrouble

pytestmark = pytest.mark.promise("P5")
SPEED, SLOTS = 20.0, 2


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run the template with a DashScope that has two accounts, in each of which two tasks may be in flight."""
    accounts = [Account("default", (KEY,)), Account("two", ("sk-two",))]
    fake = WatchedDashScope(JumpingClock(SPEED), accounts, limits=Limits(), switches=Switches(audio=False))
    with Testbed(speed=SPEED, fake=fake, parameters={"MaxInFlight": str(SLOTS)}) as running:
        yield running


def make_videos(caller: Caller, name: str) -> Counter[str]:
    """Make four videos through each door; return how many tasks each account made for them, one for each job."""
    made = [
        caller.create({"prompt": f"{name} {number}.", "images": [data_uri(picture())], "duration": 3}).json()["id"]
        for number in range(4)
    ]
    for number in range(4):
        prompt = f"{name} {number} too.".encode()
        caller.drop({f"{name}-{number}/1.jpg": picture(), f"{name}-{number}/prompt.txt": prompt})
    assert {"succeeded"} == {caller.wait_for_job(job_id)["state"] for job_id in made}
    receipts = [caller.wait_for_receipt(f"{name}-{number}/status.json", "succeeded", "failed") for number in range(4)]
    assert {"succeeded"} == {receipt["state"] for receipt in receipts}
    tasks = [task for task in caller.testbed.dashscope.ledger()["tasks"] if task["prompt"].startswith(f"{name} ")]
    assert {f"{name} {number}{end}" for number in range(4) for end in (".", " too.")} == {t["prompt"] for t in tasks}
    assert 8 == len(tasks)
    records = {item["task_id"]: item for item in caller.items() if item["sk"] == "JOB"}
    assert [task["account"] for task in tasks] == [records[task["task_id"]]["account"] or "default" for task in tasks]
    return Counter(task["account"] for task in tasks)


def refusing(account: str, refused: list[str]) -> InTrouble:
    """Return a DashScope that makes no tasks for an account whose bill is unpaid; note its requests for one."""

    def answer(request: httpx.Request, asking: str, handle: Answer) -> httpx.Response:
        if asking == account and request.method == "POST":
            refused.append(request.url.path)
            return httpx.Response(400, json={"code": "Arrearage", "message": "Access denied."})
        return handle(request)

    return answer


def test_two_accounts_from_their_addition_to_their_removal(caller: Caller, gallop: Gallop) -> None:
    """Both make videos; a failing one, and then a paused one, makes none; its removal needs no deployment."""
    fake = caller.testbed.dashscope
    assert isinstance(fake, WatchedDashScope)
    gallop("accounts", "add", "two", "--base-url", f"{caller.at.dashscope_url}/api/v1", answer="sk-two\n")
    assert {"default", "two"} == make_videos(caller, "Both").keys()

    refused: list[str] = []
    fake.in_trouble = refusing("two", refused)
    assert {"default": 8} == make_videos(caller, "Failing")
    assert refused
    fake.in_trouble = lambda request, _, handle: handle(request)

    gallop("accounts", "pause", "two")
    assert {"default": 8} == make_videos(caller, "Paused")
    eventually(lambda: not [row for row in json.loads(gallop("accounts", "list", "--json")) if row["jobs"]])
    gallop("accounts", "remove", "two")
    secret = secret_of(caller.testbed)
    stored = caller.testbed.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    assert ["default"] == [*read(stored)]
    assert {"default": 8} == make_videos(caller, "Alone")
    assert [] == caller.testbed.aws.authority.audit.refusals()
