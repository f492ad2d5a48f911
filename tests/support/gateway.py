"""The HTTPS door of a sandbox, with the template's routes and authorizer, at the address of the stack's output."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from tests.testbed.aws.account import ACCOUNT, REGION
from tests.testbed.aws.gateway.api import HttpApi
from tests.testbed.aws.gateway.messages import Api, HttpRequest
from tests.testbed.aws.gateway.routes import read_routes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox


@contextmanager
def opened(sandbox: Sandbox) -> Iterator[str]:
    """Answer requests to the API, and to presigned addresses of the results bucket; yield the API's address."""
    (resource,) = sandbox.stack.deployment.of_type("AWS::ApiGatewayV2::Api")
    api = Api(resource.physical_id, ACCOUNT, REGION, sandbox.clock.now)
    routes = read_routes(resource.properties["Body"])
    gateway = HttpApi(api, routes, sandbox.stack.runner, sandbox.clock, lambda *_: True)
    url = sandbox.stack.deployment.outputs["ApiUrl"]

    def door(request: httpx.Request) -> httpx.Response:
        answer = gateway.handle(_received(request))
        return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body)

    def bucket(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=sandbox.result(urlsplit(str(request.url)).path.lstrip("/")))

    sandbox.instead |= {url: door, f"https://{sandbox.results}.": bucket}
    try:
        yield url
    finally:
        gateway.close()


def _received(request: httpx.Request) -> HttpRequest:
    return HttpRequest(
        method=request.method,
        path=request.url.raw_path.decode().partition("?")[0],
        query=request.url.query.decode(),
        headers=[(name.decode().lower(), value.decode()) for name, value in request.headers.raw],
        body=request.read(),
        source_ip="192.0.2.1",
    )
