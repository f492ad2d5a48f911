"""A fault has the names, places and defaults of the protocol that the client speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.doors.https.test_https import PICTURE, new_job
from tests.functional.fake_dashscope.sandbox import order
from tests.support.dashscope import Vendor
from tests.support.http import Client

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

PROMPT = "The woman of [Image 1] smiles."


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def vendor_message(sandbox: Sandbox, body: dict[str, Any]) -> str:
    """Return the message of a refused submit."""
    answer = Vendor(sandbox).submit(body)
    assert 400 == answer.status
    return str(answer.json["message"])


def openai_error(ada: Client, body: dict[str, Any]) -> dict[str, Any]:
    """Return the error of a create that OpenAI's package sent."""
    answer = ada.post(body, x_stainless_lang="python")
    assert 400 == answer.status
    error: dict[str, Any] = answer.json["error"]
    return error


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"resolution": "8K"},
            '/parameters/resolution: unknown value "8K". Use one of 720P, 1080P. The default is 1080P.',
        ),
        ({"ratio": "2:1"}, "/parameters/ratio: unknown value"),
        ({"watermark": "no"}, "/parameters/watermark: must be true or false"),
        ({"duration": "5"}, "/parameters/duration: must be a whole number from 3 to 15 seconds"),
    ],
)
def test_dashscopes_clients_read_dashscopes_places_and_defaults(
    sandbox: Sandbox, parameters: dict[str, Any], words: str
) -> None:
    """Omitted, the resolution is 1080P there, and not Gallop's own default."""
    assert words in vendor_message(sandbox, order(**parameters))


@pytest.mark.parametrize("media", [None, [], [{"type": "reference_image", "url": "ftp://x"}], ["x"], "x"])
def test_dashscopes_clients_read_about_media(sandbox: Sandbox, media: object) -> None:
    """No word is about fields that only other protocols have."""
    message = vendor_message(sandbox, {**order(), "input": {"prompt": "A cat.", "media": media}})
    assert "/input/media" in message
    assert [] == [word for word in ("input_reference", "images or", "s3://", "upload_") if word in message]


def test_openais_clients_read_openais_names(ada: Client) -> None:
    """They read about input_reference, seconds and size; what they sent under another name keeps that name."""
    without = {"model": "happyhorse-1.0-r2v", "prompt": "A cat."}
    assert "input_reference" == openai_error(ada, without)["param"]
    assert "in input_reference." in openai_error(ada, without)["message"]
    many = openai_error(ada, {"prompt": PROMPT, "input_reference": [PICTURE] * 10})
    assert ("input_reference", True) == (many["param"], "10 images" in many["message"])
    assert "seconds" == openai_error(ada, {"prompt": PROMPT, "input_reference": PICTURE, "seconds": "60"})["param"]
    assert "size" == openai_error(ada, {"prompt": PROMPT, "input_reference": PICTURE, "size": "1x1"})["param"]
    assert "media" == openai_error(ada, {"prompt": PROMPT, "media": [{"url": PICTURE}] * 10})["param"]


@pytest.mark.parametrize("duration", [{}, {"duration": 4}, {"duration": None}])
@pytest.mark.parametrize("seconds", ["4", 4, 4.0])
def test_seconds_are_read_the_same_beside_any_duration(ada: Client, duration: dict[str, Any], seconds: object) -> None:
    """How a field is read does not depend on another."""
    answer = ada.post(new_job(seconds=seconds, dry_run=True, **duration))
    assert (200, 0.56) == (answer.status, answer.json["estimated_cost"])
    form = {"prompt": PROMPT, "images": PICTURE, "seconds": "4", "duration": "4", "dry_run": "true"}
    assert 200 == ada.post_form(form).status


def test_a_size_that_contradicts_the_resolution_is_reported(ada: Client) -> None:
    """The price depends on it, so neither is chosen silently; equal values are accepted."""
    assert {"/size": "is 1280x720, but resolution is 1080P"} == ada.post(
        new_job(size="1280x720", resolution="1080P")
    ).faults
    assert {"/size": "is 1280x720, but ratio is 9:16"} == ada.post(new_job(size="1280x720", ratio="9:16")).faults
    assert 202 == ada.post(new_job(size="1280x720", resolution="720P", ratio="16:9")).status


@pytest.mark.parametrize("letter", ["a", "\u4e2d", "\U0001f600", '"'])
def test_metadata_is_counted_as_it_is_sent(ada: Client, letter: str) -> None:
    """4,096 bytes of JSON in UTF-8 are accepted in any script, and one more is refused with the number."""
    size = 2 if letter == '"' else len(letter.encode())
    room = 4096 - len('{"a":""}')
    fits = letter * (room // size) + "a" * (room % size)
    assert 202 == ada.post(new_job(metadata={"a": fits})).status
    assert "4,097 bytes" in ada.post(new_job(metadata={"a": fits + "a"})).faults["/metadata"]
