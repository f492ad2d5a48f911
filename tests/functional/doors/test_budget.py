"""A cap at the doors of the deployed template: refused in each dialect, with its numbers; parked at the S3 door."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from gallop.doors.https.openapi import document
from jsonschema import Draft202012Validator

from fake_dashscope.clock import ManualClock
from tests.functional.fake_dashscope.sandbox import order
from tests.support.dashscope import Vendor
from tests.support.drops import Door
from tests.support.http import Answer, Client
from tests.support.pictures import picture
from tests.support.stack import Stack, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox

WISH: dict[str, Any] = {
    "prompt": "The woman of [Image 1] smiles.",
    "images": ["https://example.com/girl.jpg"],
    "duration": 5,
}
DAY = 86_400


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give a stack in which one client may spend 1.00 a day, and all together 1.50 a month."""
    with deployed(ManualClock(), executing=False, ClientDayCap="1.0", MonthCap="1.5") as stack:
        yield stack


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Give a client who has reserved 0.70 of her cap."""
    ada = Client(sandbox)
    assert 202 == ada.post(WISH).status
    return ada


def midnight(sandbox: Sandbox) -> str:
    """Give the next one, in UTC."""
    following = (sandbox.clock.now() // DAY + 1) * DAY
    return datetime.fromtimestamp(following, UTC).isoformat().replace("+00:00", "Z")


def assert_refused(sandbox: Sandbox, answer: Answer) -> None:
    """Nothing came of a create: no job beside the first, no execution, and no client's retry."""
    assert (402, "false") == (answer.status, answer.headers["x-should-retry"])
    assert (1, 1) == (len(sandbox.jobs()), len(sandbox.executions()))
    assert 60 < int(answer.headers["Retry-After"]) <= DAY


def test_a_create_over_the_cap_is_refused_with_its_numbers(sandbox: Sandbox, ada: Client) -> None:
    """What the cap is, what is used of it, what the job is estimated at, and when it begins anew."""
    answer = ada.post(WISH)
    assert_refused(sandbox, answer)
    told = answer.json
    assert ("budget_exceeded", "/errors/budget_exceeded") == (told["code"], told["type"])
    assert told["detail"] == (
        "The client's daily cap is $1.00: $0.70 is reserved or spent, and this job is estimated at $0.70. "
        f"The cap resets at {midnight(sandbox)}."
    )
    numbers = {"cap": 1.0, "used": 0.7, "estimated_cost": 0.7, "currency": "USD", "resets_at": midnight(sandbox)}
    assert {"of": "client", "period": "day", **numbers} == told["budget"]
    assert "You have not been charged" in told["remedy"]
    described = {"$ref": "#/components/schemas/Problem", **document("1")}
    Draft202012Validator(described).validate(told)


def test_openais_clients_are_told_so(sandbox: Sandbox, ada: Client) -> None:
    """In the type that they know for it, and in words."""
    answer = ada.post(WISH, x_stainless_lang="python", x_stainless_retry_count="0")
    assert_refused(sandbox, answer)
    error = answer.json["error"]
    assert ("insufficient_quota", "budget_exceeded", None) == (error["type"], error["code"], error["param"])
    assert "daily cap is $1.00: $0.70 is reserved" in error["message"]


def test_dashscopes_clients_are_told_so(sandbox: Sandbox, ada: Client) -> None:
    """By the code that says that there is no money; what it means here stands in the message."""
    answer = Vendor(sandbox, ada.name).submit(order(resolution="720P"))
    assert_refused(sandbox, answer)
    told = answer.json
    assert {"code", "message", "request_id"} == told.keys()
    assert ("Arrearage", True) == (told["code"], "daily cap is $1.00: $0.70 is reserved" in told["message"])


def test_a_dry_run_is_told_so(ada: Client) -> None:
    """What the create would be told; another client's dry run is told the price."""
    assert 402 == ada.post({**WISH, "dry_run": True}).status
    answer = Client(ada.sandbox, "bob").post({**WISH, "dry_run": True})
    assert (200, 0.7) == (answer.status, answer.json["estimated_cost"])


def test_a_smaller_job_may_still_fit(ada: Client) -> None:
    """The cap is on money, not on jobs; a second client's day is as long as the month allows."""
    bob = Client(ada.sandbox, "bob")
    assert 402 == ada.post({**WISH, "duration": 3}).status
    assert 202 == bob.post(WISH).status
    answer = bob.post({**WISH, "duration": 3})
    assert (402, "month", "stack") == (answer.status, answer.json["budget"]["period"], answer.json["budget"]["of"])


def test_a_refused_key_is_as_good_as_new(sandbox: Sandbox, ada: Client) -> None:
    """The same request on the next day is accepted, under the key that it was refused with."""
    assert 402 == ada.post(WISH, idempotency_key="order-1").status
    sandbox.clock.advance(DAY)
    answer = ada.post({**WISH, "duration": 4}, idempotency_key="order-1")
    assert (202, None) == (answer.status, answer.headers.get("Idempotent-Replay"))


def test_a_repeated_create_is_the_job_at_the_cap_too(sandbox: Sandbox) -> None:
    """Who has it already is not refused."""
    ada = Client(sandbox)
    first, again = (ada.post(WISH, idempotency_key="order-2") for _ in range(2))
    assert (202, first.json["id"], "true") == (again.status, again.json["id"], again.headers["Idempotent-Replay"])


def test_a_drop_over_the_cap_is_parked_by_the_functions_of_the_stack(sandbox: Sandbox) -> None:
    """With the environment that the template gives them: recorded, told, and released by the scheduled sweep."""
    door = Door(sandbox)
    for folder in ("first", "second"):
        sandbox.drop(f"drop/{folder}/1.jpg", picture())
        sandbox.drop(f"drop/{folder}/prompt.txt", b"The woman of [Image 1] smiles.")
        door.run(30)
    parked = sandbox.receipt("second/status.json")
    assert ("queued", midnight(sandbox)) == (parked["state"], parked["parked"]["retry_at"])
    assert [sandbox.receipt("first/status.json")["job"]] == sandbox.executions()
    (job,) = [job for job in sandbox.jobs() if job.id == parked["job"]]
    sandbox.invoke(
        "FinishFunction", {"job_id": sandbox.executions()[0], "error": {"Error": "VendorRefused", "Cause": ""}}
    )
    sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    assert job.id in sandbox.executions()
    assert sandbox.receipt("second/status.json")["parked"] is None
