"""Keys over real HTTP, with concurrent requests: none exceeds the rate limit, and none succeeds after a revocation."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters import aws
from gallop.adapters.table import client_keys
from gallop.domain.clients import keys

from tests.support.waiting import eventually
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

PER_SECOND = 4
# A second of the testbed is four real ones, so that even a busy machine sends faster than the limit allows.
SPEED = 0.25
BURST = 2 * PER_SECOND
AT_ONCE = 3
ABSENT = "/v1/videos/job_" + "a" * 26


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run the template with a rate limit that tests can exceed."""
    with Testbed(
        speed=SPEED, parameters={"RequestsPerSecond": str(PER_SECOND)}, prewarm=("AuthorizeFunction",)
    ) as running:
        yield running


@contextmanager
def client(testbed: Testbed, key: str) -> Iterator[httpx.Client]:
    """Yield a client with a key."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=testbed.coordinates.api_url, headers=headers, timeout=30) as http:
        yield http


@contextmanager
def table(testbed: Testbed) -> Iterator[None]:
    """Use the stack's table, as the command does."""
    name = {"JOB_TABLE": testbed.aws.outputs()["JobTableName"]}
    with patch.dict(os.environ, name), patch.object(aws, "dynamodb", lambda: testbed.client("dynamodb")):
        yield


def test_no_more_requests_pass_than_the_limit_allows(testbed: Testbed) -> None:
    """Of many concurrent requests a burst and then the sustained rate pass; the others get the time to retry."""
    with client(testbed, testbed.mint_key("fast")) as http, ThreadPoolExecutor(AT_ONCE) as threads:
        began = testbed.clock.now()
        answers = list(threads.map(lambda _: http.get(ABSENT), range(5 * BURST)))
        seconds = testbed.clock.now() - began
        let_through = [answer for answer in answers if answer.status_code == 404]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(answers) == len(let_through) + len(refused)
        assert BURST <= len(let_through) <= BURST + PER_SECOND * seconds
        assert refused
        assert {("1", "too_many_requests")} == {(each.headers["Retry-After"], each.json()["code"]) for each in refused}
        testbed.clock.sleep(1)
        assert 404 == http.get(ABSENT).status_code


def test_a_revoked_key_stops_during_use(testbed: Testbed) -> None:
    """A request that starts after the revocation is refused, and the client's next key is not affected."""
    old, new = testbed.mint_key("turning"), testbed.mint_key("turning")
    answers: list[tuple[float, int]] = []
    is_over = threading.Event()

    def go_on() -> None:
        with client(testbed, old) as http:
            while not is_over.is_set():
                began = time.monotonic()
                answers.append((began, http.get(ABSENT).status_code))
                testbed.clock.sleep(1 / PER_SECOND)

    user = threading.Thread(target=go_on)
    user.start()
    eventually(lambda: len(answers) >= 3)
    with table(testbed):
        (key,) = [one for one in client_keys.listed("turning") if one.hash == keys.hash_of(old)]
        assert client_keys.revoke(key, testbed.clock.now())
    revoked = time.monotonic()
    eventually(lambda: sum(began > revoked for began, _ in answers) >= 3)
    is_over.set()
    user.join()
    assert [404] * 3 == [status for _, status in answers[:3]]
    assert {401} == {status for began, status in answers if began > revoked}
    with client(testbed, new) as http:
        assert 404 == http.get(ABSENT).status_code
    assert old not in testbed.logs("AuthorizeFunction") + testbed.logs("VideosFunction")
