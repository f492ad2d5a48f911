"""JSON that is made to break its reader, content types that are not supported, and bodies that are too large."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from gallop.domain.request.images import LinkedImage
from gallop.doors.https.bodies import MAX_BODY_BYTES

from tests.functional.doors.https.test_https import PICTURE, assert_nothing_started, new_job
from tests.support.http import Client, form
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from tests.support.http import Body
    from tests.support.sandbox import Sandbox


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def of(text: str) -> str:
    """Return a complete request as text, with one more field."""
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
        (json.dumps(new_job()).encode("utf-16"), "the body is not valid UTF-8"),
        (b'{"prompt": "\xff"}', "the body is not valid UTF-8"),
        (b'{"prompt": "\xed\xa0\x80"}', "the body is not valid UTF-8"),
        ('{"prompt": "\ud800"}', "the body is not valid UTF-8"),
        ('{"prompt": "caf\ufffd"}', "the body is not valid UTF-8"),
        (json.dumps(new_job()) + "x", "the body is not valid JSON: Extra data"),
        (json.dumps(new_job()) * 2, "the body is not valid JSON: Extra data"),
        ("null", "the body is not a JSON object"),
        ("1e999", "the body contains a number that is out of range"),
    ],
)
def test_malicious_json_is_refused(sandbox: Sandbox, ada: Client, body: Body, problem: str) -> None:
    """Ambiguous, out-of-range or undecodable JSON gets a short 400, and none of it is stored."""
    answer = ada.post(body)
    assert [""] == list(answer.faults)
    assert answer.faults[""].startswith(problem)
    assert len(answer.text) < 1000
    assert_nothing_started(sandbox)


def test_many_unknown_fields_are_one_answer(sandbox: Sandbox, ada: Client) -> None:
    """A body full of unknown names gets one bounded answer."""
    answer = ada.post({**new_job(), **{f"{'x' * 300}{number}": number for number in range(50)}})
    assert 50 == len(answer.json["errors"])
    assert all(len(error["pointer"]) <= 81 for error in answer.json["errors"])
    assert_nothing_started(sandbox)


def test_a_byte_order_mark_is_ignored(ada: Client) -> None:
    """Editors of Windows write one."""
    assert 202 == ada.post("\ufeff" + json.dumps(new_job())).status
    assert 202 == ada.post(b"\xef\xbb\xbf" + json.dumps(new_job()).encode()).status


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", " identity ", ""])
def test_a_body_may_be_compressed(ada: Client, coding: str) -> None:
    """Gzip is read, for JSON and for forms."""
    body = json.dumps(new_job()).encode()
    sent = gzip.compress(body) if "gzip" in coding.lower() else body
    assert 202 == ada.post(sent, content_encoding=coding).status
    content_type, form_body = form({"prompt": "A cat.", "images": PICTURE})
    sent = gzip.compress(form_body) if "gzip" in coding.lower() else form_body
    assert 202 == ada.post(sent, content_type=content_type, content_encoding=coding).status


@pytest.mark.parametrize(
    ("sent", "coding", "status"),
    [
        (gzip.compress(b"{}") + b"x", "gzip", 400),
        (gzip.compress(b"{}") * 2, "gzip", 400),
        (gzip.compress(b"{}")[:-9], "gzip", 400),
        (b"{}", "gzip", 400),
        (b"", "gzip", 400),
        (zlib.compress(b"{}"), "gzip", 400),
        (b"{}", "br", 415),
        (b"{}", "gzip, gzip", 415),
        (b"{}", "\udfaa", 415),
        (gzip.compress(bytes(MAX_BODY_BYTES + 1)), "gzip", 413),
        (gzip.compress(bytes(200_000_000), 1), "gzip", 413),
    ],
    ids=["rest", "two", "cut", "plain", "empty", "zlib", "br", "twice", "surrogate", "large", "bomb"],
)
def test_a_body_in_another_coding_is_refused(
    sandbox: Sandbox, ada: Client, sent: bytes, coding: str, status: int
) -> None:
    """The answer names the header or the coding, and no more is decompressed than fits."""
    answer = ada.post(sent, content_encoding=coding)
    assert status == answer.status
    if status == 400:
        assert ["Content-Encoding"] == list(answer.faults)
    assert_nothing_started(sandbox)


def _wrapped(data: bytes) -> str:
    return base64.encodebytes(data).decode()


@pytest.mark.parametrize(
    "encoded",
    [
        base64.b64encode(picture()).decode().rstrip("="),
        base64.urlsafe_b64encode(picture()).decode(),
        base64.urlsafe_b64encode(picture()).decode().rstrip("="),
        _wrapped(picture()),
        _wrapped(picture()).replace("\n", "\r\n "),
        quote(base64.b64encode(picture()).decode()),
    ],
    ids=["unpadded", "URL-safe", "both", "wrapped", "folded", "percent-encoded"],
)
def test_base64_is_read_in_every_form(sandbox: Sandbox, ada: Client, encoded: str) -> None:
    """What the libraries of languages write is one and the same image."""
    assert 202 == ada.post(new_job(images=[f"data:image/jpeg;base64,{encoded}"])).status
    (image,) = sandbox.jobs()[0].request.images
    assert hashlib.sha256(picture()).hexdigest() == getattr(image, "sha256", "")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("https://b\u00fccher.example.com/a.jpg", "https://xn--bcher-kva.example.com/a.jpg"),
        ("https://bu\u0308cher.example.com/a.jpg", "https://xn--bcher-kva.example.com/a.jpg"),
        ("https://\u4f8b\u3048.\u30c6\u30b9\u30c8/a", "https://xn--r8jz45g.xn--zckzah/a"),
        (
            "https://www.\u4f8b\u5b50.com:443/\u4e2d?a=\u00e9&b=%20",
            "https://www.xn--fsqu00a.com:443/%E4%B8%AD?a=%C3%A9&b=%20",
        ),
        ("https://example.com/\u56fe\u7247.jpg", "https://example.com/%E5%9B%BE%E7%89%87.jpg"),
    ],
)
def test_an_address_in_any_script_is_accepted(sandbox: Sandbox, ada: Client, sent: str, expected: str) -> None:
    """DashScope gets it in ASCII: the host in Punycode, the rest percent-encoded."""
    assert 202 == ada.post(new_job(images=[sent])).status
    assert (LinkedImage(expected),) == sandbox.jobs()[0].request.images


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON", "application/vnd.api+json", ""],
)
def test_json_has_several_content_types(ada: Client, content_type: str) -> None:
    """A missing content type counts as JSON, because simple clients send none."""
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
        "\u4e2d/\u6587",
        "\udfaa",
        "application/json; charset=\u4e2d",
    ],
)
def test_other_content_types_are_refused(sandbox: Sandbox, ada: Client, content_type: str) -> None:
    """The 415 names the supported types; curl's default for ``-d`` is not one of them."""
    answer = ada.post(json.dumps(new_job()), content_type=content_type)
    assert 415 == answer.status
    assert "unsupported_media_type" == answer.json["code"]
    assert len(answer.text) < 600
    assert "Content-Type: application/json" in answer.json["remedy"]
    assert_nothing_started(sandbox)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_body_over_the_limit_is_directed_to_uploads(sandbox: Sandbox, ada: Client, *, as_bytes: bool) -> None:
    """Gallop answers 413 with a readable message, below the size at which AWS refuses without one."""
    padding = "x" * (MAX_BODY_BYTES - len(json.dumps(new_job(metadata={"a": ""}))))
    body = json.dumps(new_job(metadata={"a": padding}))
    fits = ada.post(body.encode() if as_bytes else body)
    assert (400, MAX_BODY_BYTES) == (fits.status, len(body))
    over = ada.post(body.encode() + b" " if as_bytes else body + " ")
    assert 413 == over.status
    assert "body_too_large" == over.json["code"]
    assert "The body is too large: 4,500,001 bytes; the maximum is 4,500,000 bytes." == over.json["detail"]
    assert "/v1/uploads" in over.json["remedy"]
    assert "/v1/uploads" in ada.post(body + " ", x_stainless_lang="python").json["error"]["message"]
    assert_nothing_started(sandbox)


def test_an_image_may_fill_a_body(ada: Client) -> None:
    """A 3 MB image is a 4 MB data URI; it is decoded, and the answer reports that it is not an image."""
    assert "/images/0" in ada.post(new_job(images=[data_uri(bytes(3_000_000))])).faults


@pytest.mark.parametrize("key", ["", " ", "a b", "a\r\nX: y", "a\nb", "\x00", "é", "a" * 256, "\ud800"])
def test_a_key_with_control_characters_is_refused(sandbox: Sandbox, ada: Client, key: str) -> None:
    """Line breaks, control characters and spaces reach neither a key of the table nor a header."""
    answer = ada.post(new_job(), idempotency_key=key)
    assert ["Idempotency-Key"] == list(answer.faults)
    assert not [value for value in answer.headers.values() if "\n" in value or "\r" in value]
    assert_nothing_started(sandbox)


def test_a_callers_values_are_returned_in_no_header(ada: Client) -> None:
    """Metadata is returned in the body only, encoded as JSON."""
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
        "stra\u00dfe.example.com",
        "user@b\u00fccher.example.com",
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
def test_an_address_that_may_not_be_public_is_refused(sandbox: Sandbox, ada: Client, host: str) -> None:
    """Every notation of an address is refused. Gallop passes addresses on and does not call them itself."""
    faults = ada.post(new_job(images=[f"https://{host}/a.jpg"])).faults
    assert ["/images/0"] == list(faults)
    assert_nothing_started(sandbox)


@pytest.mark.parametrize(
    "url", ["http://example.com/a", "ftp://example.com/a", "file:///etc/passwd", "//example.com/a"]
)
def test_images_come_by_https_only(ada: Client, url: str) -> None:
    """And by what Gallop holds itself."""
    assert ada.post(new_job(images=[url])).faults["/images/0"].startswith("is not a supported image reference")


def test_public_addresses_up_to_the_maximum_length_are_accepted(sandbox: Sandbox, ada: Client) -> None:
    """The maximum is 8,192 characters; an explicit port and a name in Punycode are accepted."""
    start = "https://xn--bcher-kva.example.com:443/a?"
    fits = start + "x" * (8192 - len(start))
    assert 202 == ada.post(new_job(images=[fits])).status
    assert "is longer than 8,192 characters" in ada.post(new_job(images=[fits + "x"])).faults["/images/0"]
    assert [] == list(sandbox.router.calls)
