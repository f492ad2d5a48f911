"""A stack without its own page, for pages that somebody hosts elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fake_dashscope.clock import ManualClock
from tests.support.http import Client
from tests.support.stack import Stack, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox

ORIGINS = ["https://studio.example.com", "http://localhost:5173"]
# What a client of the HTTPS door sends, and reads of an answer.
SENT = {"authorization", "content-encoding", "content-type", "idempotency-key", "if-none-match", "prefer"}
SENT_BY_AGENTS = {"mcp-protocol-version", "mcp-method", "mcp-name"}
READ = {"etag", "idempotent-replay", "location", "preference-applied", "retry-after", "x-request-id"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Yield a stack without a page of its own."""
    with deployed(ManualClock(), executing=False, Page="off", BrowserOrigins=",".join(ORIGINS)) as stack:
        yield stack


def test_a_page_that_is_off_has_no_routes(sandbox: Sandbox) -> None:
    """There is no function, and the door answers in the caller's dialect, whatever the method."""
    assert "PageFunction" not in sandbox.stack.deployment.functions
    ada = Client(sandbox)
    for method in ("GET", "HEAD", "POST"):
        for path in ("/app", "/app/index.html"):
            answer = ada.call("VideosFunction", method, path)
            assert 404 == answer.status
            assert "no_such_route" == answer.json["code"]
    assert "no_such_route" == ada.get("/app", x_stainless_lang="js").json["error"]["code"]


def test_the_api_lets_exactly_those_origins_in(sandbox: Sandbox) -> None:
    """With every header that a client sends and reads, and without cookies."""
    cors = sandbox.stack.deployment.resources["HttpApi"].properties["Body"]["x-amazon-apigateway-cors"]
    assert ORIGINS == cors["allowOrigins"]
    assert {"GET", "HEAD", "POST", "DELETE"} == set(cors["allowMethods"])
    assert SENT | SENT_BY_AGENTS == set(cors["allowHeaders"])
    assert READ <= set(cors["exposeHeaders"])
    assert "allowCredentials" not in cors


def test_the_inbox_takes_uploads_of_those_origins_only(sandbox: Sandbox) -> None:
    """The stack serves no page itself."""
    (rule,) = sandbox.s3.get_bucket_cors(Bucket=sandbox.inbox)["CORSRules"]
    assert {"AllowedMethods": ["POST"], "AllowedOrigins": ORIGINS, "MaxAgeSeconds": 3600} == rule


def test_a_preflight_is_answered_with_success(sandbox: Sandbox) -> None:
    """API Gateway adds its headers to this answer, and a browser continues only after a success; no key is needed."""
    nobody, asked = Client(sandbox, ""), {"origin": ORIGINS[0], "access_control_request_method": "DELETE"}
    answer = nobody.call("VideosFunction", "OPTIONS", "/v1/videos/job_1", **asked)
    assert (204, "GET, HEAD, DELETE") == (answer.status, answer.headers["Allow"])
    assert 404 == nobody.call("VideosFunction", "OPTIONS", "/v1/nothing", **asked).status
