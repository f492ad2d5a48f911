"""An HTTP API: find the route, call its authorizer, run its function, all on the calling thread."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from email.utils import formatdate
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tests.testbed.aws.functions import Throttled
from tests.testbed.aws.invoke_api import MAX_REQUEST_BYTES

from . import messages
from .messages import Api, HttpRequest, HttpResponse, refusal
from .stage import Stage, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fake_dashscope.clock import Clock
    from tests.testbed.aws.functions import Result, Runner

    from .cors import Cors
    from .routes import Authorizer, Route

MAX_BODY_BYTES = 10 * 1024 * 1024
INTEGRATION_TIMEOUT_S = 30.0
_SOURCE = re.compile(r"\$request\.(header|querystring)\.(.+)", re.IGNORECASE)


@dataclass(slots=True)
class HttpApi:
    """An HTTP API with its ``$default`` stage."""

    api: Api
    routes: Sequence[Route]
    runner: Runner
    clock: Clock
    may_invoke: Callable[[str, str], bool]
    """Evaluates a function's resource policy; takes the function's ARN and the ARN of the route or authorizer."""
    stage: Stage = field(default_factory=Stage)
    on_response: Callable[[str, int], None] = lambda *_: None
    """Called with the ID of the API and the status of each response."""
    cors: Cors | None = None
    _cache: dict[tuple[str, ...], tuple[float, dict[str, Any]]] = field(init=False, default_factory=dict)
    _lock: Lock = field(init=False, default_factory=Lock)
    _threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        """Create the threads of invocations, which may outlive the time-out of their request."""
        self._threads = ThreadPoolExecutor(max_workers=128, thread_name_prefix="integration")

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Return the response to a request."""
        trace = Trace(request, self.clock.now())
        response = self._answer(request, trace)
        if self.cors:
            response = self.cors.answer(request, response)
        self.stage.log(trace, response)
        self.on_response(self.api.api_id, response.status)
        own = [("apigw-requestid", request.request_id), ("date", formatdate(trace.received_at, usegmt=True))]
        return HttpResponse(response.status, [*response.headers, *own], response.body)

    def close(self) -> None:
        """Start no further invocation."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _answer(self, request: HttpRequest, trace: Trace) -> HttpResponse:
        if len(request.body) > MAX_BODY_BYTES:
            return refusal(413, "Request Entity Too Large")
        trace.route, parameters = self._find(request)
        if trace.route is None:
            return (self.cors and self.cors.unrouted(request)) or refusal(404, "Not Found")
        if not self.stage.admits(trace.route.key):
            return refusal(429, "Too Many Requests")
        context = None
        if trace.route.authorizer is not None:
            verdict = self._authorize(trace.route, trace.route.authorizer, request, parameters)
            if isinstance(verdict, HttpResponse):
                return verdict
            trace.authorized = context = verdict
        event = messages.event(self.api, trace.route, request, parameters, context)
        payload = json.dumps(event).encode()
        if len(payload) > MAX_REQUEST_BYTES:
            # Lambda accepts less than the gateway, and base64 makes bodies a third larger.
            return refusal(413, "Request Entity Too Large")
        return self._integrate(trace.route, request, payload, trace)

    def _find(self, request: HttpRequest) -> tuple[Route | None, dict[str, str]]:
        for route in self.routes:
            parameters = route.match(request.method, request.path)
            if parameters is not None:
                return route, parameters
        return None, {}

    def _integrate(self, route: Route, request: HttpRequest, payload: bytes, trace: Trace) -> HttpResponse:
        path = route.path if route.path != "$default" else "/$default"
        if not self.may_invoke(route.function_arn, self.api.arn(f"$default/{request.method}{path}")):
            trace.integration_error = (
                "The IAM role configured on the integration or API Gateway doesn't have permissions"
            )
            return refusal(500, "Internal Server Error")
        try:
            result = self._invoke(route.function_arn, payload)
        except (FutureTimeoutError, Throttled) as error:
            trace.integration_error = type(error).__name__
            return refusal(503, "Service Unavailable")
        response = None if result.error else messages.response(result.payload)
        if response is None:
            trace.integration_error = result.payload
        return response or refusal(500, "Internal Server Error")

    def _invoke(self, function_arn: str, payload: bytes) -> Result:
        future = self._threads.submit(self.runner.invoke, function_arn, payload)
        return future.result(INTEGRATION_TIMEOUT_S)

    def _authorize(
        self, route: Route, authorizer: Authorizer, request: HttpRequest, parameters: Mapping[str, str]
    ) -> dict[str, Any] | HttpResponse:
        identity = [_identity(source, request) for source in authorizer.identity_sources]
        if None in identity:
            return refusal(401, "Unauthorized")
        key = (authorizer.name, *map(str, identity))
        verdict = self._remembered(key) if authorizer.ttl_s and identity else None
        if verdict is None:
            event = messages.authorizer_event(self.api, route, request, parameters, [str(value) for value in identity])
            verdict = self._call_authorizer(authorizer, event)
            if verdict is None:
                return refusal(500, "Internal Server Error")
            if authorizer.ttl_s and identity:
                self._remember(key, authorizer.ttl_s, verdict)
        if verdict["isAuthorized"] is not True:
            return refusal(403, "Forbidden")
        return dict(verdict.get("context") or {})

    def _call_authorizer(self, authorizer: Authorizer, event: Mapping[str, Any]) -> dict[str, Any] | None:
        if not self.may_invoke(authorizer.function_arn, self.api.arn(f"authorizers/{authorizer.name}")):
            return None
        try:
            result = self._invoke(authorizer.function_arn, json.dumps(event).encode())
        except (FutureTimeoutError, Throttled):
            return None
        verdict = None if result.error else json.loads(result.payload)
        return verdict if isinstance(verdict, dict) and isinstance(verdict.get("isAuthorized"), bool) else None

    def _remembered(self, key: tuple[str, ...]) -> dict[str, Any] | None:
        with self._lock:
            until, verdict = self._cache.get(key, (0.0, {}))
        return verdict if until > self.clock.now() else None

    def _remember(self, key: tuple[str, ...], ttl_s: int, verdict: dict[str, Any]) -> None:
        with self._lock:
            self._cache[key] = (self.clock.now() + ttl_s, verdict)


def _identity(source: str, request: HttpRequest) -> str | None:
    found = _SOURCE.fullmatch(source)
    if found is None:
        return source
    if found.group(1).lower() == "header":
        return request.header(found.group(2).lower())
    values = parse_qs(request.query).get(found.group(2))
    return ",".join(values) if values else None
