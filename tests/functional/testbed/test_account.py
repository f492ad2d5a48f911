"""An account runs as many functions at a time as AWS lets it; a new one runs ten."""

from __future__ import annotations

import json
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest

from fake_dashscope.clock import ScaledClock
from tests.functional.testbed.conftest import SPEED, STACK, SmallStack, source
from tests.support.waiting import eventually
from tests.testbed.aws.account import REGION
from tests.testbed.aws.embedded import EmbeddedAws
from tests.testbed.aws.functions import Throttled
from tests.testbed.aws.template import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

# One is reserved for Single, so two are left for all other functions.
CONCURRENCY = 3


@pytest.fixture
def small() -> Iterator[SmallStack]:
    """Run the small stack in an account of three, with two functions that may work for long."""
    template = source()
    # A schedule, and S3's own message to a queue, would take a place now and then.
    del template["Resources"]["Ticker"], template["Resources"]["Consumer"]
    for name in ("Probe", "Bare"):
        template["Resources"][name]["Properties"]["Timeout"] = 60
    aws = EmbeddedAws(ScaledClock(SPEED), account_concurrency=CONCURRENCY)
    aws.start()
    try:
        aws.deploy(translate(template, STACK, REGION), {}, "account")
        yield SmallStack(aws)
    finally:
        aws.stop()


def test_the_concurrency_of_an_account_is_shared_by_its_functions(small: SmallStack) -> None:
    """Every caller is throttled in its own way, one with reserved concurrency is not, and an end makes room."""
    client, runtime = small.aws.client("lambda"), small.aws.runtime
    workers = [Thread(target=small.invoke, args=(name, {"do": "sleep", "sleep": 60})) for name in ("Probe", "Bare")]
    for worker in workers:
        worker.start()
    eventually(lambda: runtime.busy("Probe") and runtime.busy("Bare"))
    with pytest.raises(Throttled):
        small.invoke("Brief", {})
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName=small.aws.deployment.function("Brief").name)
    answer = httpx.get(f"{small.outputs['ApiUrl']}/open", timeout=40)
    assert (503, {"message": "Service Unavailable"}) == (answer.status_code, answer.json())
    assert "Retry-After" not in answer.headers
    assert {} == small.ask({}, "Single")["event"]
    assert 1 == runtime.kill("Probe")
    workers[0].join()
    assert {} == json.loads(eventually(lambda: unthrottled(small)))["event"]
    runtime.kill("Bare")
    workers[1].join()


def unthrottled(small: SmallStack) -> str | None:
    """Run a function; give its reply, or None if it is throttled."""
    try:
        return small.invoke("Brief", {}).payload
    except Throttled:
        return None
