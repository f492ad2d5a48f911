"""The HTTP API makes the events that API Gateway makes, and answers in its words."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import httpx
import pytest

from fake_dashscope.clock import ScaledClock
from tests.functional.testbed.conftest import PATIENCE_S
from tests.testbed.aws.functions import Result
from tests.testbed.aws.gateway import api
from tests.testbed.aws.gateway.messages import Api, HttpRequest
from tests.testbed.aws.gateway.routes import Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.testbed.conftest import SmallStack


@pytest.fixture(scope="module")
def http(stack: SmallStack) -> Iterator[httpx.Client]:
    """Keep connections to the API."""
    with httpx.Client(base_url=stack.outputs["ApiUrl"], timeout=40) as client:
        yield client


def test_an_event_has_payload_format_2(http: httpx.Client, stack: SmallStack) -> None:
    """Header names in lower case, repetitions joined by commas, cookies apart, path and query in every form."""
    headers = [("X-Twice", "1"), ("x-twice", "2"), ("Cookie", "a=1; b=2"), ("Content-Type", "application/json")]
    event = http.post("/open?x=1&x=2&y=%C3%A4", headers=headers, content='{"ä": 1}').json()
    assert ("2.0", "ANY /open", "/open") == (event["version"], event["routeKey"], event["rawPath"])
    assert ("x=1&x=2&y=%C3%A4", {"x": "1,2", "y": "ä"}) == (event["rawQueryString"], event["queryStringParameters"])
    assert ("1,2", ["a=1", "b=2"]) == (event["headers"]["x-twice"], event["cookies"])
    assert "cookie" not in event["headers"]
    assert ('{"ä": 1}', False) == (event["body"], event["isBase64Encoded"])
    context = event["requestContext"]
    assert ("POST", "/open", "HTTP/1.1") == tuple(context["http"][name] for name in ("method", "path", "protocol"))
    assert ("$default", "ANY /open") == (context["stage"], context["routeKey"])
    assert next(stack.aws.deployment.of_type("AWS::ApiGatewayV2::Api")).physical_id == context["apiId"]


def test_a_request_without_body_query_or_cookies_has_no_fields_for_them(http: httpx.Client) -> None:
    """API Gateway leaves such fields out."""
    event = http.get("/open").json()
    assert not {"body", "cookies", "queryStringParameters", "pathParameters"} & set(event)
    assert "" == event["rawQueryString"]


@pytest.mark.parametrize(
    ("content_type", "encoded"),
    [
        ("text/csv", False),
        ("application/json; charset=utf-8", False),
        ("application/x-www-form-urlencoded", True),
        ("multipart/form-data; boundary=x", True),
        ("image/png", True),
    ],
)
def test_bodies_are_base64_unless_their_type_is_text(http: httpx.Client, content_type: str, encoded: bool) -> None:
    """HTTP APIs decide by content type; even forms come as base64."""
    event = http.post("/open", content=b"hi", headers={"content-type": content_type}).json()
    assert (encoded, "aGk=" if encoded else "hi") == (event["isBase64Encoded"], event["body"])


def test_the_most_specific_route_is_taken(http: httpx.Client) -> None:
    """A fixed path before a variable, a variable before the rest of the path; paths arrive decoded."""
    assert "GET /items/special" == http.get("/items/special").json()["routeKey"]
    item = http.get("/items/a%20b").json()
    assert ("GET /items/{id}", {"id": "a b"}, "/items/a b") == tuple(
        item[name] for name in ("routeKey", "pathParameters", "rawPath")
    )
    assert {"path": "x/y/z"} == http.get("/files/x/y/z").json()["pathParameters"]


def test_what_no_route_matches_is_not_found(http: httpx.Client) -> None:
    """By path, by method, and by a slash at the end; in the gateway's words, not in the product's."""
    paths = ("/nowhere", "/items/1/2", "/open/", "/items/1/", "/items/", "//open")
    for answer in (http.post("/items/1"), http.head("/items/1"), *map(http.get, paths)):
        body = b"" if answer.request.method == "HEAD" else b'{"message": "Not Found"}'
        assert (404, "application/json", body) == (
            answer.status_code,
            answer.headers["content-type"],
            answer.content,
        )


def test_answers_are_read_as_format_2(http: httpx.Client) -> None:
    """Status, headers, cookies, base64; and without a status code all of it is the body of a success."""
    full = http.get("/open?answer=full")
    assert (201, "yes", b"hi") == (full.status_code, full.headers["x-made"], full.content)
    assert ["a=1", "b=2"] == full.headers.get_list("set-cookie")
    text = http.get("/open?answer=text")
    assert (200, "application/json", "just text") == (text.status_code, text.headers["content-type"], text.text)


@pytest.mark.parametrize("answer", ["fail", "nonsense"])
def test_a_broken_function_is_an_internal_error(http: httpx.Client, answer: str) -> None:
    """Whether it raised, or answered what cannot be understood; nothing of it is shown."""
    response = http.get(f"/open?answer={answer}")
    assert (500, {"message": "Internal Server Error"}) == (response.status_code, response.json())


def test_the_authorizer_is_asked_and_its_context_handed_on(http: httpx.Client) -> None:
    """Without identity sources it is always asked, even when there is no header at all."""
    authorized = http.get("/items/7", headers={"Authorization": "me"}).json()["requestContext"]["authorizer"]
    assert ("me", "REQUEST") == (authorized["lambda"]["client"], authorized["lambda"]["type"])
    assert authorized["lambda"]["arn"].endswith("/$default/GET/items/{id}")
    assert "" == http.get("/items/7").json()["requestContext"]["authorizer"]["lambda"]["client"]


def test_a_denied_request_is_forbidden(http: httpx.Client) -> None:
    """In the gateway's own words."""
    denied = http.get("/items/7", headers={"Authorization": "no"})
    assert (403, {"message": "Forbidden"}) == (denied.status_code, denied.json())


def test_a_broken_authorizer_is_an_internal_error(http: httpx.Client) -> None:
    """Nobody is let in by an accident."""
    assert 500 == http.get("/items/7", headers={"Authorization": "break"}).status_code


def test_a_missing_identity_source_is_unauthorized_and_the_authorizer_is_not_asked(
    http: httpx.Client, stack: SmallStack
) -> None:
    """The gateway answers by itself."""
    before = len(stack.aws.runtime.invocations("Gate"))
    refused = http.get("/token")
    assert (401, {"message": "Unauthorized"}) == (refused.status_code, refused.json())
    assert before == len(stack.aws.runtime.invocations("Gate"))


def test_a_verdict_is_remembered_for_its_identity(http: httpx.Client, stack: SmallStack) -> None:
    """Within its time to live, the authorizer is asked once for each identity."""
    before = len(stack.aws.runtime.invocations("Gate"))
    for who in ("ann", "ann", "bob"):
        assert (
            who
            == http.get("/token", headers={"Authorization": who}).json()["requestContext"]["authorizer"]["lambda"][
                "client"
            ]
        )
    assert before + 2 == len(stack.aws.runtime.invocations("Gate"))


def test_a_body_beyond_the_limit_is_refused(http: httpx.Client) -> None:
    """Ten megabytes are the gateway's most, and six those of the function behind it, once they are in base64."""
    for size in (10 * 1024 * 1024 + 1, 5 * 1024 * 1024):
        answer = http.post("/open", content=bytes(size), headers={"content-type": "image/png"})
        assert (413, {"message": "Request Entity Too Large"}) == (answer.status_code, answer.json())


def test_a_function_has_thirty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the gateway answers by itself, without ``Retry-After``; the function runs on."""
    assert 30.0 == api.INTEGRATION_TIMEOUT_S
    monkeypatch.setattr(api, "INTEGRATION_TIMEOUT_S", 0.01)
    running, ended = Event(), Event()

    class Runner:
        def invoke(self, function: str, payload: bytes) -> Result:
            running.wait(PATIENCE_S)
            ended.set()
            return Result(json.dumps(f"{function} {payload!r}"))

    route = Route("GET", "/slow", "arn:aws:lambda:eu-central-1:123456789012:function:slow", None)
    gateway = api.HttpApi(
        Api("a", "123456789012", "eu-central-1", lambda: 0.0), [route], Runner(), ScaledClock(), lambda *_: True
    )
    answer = gateway.handle(HttpRequest("GET", "/slow", "", [], b"", "127.0.0.1"))
    assert (503, {"message": "Service Unavailable"}) == (answer.status, json.loads(answer.body))
    assert "retry-after" not in dict(answer.headers)
    running.set()
    assert ended.wait(PATIENCE_S)
    gateway.close()


def test_the_access_log_is_written_in_its_format(http: httpx.Client, stack: SmallStack) -> None:
    """With what the authorizer said of the client."""
    http.get("/items/7", headers={"Authorization": "logged"})
    group = next(group for group in stack.aws.deployment.of_type("AWS::Logs::LogGroup")).physical_id
    lines = [event["message"] for event in stack.aws.client("logs").filter_log_events(logGroupName=group)["events"]]
    assert "GET /items/{id} 200 logged" in lines


def test_many_clients_are_served_at_once(stack: SmallStack) -> None:
    """Thirty-two connections at a time, and no answer is mixed up."""

    def ask(number: int) -> int:
        with httpx.Client(base_url=stack.outputs["ApiUrl"], timeout=40) as client:
            return int(json.loads(client.get(f"/items/{number}").text)["pathParameters"]["id"])

    with ThreadPoolExecutor(32) as threads:
        assert list(range(64)) == list(threads.map(ask, range(64)))
