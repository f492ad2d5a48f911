"""A cap on the running testbed, with permissions enforced: both doors, a batch, and parked jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.pictures import data_uri, picture
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.caller import Caller

SPEED = 10.0
LINES = [json.dumps({"prompt": f"Line {number}.", "images": ["1.jpg"], "duration": 3}) for number in range(2)]


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run the template with room for two jobs of 0.42 per month."""
    with Testbed(speed=SPEED, is_jumping=True, parameters={"MonthCap": "1.0", "ClientDayCap": "50"}) as running:
        yield running


def test_a_cap_holds_at_both_doors(testbed: Testbed, caller: Caller) -> None:
    """Two jobs fit. One line of a batch is parked until a cancelled job makes room; no permission is missing."""
    testbed.dashscope.fault(on="submit", kind="429", rate=1.0)
    body = {"prompt": "Waits.", "images": [data_uri(picture())], "duration": 3}
    job_id = caller.create(body).json()["id"]
    caller.drop({"many/1.jpg": picture(), "many/batch.jsonl": "\n".join(LINES).encode()})
    receipts = [caller.wait_for_receipt(f"many/batch/0000{line}/status.json", "queued") for line in (1, 2)]
    assert 1 == len([receipt for receipt in receipts if receipt["parked"]])
    refused = caller.create(body)
    assert 402 == refused.status_code
    assert "budget_exceeded" == refused.json()["code"]
    assert 0.84 == refused.json()["budget"]["used"]
    # During an attempt it is too late.
    answers = (caller.http.post(f"/v1/videos/{job_id}/cancel").json()["cancel"]["answer"] for _ in range(9))
    assert "cancelled" in answers
    testbed.dashscope.faults.clear()
    assert 2 == caller.wait_for_receipt("many/batch.json", "finished")["jobs"]["succeeded"]
    assert [] == testbed.aws.authority.audit.refusals()
