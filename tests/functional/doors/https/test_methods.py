"""Every path and method is answered by Gallop itself, in the client's dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from gallop import __version__
from gallop.doors.https import methods
from gallop.doors.https.openapi import document

from tests.functional.doors.https.test_reads import finished
from tests.functional.fake_dashscope.sandbox import SUBMIT
from tests.support.dashscope import TASKS
from tests.support.http import Client
from tests.support.stack import ROOT
from tests.template import stack

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

ID = "job_" + "a" * 26
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
PATHS = (
    *(
        "/v1/videos",
        f"/v1/videos/{ID}",
        f"/v1/videos/{ID}/content",
        f"/v1/videos/{ID}/cancel",
        "/v1/uploads",
        "/health",
    ),
    *(
        SUBMIT,
        f"{SUBMIT}/",
        TASKS,
        f"{TASKS}/",
        f"{TASKS}/{ID}",
        f"{TASKS}/{ID}/",
        f"{TASKS}/{ID}/cancel",
        "/api/v1/uploads",
    ),
    *("/openapi.json", "/docs", "/docs/style.css", "/events/dashscope"),
)
UNKNOWN = (
    "/",
    "/v1",
    "/v1/video",
    "/v1/videos/a/b",
    "/V1/VIDEOS",
    "//v1/videos",
    "/api/v1/",
    "/api/v1/files",
    "/.env",
)


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def described() -> dict[str, Any]:
    """Return the requests of `describe` by method and path."""
    event = json.loads((ROOT / "events" / "describe-docs.json").read_text(encoding="utf-8"))
    return dict(event)


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_405_with_the_right_ones(ada: Client, path: str) -> None:
    """The header `Allow` has the methods of the path, in every dialect."""
    allowed = methods.of_path(path)
    for method in (method for method in METHODS if method not in allowed):
        answer = ada.call("VideosFunction", method, path)
        assert 405 == answer.status
        assert ", ".join(allowed) == answer.headers["Allow"]
        code = answer.json["code"]
        assert ("BadRequest" if path.startswith("/api/") else "method_not_allowed") == code
    openai = ada.call("VideosFunction", "PUT", path, x_stainless_lang="python")
    assert 405 == openai.status
    assert path.startswith("/api/") or "method_not_allowed" == openai.json["error"]["code"]


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_unknown_paths_are_404_in_the_dialect(ada: Client, path: str, method: str) -> None:
    """With or without a key, and never in API Gateway's own words."""
    answer = ada.call("VideosFunction", method, path)
    assert 404 == answer.status
    assert ("NotFound" if path.startswith("/api/v1/") else "no_such_route") == answer.json["code"]
    assert path.startswith("/api/v1/") or "error" in ada.call("VideosFunction", method, path, x_stainless_os="x").json
    assert 404 == Client(ada.sandbox, "").call("VideosFunction", method, path).status


def test_a_slash_at_the_end_is_named(ada: Client) -> None:
    """The answer says what to remove; only DashScope's own routes may end in a slash."""
    for path in ("/v1/videos/", f"/v1/videos/{ID}/", "/v1/uploads/", "/health/"):
        answer = ada.call("VideosFunction", "GET", path)
        assert (404, True) == (answer.status, "remove the slash" in answer.json["detail"])


def test_head_is_answered_as_get(sandbox: Sandbox, ada: Client) -> None:
    """Status and headers are those of the GET, on every route that has one."""
    job = finished(sandbox)
    paths = (
        "/v1/videos",
        f"/v1/videos/{job.id}",
        f"/v1/videos/{ID}",
        "/health",
        TASKS,
        f"{TASKS}/{job.id}",
        "/api/v1/uploads",
    )
    for path in paths:
        head, get = (ada.call("VideosFunction", method, path) for method in ("HEAD", "GET"))
        assert get.status == head.status
        assert get.headers == head.headers
    assert 302 == ada.call("VideosFunction", "HEAD", f"/v1/videos/{job.id}/content").status
    tag = ada.get(f"/v1/videos/{job.id}").headers["ETag"]
    assert 304 == ada.call("VideosFunction", "HEAD", f"/v1/videos/{job.id}", if_none_match=tag).status
    assert 401 == Client(sandbox, "").call("VideosFunction", "HEAD", "/v1/videos").status


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("PUT", 405), ("OPTIONS", 405)])
def test_the_description_has_the_same_rules(sandbox: Sandbox, method: str, status: int) -> None:
    """Its own function answers for its paths."""
    event = described()
    event["requestContext"]["http"]["method"] = method
    answer = sandbox.invoke("DescribeFunction", event)
    assert status == answer["statusCode"]
    assert status == 200 or "GET, HEAD" == answer["headers"]["Allow"]


def test_the_methods_are_those_of_the_description() -> None:
    """Every described route is in the table of methods, and HEAD is allowed wherever GET is."""
    for path, operations in document(__version__)["paths"].items():
        known = methods.of_path(path.replace("{id}", ID))
        assert {method.upper() for method in operations} == set(known) - {"HEAD"}
        assert ("GET" in known) == ("HEAD" in known)


def test_every_request_reaches_a_function() -> None:
    """What no other route matches is the default route's, with the authorizer, so that the dialect has its client."""
    events = stack.written()["Resources"]["VideosFunction"]["Properties"]["Events"]
    assert {"ApiId": {"Ref": "HttpApi"}} == events["Everything"]["Properties"]


def test_a_key_meets_its_own_limit_first() -> None:
    """API Gateway's 429 has no Retry-After, and its limit is for all keys together."""
    (stage,) = (item["Properties"] for item in stack.of_type("AWS::ApiGatewayV2::Stage").values())
    most = int(stack.written()["Parameters"]["RequestsPerSecond"]["MaxValue"])
    assert 2 * most <= stage["DefaultRouteSettings"]["ThrottlingRateLimit"]
    assert 4 * most <= stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]
