"""JSON that is made to break its reader, types that are not read here, and bodies that are too large."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from gallop.doors.https.bodies import MAX_BODY_BYTES

from tests.functional.doors.https.test_https import assert_nothing_started, new_job
from tests.support.http import Client
from tests.support.pictures import data_uri

if TYPE_CHECKING:
    from tests.support.http import Body
    from tests.support.sandbox import Sandbox


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Give a client."""
    return Client(sandbox)


def of(text: str) -> str:
    """Give a whole request with one more field, as text."""
    return f"{json.dumps(new_job())[:-1]}, {text}}}"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (of('"prompt": "another"'), 'the body contains "prompt" twice'),
        (of('"metadata": {"a": 1, "b": 2, "a": 1}'), 'the body contains "a" twice'),
        (of('"\\u0070rompt": "another"'), 'the body contains "prompt" twice'),
        (of('"\\ud800": 1, "\\ud800": 2'), 'the body contains "\\ud800" twice'),
        (of(f'"{"k" * 9999}": 1, "{"k" * 9999}": 2'), 'the body contains "kkk'),
        (of('"seed": NaN'), "the body is not valid JSON: NaN is not a number"),
        (of('"seed": -Infinity'), "the body is not valid JSON: -Infinity is not a number"),
        (of('"seed": 1e999'), "the body contains a number that is out of range: 1e999"),
        (of('"metadata": {"a": -1e999}'), "the body contains a number that is out of range: -1e999"),
        (of('"seed": ' + "9" * 41), "the body contains a number of 41 digits"),
        (of('"seed": 1' + "0" * 1_000_000), "the body contains a number of 1,000,001 digits"),
        ("[" * 1_000_000, "the body is nested too deeply"),
        ('{"a":' * 200_000, "the body is nested too deeply"),
        (of('"metadata": ' + '{"a":' * 33 + "1" + "}" * 33), "the body is nested too deeply"),
        (of('"metadata": {"a": ' + "[" * 33 + "]" * 33 + "}"), "the body is nested too deeply"),
        ("\ufeff" + json.dumps(new_job()), "the body is not valid JSON"),
        (json.dumps(new_job()).encode("utf-16"), "the body is not text in UTF-8"),
        (b'{"prompt": "\xff"}', "the body is not text in UTF-8"),
        (b'{"prompt": "\xed\xa0\x80"}', "the body is not text in UTF-8"),
        ('{"prompt": "\ud800"}', "the body is not text in UTF-8"),
        ('{"prompt": "caf\ufffd"}', "the body is not text in UTF-8"),
        (json.dumps(new_job()) + "x", "the body is not valid JSON: line 1"),
        (json.dumps(new_job()) * 2, "the body is not valid JSON: line 1"),
        ("null", "the body is not a JSON object"),
        ("1e999", "the body contains a number that is out of range"),
    ],
)
def test_json_that_means_no_good_is_told_so(sandbox: Sandbox, ada: Client, body: Body, problem: str) -> None:
    """Read in two ways, beyond all bounds, or no text: 400 in few words, and nothing of it is kept."""
    answer = ada.post(body)
    assert [""] == list(answer.faults)
    assert answer.faults[""].startswith(problem)
    assert len(answer.text) < 1000
    assert_nothing_started(sandbox)


def test_many_fields_are_one_answer(sandbox: Sandbox, ada: Client) -> None:
    """Of names without end, as far as a body holds them."""
    answer = ada.post({**new_job(), **{f"{'x' * 300}{number}": number for number in range(50)}})
    assert 50 == len(answer.json["errors"])
    assert all(len(error["pointer"]) <= 81 for error in answer.json["errors"])
    assert_nothing_started(sandbox)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON", "application/vnd.api+json", ""],
)
def test_json_has_several_names(ada: Client, content_type: str) -> None:
    """And no name, which is what a hurried caller sends."""
    assert 202 == ada.post(new_job(), content_type=content_type).status


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "image/png",
        "application/json; charset=utf-16",
        "application/json;charset=latin1",
        "multipart/mixed; boundary=B",
        "nonsense",
        "a" * 5000,
        'application/json; charset="\r\nX: y"',
        "é/é",
    ],
)
def test_other_types_are_not_read(sandbox: Sandbox, ada: Client, content_type: str) -> None:
    """415, with what is read instead: curl's own type for ``-d`` is none of them."""
    answer = ada.post(json.dumps(new_job()), content_type=content_type)
    assert (415, "unsupported_media_type", True) == (answer.status, answer.json["code"], len(answer.text) < 600)
    assert "Content-Type: application/json" in answer.json["remedy"]
    assert_nothing_started(sandbox)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_body_over_the_limit_is_sent_to_the_uploads(sandbox: Sandbox, ada: Client, *, as_bytes: bool) -> None:
    """413 in our own words, below the size at which AWS refuses without any."""
    padding = "x" * (MAX_BODY_BYTES - len(json.dumps(new_job(metadata={"a": ""}))))
    body = json.dumps(new_job(metadata={"a": padding}))
    fits = ada.post(body.encode() if as_bytes else body)
    assert (400, MAX_BODY_BYTES) == (fits.status, len(body))
    over = ada.post(body.encode() + b" " if as_bytes else body + " ")
    assert (413, "body_too_large", "The body has 4.5 MB; 4.5 MB are the most.") == (
        over.status,
        over.json["code"],
        over.json["detail"],
    )
    assert "/v1/uploads" in over.json["remedy"]
    assert "/v1/uploads" in ada.post(body + " ", x_stainless_lang="python").json["error"]["message"]
    assert_nothing_started(sandbox)


def test_an_image_may_fill_a_body(ada: Client) -> None:
    """3 MB of image are 4 MB of data URI; that it is none is found, and told."""
    assert "/images/0" in ada.post(new_job(images=[data_uri(bytes(3_000_000))])).faults


@pytest.mark.parametrize("key", ["", " ", "a b", "a\r\nX: y", "a\nb", "\x00", "é", "a" * 256, "\ud800"])
def test_a_key_that_could_smuggle_something_is_refused(sandbox: Sandbox, ada: Client, key: str) -> None:
    """Lines, controls and blanks: none gets into a name of the table, or back into a header."""
    answer = ada.post(new_job(), idempotency_key=key)
    assert ["Idempotency-Key"] == list(answer.faults)
    assert not [value for value in answer.headers.values() if "\n" in value or "\r" in value]
    assert_nothing_started(sandbox)


def test_what_a_caller_sends_comes_back_in_no_header(ada: Client) -> None:
    """Metadata is data: it is in the body, as JSON writes it."""
    nasty = {"a\r\nX: y": "</script>\r\nSet-Cookie: a=b"}
    answer = ada.post(new_job(metadata=nasty))
    assert (202, nasty) == (answer.status, answer.json["metadata"])
    assert not [value for value in answer.headers.values() if "\n" in value or "\r" in value]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "169.254.169.254",
        "169.254.169.254.",
        "10.0.0.1.",
        "1.2.3.4.5",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "[fe80::1%25eth0]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "metadata",
        "metadata.google.internal",
        "metadata.google.internal.",
        "printer.local",
        "router.lan",
        "a.localhost",
        "a.localdomain",
        "1.0.0.127.in-addr.arpa",
        "\uff11\uff12\uff17.0.0.1",
        "\u24db\u24de\u24d2al.example.com",
        "127\u30020\u30020\u30021",
        "example\u3002com",
        "b\u00fccher.example.com",
        "user@example.com",
        "user:pass@example.com",
        "example.com@127.0.0.1",
        "example.com:80",
        "example.com:8443",
        "example.com:0",
        "example.com:65536",
        "example.com:x",
        "example.com\\@127.0.0.1",
        "exa mple.com",
        "example.com\t",
        "example.com\r\nX: y",
        "exa\x00mple.com",
        "%31%32%37.0.0.1",
        "-a.example.com",
        "a..example.com",
        ".example.com",
        "",
        "a" * 64 + ".example.com",
        "a." * 130 + "com",
    ],
)
def test_an_address_that_is_not_surely_public_is_refused(sandbox: Sandbox, ada: Client, host: str) -> None:
    """However it is written. Gallop passes such an address on, and calls none itself."""
    faults = ada.post(new_job(images=[f"https://{host}/a.jpg"])).faults
    assert ["/images/0"] == list(faults)
    assert_nothing_started(sandbox)


@pytest.mark.parametrize(
    "url", ["http://example.com/a", "ftp://example.com/a", "file:///etc/passwd", "//example.com/a"]
)
def test_images_come_by_https_only(ada: Client, url: str) -> None:
    """And by what Gallop holds itself."""
    assert ada.post(new_job(images=[url])).faults["/images/0"].startswith("is not a supported image reference")


def test_a_public_address_of_any_length_that_is_allowed_is_taken(sandbox: Sandbox, ada: Client) -> None:
    """2,048 characters, and one more is one too many; a port that is said, and a name in Punycode, are fine."""
    start = "https://xn--bcher-kva.example.com:443/a?"
    fits = start + "x" * (2048 - len(start))
    assert 202 == ada.post(new_job(images=[fits])).status
    assert "is longer than 2,048 characters" in ada.post(new_job(images=[fits + "x"])).faults["/images/0"]
    assert [] == list(sandbox.router.calls)
