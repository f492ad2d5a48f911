"""A cap in the deployed template: requests are refused in each dialect, with amounts, and drops are parked."""

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
from tests.support.pictures import data_uri, picture
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
    """Yield a stack in which one client may spend 1.00 per day, and all together 1.50 per month."""
    with deployed(ManualClock(), executing=False, ClientDayCap="1.0", MonthCap="1.5") as stack:
        yield stack


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client that has reserved 0.70 of its cap."""
    ada = Client(sandbox)
    assert 202 == ada.post(WISH).status
    return ada


def midnight(sandbox: Sandbox) -> str:
    """Return the next midnight in UTC."""
    following = (sandbox.clock.now() // DAY + 1) * DAY
    return datetime.fromtimestamp(following, UTC).isoformat().replace("+00:00", "Z")


def assert_refused(sandbox: Sandbox, answer: Answer) -> None:
    """Assert that a create had no effect: no job beside the first, no execution, and no retry by the client."""
    assert (402, "false") == (answer.status, answer.headers["x-should-retry"])
    assert (1, 1) == (len(sandbox.jobs()), len(sandbox.executions()))
    assert 60 < int(answer.headers["Retry-After"]) <= DAY


def test_a_create_over_the_cap_is_refused_with_amounts(sandbox: Sandbox, ada: Client) -> None:
    """The answer has the cap, the amount used, the job's estimate and the time when the cap resets."""
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


def test_openais_clients_get_the_refusal_in_their_format(sandbox: Sandbox, ada: Client) -> None:
    """It has OpenAI's error type for it, and a readable message."""
    answer = ada.post(WISH, x_stainless_lang="python", x_stainless_retry_count="0")
    assert_refused(sandbox, answer)
    error = answer.json["error"]
    assert "insufficient_quota" == error["type"]
    assert "budget_exceeded" == error["code"]
    assert error["param"] is None
    assert "daily cap is $1.00: $0.70 is reserved" in error["message"]


def test_dashscopes_clients_get_the_refusal_in_their_format(sandbox: Sandbox, ada: Client) -> None:
    """It has the code for an unpaid account; the message explains what it means here."""
    answer = Vendor(sandbox, ada.name).submit(order(resolution="720P"))
    assert_refused(sandbox, answer)
    told = answer.json
    assert {"code", "message", "request_id"} == told.keys()
    assert ("Arrearage", True) == (told["code"], "daily cap is $1.00: $0.70 is reserved" in told["message"])


def test_a_dry_run_gets_the_same_refusal(ada: Client) -> None:
    """A dry run is refused like the create; another client's dry run gets the price."""
    assert 402 == ada.post({**WISH, "dry_run": True}).status
    answer = Client(ada.sandbox, "bob").post({**WISH, "dry_run": True})
    assert (200, 0.7) == (answer.status, answer.json["estimated_cost"])


def test_a_dry_run_says_what_is_left(sandbox: Sandbox, ada: Client) -> None:
    """Of each cap that applies, with the same names as in a refusal."""
    told = Client(ada.sandbox, "bob").post({**WISH, "dry_run": True}).json["budgets"]
    stack = {"of": "stack", "period": "month", "cap": 1.5, "used": 0.7, "left": 0.8}
    own = {"of": "client", "period": "day", "cap": 1.0, "used": 0.0, "left": 1.0}
    assert [stack, own] == [{name: use[name] for name in stack} for use in told]
    assert midnight(sandbox) == told[1]["resets_at"]
    assert 2 == sandbox.made["Submit"][-1].count("GetItem"), "one for each owner of caps"


def test_usage_is_counted_by_caps(ada: Client) -> None:
    """A client sees its own budgets and the caps of the stack; an operator both periods of the stack."""
    expected = {("client", "day"): (1.0, 0.7), ("client", "month"): (None, 0.7), ("stack", "month"): (1.5, 0.7)}
    assert expected == budgets_of(ada)
    ops = Client(ada.sandbox, "ops", is_admin=True)
    none = {("client", "day"): (1.0, 0.0), ("client", "month"): (None, 0.0)}
    assert {**none, ("stack", "day"): (None, 0.7), ("stack", "month"): (1.5, 0.7)} == budgets_of(ops)


def budgets_of(client: Client) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    """Return cap and use of each budget that a client is shown."""
    shown = client.get("/v1/usage").json["budgets"]
    return {(use["of"], use["period"]): (use["cap"], use["used"]) for use in shown}


def test_a_smaller_job_may_still_fit(ada: Client) -> None:
    """The cap limits money, not jobs; the second client is limited by the month's cap only."""
    bob = Client(ada.sandbox, "bob")
    assert 402 == ada.post({**WISH, "duration": 3}).status
    assert 202 == bob.post(WISH).status
    answer = bob.post({**WISH, "duration": 3})
    assert 402 == answer.status
    assert "month" == answer.json["budget"]["period"]
    assert "stack" == answer.json["budget"]["of"]


def test_the_key_of_a_refused_create_can_be_reused(sandbox: Sandbox, ada: Client) -> None:
    """The same request is accepted on the next day, under the same Idempotency-Key."""
    assert 402 == ada.post(WISH, idempotency_key="order-1").status
    sandbox.clock.advance(DAY)
    answer = ada.post({**WISH, "duration": 4}, idempotency_key="order-1")
    assert (202, None) == (answer.status, answer.headers.get("Idempotent-Replay"))


def test_a_repeated_create_is_accepted_at_the_cap(sandbox: Sandbox) -> None:
    """A client that already has the job is not refused."""
    ada = Client(sandbox)
    first, again = (ada.post(WISH, idempotency_key="order-2") for _ in range(2))
    assert 202 == again.status
    assert first.json["id"] == again.json["id"]
    assert "true" == again.headers["Idempotent-Replay"]


def test_a_repeated_create_with_an_image_is_accepted_at_the_cap(sandbox: Sandbox) -> None:
    """The cap is checked before the image is stored, but not for a repetition."""
    ada, body = Client(sandbox), {**WISH, "images": [data_uri(picture())]}
    first, again = (ada.post(body, idempotency_key="order-3") for _ in range(2))
    assert first.json["id"] == again.json["id"]
    assert 402 == ada.post(body, idempotency_key="order-4").status


def test_a_drop_over_the_cap_is_parked_by_the_deployed_functions(sandbox: Sandbox) -> None:
    """With the template's environment the drop is recorded, reported and released by the scheduled sweep."""
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
