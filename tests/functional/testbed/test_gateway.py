"""The HTTP API sends API Gateway's events and gives its answers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import httpx
import pytest

from fake_dashscope.clock import ScaledClock
from tests.support.waiting import PATIENCE_S
from tests.template import stack as template
from tests.testbed.aws.functions import Result
from tests.testbed.aws.gateway import api
from tests.testbed.aws.gateway.messages import Api, HttpRequest, refusal
from tests.testbed.aws.gateway.routes import Route
from tests.testbed.aws.gateway.stage import Stage, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.testbed.conftest import SmallStack


@pytest.fixture(scope="module")
def http(stack: SmallStack) -> Iterator[httpx.Client]:
    """Keep connections to the API."""
    with httpx.Client(base_url=stack.outputs["ApiUrl"], timeout=40) as client:
        yield client


def test_an_event_has_payload_format_2(http: httpx.Client, stack: SmallStack) -> None:
    """Header names are lower case, repeated ones joined by commas, cookies separate, path and query complete."""
    headers = [("X-Twice", "1"), ("x-twice", "2"), ("Cookie", "a=1; b=2"), ("Content-Type", "application/json")]
    event = http.post("/open?x=1&x=2&y=%C3%A4", headers=headers, content='{"ä": 1}').json()
    assert "2.0" == event["version"]
    assert "ANY /open" == event["routeKey"]
    assert "/open" == event["rawPath"]
    assert ("x=1&x=2&y=%C3%A4", {"x": "1,2", "y": "ä"}) == (event["rawQueryString"], event["queryStringParameters"])
    assert ("1,2", ["a=1", "b=2"]) == (event["headers"]["x-twice"], event["cookies"])
    assert "cookie" not in event["headers"]
    assert ('{"ä": 1}', False) == (event["body"], event["isBase64Encoded"])
    context = event["requestContext"]
    assert "POST" == context["http"]["method"]
    assert "/open" == context["http"]["path"]
    assert "HTTP/1.1" == context["http"]["protocol"]
    assert ("$default", "ANY /open") == (context["stage"], context["routeKey"])
    assert next(stack.aws.deployment.of_type("AWS::ApiGatewayV2::Api")).physical_id == context["apiId"]


def test_a_request_without_body_query_or_cookies_has_no_fields_for_them(http: httpx.Client) -> None:
    """API Gateway omits such fields."""
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
    """HTTP APIs decide by content type; even forms are base64."""
    event = http.post("/open", content=b"hi", headers={"content-type": content_type}).json()
    assert (encoded, "aGk=" if encoded else "hi") == (event["isBase64Encoded"], event["body"])


def test_the_most_specific_route_is_taken(http: httpx.Client) -> None:
    """Fixed paths precede variables, and variables precede greedy ones; paths are decoded."""
    assert "GET /items/special" == http.get("/items/special").json()["routeKey"]
    item = http.get("/items/a%20b").json()
    assert "GET /items/{id}" == item["routeKey"]
    assert {"id": "a b"} == item["pathParameters"]
    assert "/items/a b" == item["rawPath"]
    assert {"path": "x/y/z"} == http.get("/files/x/y/z").json()["pathParameters"]


def test_an_unmatched_request_is_not_found(http: httpx.Client) -> None:
    """Neither a path, a method nor a slash at the end without a route reaches the product; the gateway answers."""
    paths = ("/nowhere", "/items/1/2", "/open/", "/items/1/", "/items/", "//open")
    for answer in (http.post("/items/1"), http.head("/items/1"), *map(http.get, paths)):
        assert 404 == answer.status_code
        assert "application/json" == answer.headers["content-type"]
        assert (b"" if answer.request.method == "HEAD" else b'{"message": "Not Found"}') == answer.content


def test_answers_have_format_2(http: httpx.Client) -> None:
    """Status, headers, cookies and base64 are read; an answer without a status code is the body of a success."""
    full = http.get("/open?answer=full")
    assert 201 == full.status_code
    assert "yes" == full.headers["x-made"]
    assert b"hi" == full.content
    assert ["a=1", "b=2"] == full.headers.get_list("set-cookie")
    text = http.get("/open?answer=text")
    assert 200 == text.status_code
    assert "application/json" == text.headers["content-type"]
    assert "just text" == text.text


@pytest.mark.parametrize("answer", ["fail", "nonsense"])
def test_a_failed_function_is_an_internal_error(http: httpx.Client, answer: str) -> None:
    """An exception and an invalid answer are both hidden from the client."""
    response = http.get(f"/open?answer={answer}")
    assert (500, {"message": "Internal Server Error"}) == (response.status_code, response.json())


def test_the_authorizer_is_called_and_its_context_passed_on(http: httpx.Client) -> None:
    """Without identity sources it is always called, even without any header."""
    authorized = http.get("/items/7", headers={"Authorization": "me"}).json()["requestContext"]["authorizer"]
    assert ("me", "REQUEST") == (authorized["lambda"]["client"], authorized["lambda"]["type"])
    assert authorized["lambda"]["arn"].endswith("/$default/GET/items/{id}")
    assert "" == http.get("/items/7").json()["requestContext"]["authorizer"]["lambda"]["client"]


def test_a_denied_request_is_forbidden(http: httpx.Client) -> None:
    """The message is API Gateway's."""
    denied = http.get("/items/7", headers={"Authorization": "no"})
    assert (403, {"message": "Forbidden"}) == (denied.status_code, denied.json())


def test_a_failed_authorizer_is_an_internal_error(http: httpx.Client) -> None:
    """An error never grants access."""
    assert 500 == http.get("/items/7", headers={"Authorization": "break"}).status_code


def test_a_missing_identity_source_is_unauthorized_without_the_authorizer(
    http: httpx.Client, stack: SmallStack
) -> None:
    """The gateway answers alone."""
    before = len(stack.aws.runtime.invocations("Gate"))
    refused = http.get("/token")
    assert (401, {"message": "Unauthorized"}) == (refused.status_code, refused.json())
    assert before == len(stack.aws.runtime.invocations("Gate"))


def test_a_verdict_is_cached_by_identity(http: httpx.Client, stack: SmallStack) -> None:
    """Within its time to live, the authorizer is called once for each identity."""
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
    """The gateway's maximum is ten megabytes; the function's is six, in base64."""
    for size in (10 * 1024 * 1024 + 1, 5 * 1024 * 1024):
        answer = http.post("/open", content=bytes(size), headers={"content-type": "image/png"})
        assert (413, {"message": "Request Entity Too Large"}) == (answer.status_code, answer.json())


def test_a_function_has_thirty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the gateway answers without ``Retry-After``, and the function continues."""
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
    """It includes the authorizer's context."""
    http.get("/items/7", headers={"Authorization": "logged"})
    group = next(group for group in stack.aws.deployment.of_type("AWS::Logs::LogGroup")).physical_id
    lines = [event["message"] for event in stack.aws.client("logs").filter_log_events(logGroupName=group)["events"]]
    assert "GET /items/{id} 200 logged" in lines


def test_the_products_access_log_is_json_when_a_function_fails() -> None:
    """The error's own text may have quotes and line breaks, and is left out."""
    properties = next(iter(template.of_type("AWS::ApiGatewayV2::Stage").values()))["Properties"]
    lines: list[str] = []
    stage = Stage(log_format=properties["AccessLogSettings"]["Format"], write_log=lines.append)
    request = HttpRequest("GET", "/items/1", "", [], b"", "203.0.113.7")
    failed = Trace(request, 1780000000.0, authorized={"client": "ada"}, integration_error='{"errorMessage": "a\n"}')
    stage.log(failed, refusal(500, "Internal Server Error"))
    line = json.loads(lines[0])
    assert "203.0.113.7" == line["sourceIp"]
    assert "ada" == line["client"]
    assert "INTEGRATION_FAILURE" == line["error"]


def test_many_clients_are_served_concurrently(stack: SmallStack) -> None:
    """With thirty-two connections at once, each gets its own answer."""

    def ask(number: int) -> int:
        with httpx.Client(base_url=stack.outputs["ApiUrl"], timeout=40) as client:
            return int(json.loads(client.get(f"/items/{number}").text)["pathParameters"]["id"])

    with ThreadPoolExecutor(32) as threads:
        assert list(range(64)) == list(threads.map(ask, range(64)))
