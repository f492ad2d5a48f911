"""The authorizer identifies the client by its Bearer key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import settings
from gallop.adapters.table import client_keys
from gallop.domain.clients import keys
from gallop.domain.clients.keys import Key, KeyState
from gallop.domain.placement import Placement
from gallop.domain.times import day_and_time
from gallop.doors.https.identity import Caller

from tests.support import http
from tests.support.stack import aws

if TYPE_CHECKING:
    from gallop.adapters.table.client_keys import Use
    from gallop.domain.clients.rate_limit import RateLimit

    from tests.support.sandbox import Sandbox

NO_KEY = "The request has no API key."
WRONG_KEY = "The API key is not valid."


def ask(sandbox: Sandbox, **headers: str) -> dict[str, Any]:
    """Call the authorizer; return the context that API Gateway passes to the functions."""
    event = {"version": "2.0", "type": "REQUEST", "routeKey": "POST /v1/videos", "headers": headers}
    answer = sandbox.invoke("AuthorizeFunction", event)
    # The authorizer always allows: API Gateway's own refusal has no readable text, so `caller_of` refuses instead.
    assert answer["isAuthorized"] is True
    context: dict[str, Any] = answer["context"]
    return context


def test_a_key_names_its_client(sandbox: Sandbox) -> None:
    """Each key belongs to one client, and a client may have several."""
    first, second, other = sandbox.mint("ada"), sandbox.mint("ada"), sandbox.mint("bob")
    assert ["ada", "ada", "bob"] == [
        ask(sandbox, authorization=f"Bearer {key}")["client"] for key in (first, second, other)
    ]


def test_a_bound_key_binds_its_requests(sandbox: Sandbox) -> None:
    """The authorizer hands over where their jobs may run, and the door refuses what no account there makes."""
    key = sandbox.mint("ada", bound=Placement("", {"region": "eu"}))
    context = ask(sandbox, authorization=f"Bearer {key}")
    assert "region=eu" == context["bound"]
    event = http.event("POST", "/v1/videos", {"prompt": "She smiles."}, {}, Caller("ada"))
    event["requestContext"]["authorizer"]["lambda"] = context
    answer = sandbox.invoke("SubmitFunction", event)
    assert "placement_refused" == json.loads(answer["body"])["code"]
    assert [] == sandbox.jobs()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("header", ["authorization", "Authorization", "AUTHORIZATION"])
def test_case_is_ignored(sandbox: Sandbox, scheme: str, header: str) -> None:
    """Neither the header's name nor the scheme is case-sensitive."""
    assert "ada" == ask(sandbox, **{header: f"{scheme} {sandbox.mint('ada')} "})["client"]


def test_extra_spaces_are_ignored(sandbox: Sandbox) -> None:
    """Spaces before, between and after the scheme and the key are ignored."""
    assert "ada" == ask(sandbox, authorization=f"  Bearer    {sandbox.mint('ada')}  ")["client"]


@pytest.mark.parametrize(
    "value", ["", " ", "Bearer", "Bearer ", "Basic YWRhOng=", "gallop_abc", "Token x", "Bearer\tx", "Bearer," * 2000]
)
def test_a_missing_key_is_reported(sandbox: Sandbox, value: str) -> None:
    """A header that is missing, empty or of another scheme counts as no key."""
    assert {"problem": NO_KEY} == ask(sandbox, authorization=value)
    assert {"problem": NO_KEY} == ask(sandbox)


@pytest.mark.parametrize(
    "key", ["gallop_wrong", "x", "ü", "\udcff", "a" * 100_000, "a b", "KEY#", "\x00", "' OR 1=1", "🗝️"]
)
def test_a_wrong_key_is_reported(sandbox: Sandbox, key: str) -> None:
    """A wrong key identifies no client."""
    sandbox.mint("ada")
    assert {"problem": WRONG_KEY} == ask(sandbox, authorization=f"Bearer {key}")


def test_the_hash_is_not_a_key(sandbox: Sandbox) -> None:
    """The hash that the table stores cannot be used as a key."""
    key = sandbox.mint("ada")
    assert {"problem": WRONG_KEY} == ask(sandbox, authorization=f"Bearer {keys.hash_of(key)}")
    table = aws("dynamodb").scan(TableName=sandbox.stack.resource("JobTable"))["Items"]
    assert key not in str(table)


def found(sandbox: Sandbox, client: str = "") -> list[Key]:
    """List the keys of a client, or of all."""
    with sandbox.stack.acting_as("AuthorizeFunction"):
        return client_keys.listed(client)


def revoke(sandbox: Sandbox, key: Key) -> bool:
    """Revoke a key, as the command does."""
    with sandbox.stack.acting_as("AuthorizeFunction"):
        return client_keys.revoke(key, sandbox.clock.now())


def test_the_answer_names_key_and_rights(sandbox: Sandbox) -> None:
    """The context has the key's id, which is public, and whether the key is an operator's."""
    sandbox.clock.advance(0.5)
    key, operators = sandbox.mint("ada"), sandbox.mint("ops", is_admin=True)
    (mine,) = found(sandbox, "ada")
    assert {"client": "ada", "key_id": mine.id, "is_admin": False} == ask(sandbox, authorization=f"Bearer {key}")
    assert ask(sandbox, authorization=f"Bearer {operators}")["is_admin"]
    assert mine.id.removeprefix("key_") not in key


def test_a_revoked_key_stops_working_at_once(sandbox: Sandbox) -> None:
    """A revoked key fails at the next request, without a hint for a thief; the client's other keys keep working."""
    old = sandbox.mint("ada")
    assert "ada" == ask(sandbox, authorization=f"Bearer {old}")["client"]
    (record,) = found(sandbox, "ada")
    new = sandbox.mint("ada")
    assert revoke(sandbox, record)
    assert {"problem": WRONG_KEY} == ask(sandbox, authorization=f"Bearer {old}")
    assert "ada" == ask(sandbox, authorization=f"Bearer {new}")["client"]
    assert not revoke(sandbox, record)


def test_a_key_expires_at_the_second(sandbox: Sandbox) -> None:
    """A key works until the last second before its expiry; after that the message gives the time of expiry."""
    until = float(int(sandbox.clock.now()) + 3600)
    key = sandbox.mint("ada", valid_until=until)
    (record,) = found(sandbox)
    sandbox.clock.advance(until - 0.001 - sandbox.clock.now())
    assert "ada" == ask(sandbox, authorization=f"Bearer {key}")["client"]
    sandbox.clock.advance(0.001)
    expected = f"The API key {record.id} expired on {day_and_time(until)}."
    assert {"problem": expected} == ask(sandbox, authorization=f"Bearer {key}")


def test_expired_and_revoked_keys_stay_listed(sandbox: Sandbox) -> None:
    """The table's time to live removes a key some months after it ends, not immediately."""
    now = sandbox.clock.now()
    sandbox.mint("ada", valid_until=now + 60)
    sandbox.mint("bob")
    assert revoke(sandbox, *found(sandbox, "bob"))
    items = aws("dynamodb").scan(TableName=sandbox.stack.resource("JobTable"))["Items"]
    assert 4 == len(items)
    assert all(int(item["expires_at"]["N"]) >= now + 90 * 86_400 for item in items)
    sandbox.clock.advance(120)
    states = [(key.client, key.state(sandbox.clock.now())) for key in found(sandbox)]
    assert [("ada", KeyState.EXPIRED), ("bob", KeyState.REVOKED)] == states


def test_keys_record_when_they_were_last_used(sandbox: Sandbox) -> None:
    """The last use is recorded by the write that takes the token; a refused request does not count as a use."""
    key = sandbox.mint("ada")
    assert [None] == [record.last_used_at for record in found(sandbox)]
    for _ in range(2):
        sandbox.clock.advance(100)
        ask(sandbox, authorization=f"Bearer {key}")
        assert [pytest.approx(sandbox.clock.now())] == [record.last_used_at for record in found(sandbox)]
    used_at = sandbox.clock.now()
    assert revoke(sandbox, *found(sandbox))
    sandbox.clock.advance(100)
    ask(sandbox, authorization=f"Bearer {key}")
    assert [pytest.approx(used_at)] == [record.last_used_at for record in found(sandbox)]


def test_a_client_whose_name_is_a_prefix_is_another_client(sandbox: Sandbox) -> None:
    """The list of ``ada`` has no keys of ``ada-2``; the oldest key comes first."""
    for client in ("ada", "ada-2", "ada"):
        sandbox.clock.advance(1)
        sandbox.mint(client)
    assert ["ada", "ada"] == [key.client for key in found(sandbox, "ada")]
    assert ["ada", "ada", "ada-2"] == [key.client for key in found(sandbox)]
    first, second = found(sandbox, "ada")
    assert first.created_at < second.created_at


def test_a_key_over_its_rate_limit_waits(sandbox: Sandbox) -> None:
    """A key may burst two seconds' worth; after the announced wait it works again, and other keys are not affected."""
    key, other = sandbox.mint("ada"), sandbox.mint("ada")
    with patch.object(settings, "requests_per_second", lambda: 10):
        answers = [ask(sandbox, authorization=f"Bearer {key}") for _ in range(25)]
        assert [None] * 20 + [1] * 5 == [answer.get("retry_after") for answer in answers]
        assert "retry_after" not in ask(sandbox, authorization=f"Bearer {other}")
        sandbox.clock.advance(1)
        answers = [ask(sandbox, authorization=f"Bearer {key}") for _ in range(12)]
        assert [None] * 10 + [1] * 2 == [answer.get("retry_after") for answer in answers]


def test_a_slow_request_is_not_over_the_rate_limit(sandbox: Sandbox) -> None:
    """A request that another one with the same key overtakes on the way to the table reads the time again."""
    key, use = sandbox.mint("ada"), client_keys.use
    overtaken: list[Use | None] = []

    def overtake(key_hash: str, now: float, rate: RateLimit) -> Use | None:
        if not overtaken:
            sandbox.clock.advance(60)
            overtaken.append(use(key_hash, sandbox.clock.now(), rate))
        return use(key_hash, now, rate)

    with patch.object(client_keys, "use", overtake):
        answer = ask(sandbox, authorization=f"Bearer {key}")
    assert ("ada", None) == (answer["client"], answer.get("retry_after"))


def test_the_door_refuses_requests_over_the_rate_limit(sandbox: Sandbox) -> None:
    """The answer is 429 with the seconds to wait, in the format of the client's dialect; nothing is started."""
    context = {"client": "ada", "key_id": "key_x", "is_admin": True, "retry_after": 3}
    event = http.event("GET", "/v1/videos/x", None, {}, Caller("ada"))
    event["requestContext"]["authorizer"]["lambda"] = context
    answer = sandbox.invoke("VideosFunction", event)
    problem = json.loads(answer["body"])
    assert 429 == answer["statusCode"]
    assert "too_many_requests" == problem["code"]
    assert 429 == problem["status"]
    assert "3" == answer["headers"]["Retry-After"]


def test_a_request_without_headers_is_accepted(sandbox: Sandbox) -> None:
    """API Gateway omits empty maps from its event."""
    assert NO_KEY == sandbox.invoke("AuthorizeFunction", {"version": "2.0"})["context"]["problem"]
