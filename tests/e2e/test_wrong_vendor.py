"""A stack without a working connection to DashScope: its jobs end with the reason, at no cost."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.caller import Caller
from tests.support.pictures import picture
from tests.testbed.stack import Testbed

SPEED = 10.0


def closed_port() -> int:
    """Return a local port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


CASES = {
    "unreachable": (
        {"DashScopeBaseUrl": f"http://127.0.0.1:{closed_port()}/api/v1"},
        "vendor_unreachable",
        "Cannot connect",
        "DashScopeBaseUrl",
    ),
    "wrong key": ({"DashScopeApiKey": "sk-of-another-region"}, "vendor_refused", "InvalidApiKey", "region"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_reason_is_shown_at_both_doors(case: str) -> None:
    """Job and error.json have DashScope's message, or say that it is unreachable, and how to fix it."""
    parameters, code, words, remedy = CASES[case]
    with Testbed(speed=SPEED, is_jumping=True, parameters=parameters) as testbed, Caller(testbed) as caller:
        caller.drop({"ad/1.jpg": picture(), "ad/prompt.txt": b"Nobody hears this."})
        url = "https://example.com/girl.jpg"
        job = caller.wait_for_job(caller.create({"prompt": "Nor this.", "images": [url]}).json()["id"])
        for error in (job["error"], caller.wait_for_receipt("ad/error.json")["error"]):
            assert code == error["code"]
            assert words in f"{error.get('vendor_code')} {error['message']}"
            assert remedy in error["remedy"]
        assert [] == testbed.dashscope.ledger()["tasks"]
