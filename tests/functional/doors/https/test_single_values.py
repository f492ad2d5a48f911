"""Headers and query parameters that were sent twice: API Gateway joins a header's values with commas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.fake_dashscope.sandbox import order
from tests.support.dashscope import Vendor
from tests.support.http import Client

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

KEY = "0f3c1c5e"
FORM = 'multipart/form-data; boundary="a,b"'


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def new_job() -> dict[str, Any]:
    """Return a valid body."""
    return {"prompt": "The woman of [Image 1] smiles.", "images": ["https://example.com/girl.jpg"]}


@pytest.mark.parametrize("sent", [f"{KEY},{KEY}", f"{KEY}, {KEY}", f"{KEY},{KEY},{KEY}"])
def test_a_key_sent_twice_is_one_key(sandbox: Sandbox, ada: Client, sent: str) -> None:
    """A client and its HTTP library may both add the header; the retry that carries it once is the same job."""
    first = ada.post(new_job(), idempotency_key=sent)
    assert 202 == first.status
    again = ada.post(new_job(), idempotency_key=KEY)
    assert "true" == again.headers["Idempotent-Replay"]
    assert first.json["id"] == again.json["id"]
    assert 1 == len(sandbox.jobs())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Idempotency-Key", "one,two"),
        ("Idempotency-Key", f"{KEY},"),
        ("X-Stainless-Retry-Count", "0,1"),
        ("Authorization", "Bearer one,Bearer two"),
        ("Authorization", "Basic b25lOnR3bw==,Bearer two"),
        ("Content-Type", "application/json,text/plain"),
        ("Content-Type", f"{FORM}, multipart/form-data; boundary=c"),
    ],
)
def test_a_header_with_two_values_is_refused(sandbox: Sandbox, ada: Client, name: str, value: str) -> None:
    """Nobody knows which of the two is meant: nothing is created, and the answer names the header."""
    answer = ada.post(new_job(), **{name.lower().replace("-", "_"): value})
    assert 400 == answer.status
    text = answer.text
    assert name in text
    assert value not in text
    assert [] == sandbox.jobs()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x_stainless_retry_count", "1,1"),
        ("authorization", "Bearer one,Bearer one"),
        ("content_type", "application/json,application/json"),
        ("content_type", "application/json; charset=utf-8, application/json; charset=utf-8"),
    ],
)
def test_a_header_sent_twice_with_one_value_is_that_value(sandbox: Sandbox, ada: Client, name: str, value: str) -> None:
    """It is as if it had been sent once."""
    assert 202 == ada.post(new_job(), **{name: value}).status
    assert 1 == len(sandbox.jobs())


def test_a_boundary_may_contain_a_comma(ada: Client) -> None:
    """A comma inside of quotes separates nothing."""
    parts = ("prompt", "The woman of [Image 1] smiles."), ("input_reference", "https://example.com/girl.jpg")
    fields = [f'--a,b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts]
    assert 202 == ada.post(("".join(fields) + "--a,b--\r\n").encode(), content_type=FORM).status


def test_headers_of_dashscopes_clients_are_single_values(sandbox: Sandbox) -> None:
    """``X-DashScope-Async`` twice is one; two different values are refused in DashScope's format."""
    vendor = Vendor(sandbox)
    assert 200 == vendor.submit(order(), x_dashscope_async="enable,enable").status
    refused = vendor.submit(order(), x_dashscope_async="enable,disable")
    assert 400 == refused.status
    assert "InvalidParameter" == refused.json["code"]
    assert 400 == vendor.submit(order(), idempotency_key="one,two").status
    assert 1 == len(sandbox.jobs())


def test_two_api_keys_are_none(sandbox: Sandbox) -> None:
    """The authorizer takes a key that was sent twice, and no one of two keys."""
    one, two = sandbox.mint("ada"), sandbox.mint("bob")
    taken = [
        sandbox.invoke("AuthorizeFunction", {"headers": {"authorization": f"Bearer {one},Bearer {other}"}})
        for other in (one, two)
    ]
    assert "ada" == taken[0]["context"]["client"]
    assert "client" not in taken[1]["context"]


@pytest.mark.parametrize(
    "sent", ["AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c", 'Digest username="a", realm="b"']
)
def test_another_scheme_is_not_two_values(sandbox: Sandbox, sent: str) -> None:
    """Its parameters are separated by commas: the answer is that there is no API key."""
    answer = Client(sandbox, "").get("/v1/videos", authorization=sent)
    assert 401 == answer.status
    refused = sandbox.invoke("AuthorizeFunction", {"headers": {"authorization": sent}})
    assert "The request has no API key." == refused["context"]["problem"]


def test_lists_stay_lists(sandbox: Sandbox, ada: Client) -> None:
    """``If-None-Match`` and ``Prefer`` may have several values by their own rules."""
    job = sandbox.put()
    tag = ada.get(f"/v1/videos/{job.id}").headers["ETag"]
    assert 304 == ada.get(f"/v1/videos/{job.id}", if_none_match=f'"other",{tag}').status
    waited = ada.get(f"/v1/videos/{job.id}", prefer="respond-async,wait=1,wait=9")
    assert "wait=1" == waited.headers["Preference-Applied"]


@pytest.mark.parametrize("query", ["limit=1&limit=1", "order=asc&order=asc", "status=queued&limit=5&status=queued"])
def test_a_parameter_sent_twice_with_one_value_is_that_value(ada: Client, query: str) -> None:
    """It is as if it had been sent once."""
    assert 200 == ada.get(f"/v1/videos?{query}").status


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/videos?limit=1&limit=2", "/limit"),
        ("/v1/videos?status=&status=queued", "/status"),
        ("/v1/videos/{id}/content?variant=video&variant=thumbnail", "/variant"),
    ],
)
def test_a_parameter_with_two_values_is_refused(sandbox: Sandbox, ada: Client, path: str, pointer: str) -> None:
    """The answer names the parameter."""
    assert {pointer: "has more than one value"} == ada.get(path.format(id=sandbox.put().id)).faults


def test_a_parameter_with_two_values_is_refused_in_dashscopes_format(sandbox: Sandbox) -> None:
    """A client of DashScope gets DashScope's code."""
    answer = Vendor(sandbox).call("VideosFunction", "GET", "/api/v1/tasks?page_no=1&page_no=2")
    assert 400 == answer.status
    assert "InvalidParameter" == answer.json["code"]
