"""Who asks, told from a Bearer key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain import keys

from tests.support.stack import aws

if TYPE_CHECKING:
    from tests.support.world import World

NO_KEY = "There is no key in the request."
WRONG_KEY = "The key is not one of this stack's."


def ask(world: World, **headers: str) -> dict[str, Any]:
    """Ask the authorizer; gives the context that API Gateway passes on."""
    event = {"version": "2.0", "type": "REQUEST", "routeKey": "POST /v1/videos", "headers": headers}
    answer = world.invoke("AuthorizeFunction", event)
    # It always lets through: API Gateway's own refusal has no words, and caller_of refuses in its place.
    assert answer["isAuthorized"] is True
    context: dict[str, Any] = answer["context"]
    return context


def test_a_key_names_its_client(world: World) -> None:
    """Each key belongs to one client, and a client may have several."""
    first, second, other = world.mint("ada"), world.mint("ada"), world.mint("bob")
    assert ["ada", "ada", "bob"] == [
        ask(world, authorization=f"Bearer {key}")["client"] for key in (first, second, other)
    ]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("header", ["authorization", "Authorization", "AUTHORIZATION"])
def test_case_does_not_matter(world: World, scheme: str, header: str) -> None:
    """Neither of the header's name nor of the scheme."""
    assert {"client": "ada"} == ask(world, **{header: f"{scheme} {world.mint('ada')} "})


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YWRhOng=", "gallop_abc", "Token x"])
def test_no_key_is_told_as_such(world: World, value: str) -> None:
    """The header is missing, empty or of another scheme."""
    assert {"problem": NO_KEY} == ask(world, authorization=value)
    assert {"problem": NO_KEY} == ask(world)


@pytest.mark.parametrize("key", ["gallop_wrong", "x", "ü", "a" * 5000, "a b", "KEY#", "\x00"])
def test_a_wrong_key_is_told_as_such(world: World, key: str) -> None:
    """And is no client."""
    world.mint("ada")
    assert {"problem": WRONG_KEY} == ask(world, authorization=f"Bearer {key}")


def test_the_hash_is_no_key(world: World) -> None:
    """Who reads the table cannot come in with what stands there."""
    key = world.mint("ada")
    assert {"problem": WRONG_KEY} == ask(world, authorization=f"Bearer {keys.hash_of(key)}")
    table = aws("dynamodb").scan(TableName=world.stack.resource("JobTable"))["Items"]
    assert key not in str(table)


def test_a_key_that_is_taken_away_stops_at_once(world: World) -> None:
    """The table is asked each time."""
    key = world.mint("ada")
    stored = {"pk": {"S": f"KEY#{keys.hash_of(key)}"}, "sk": {"S": "KEY"}}
    aws("dynamodb").delete_item(TableName=world.stack.resource("JobTable"), Key=stored)
    assert {"problem": WRONG_KEY} == ask(world, authorization=f"Bearer {key}")


def test_a_request_without_headers_is_answered(world: World) -> None:
    """API Gateway leaves out what is empty."""
    assert NO_KEY == world.invoke("AuthorizeFunction", {"version": "2.0"})["context"]["problem"]
