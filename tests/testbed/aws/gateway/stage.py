"""The stage of an HTTP API: its throttling and its access log."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .messages import HttpRequest, HttpResponse
    from .routes import Route

# The types of AWS's gateway responses, by the status of a refusal.
_REFUSALS = {
    401: "UNAUTHORIZED",
    403: "ACCESS_DENIED",
    404: "RESOURCE_NOT_FOUND",
    413: "REQUEST_TOO_LARGE",
    429: "THROTTLED",
    500: "INTEGRATION_FAILURE",
    503: "INTEGRATION_TIMEOUT",
}
_VARIABLE = re.compile(r"\$context\.([A-Za-z.]+[A-Za-z_0-9]*)")


@dataclass(slots=True)
class Bucket:
    """A token bucket in real time, because code and clients run in real time."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _filled: float = field(init=False, default_factory=time.monotonic)
    _lock: Lock = field(init=False, default_factory=Lock)

    def __post_init__(self) -> None:
        """Fill the bucket."""
        self._tokens = self.burst

    def take(self) -> bool:
        """Take a token; return False if there is none."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
            self._filled = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


@dataclass(slots=True)
class Trace:
    """The facts about a request that its log line needs."""

    request: HttpRequest
    received_at: float
    """Simulated time, in seconds since the epoch."""
    started: float = field(default_factory=time.monotonic)
    route: Route | None = None
    authorized: Mapping[str, Any] = field(default_factory=dict)
    integration_error: str = "-"


@dataclass(frozen=True, slots=True)
class Stage:
    """The settings of ``$default``."""

    throttle: Bucket | None = None
    throttles: Mapping[str, Bucket] = field(default_factory=dict)
    """By the keys of routes that have a limit of their own."""
    log_format: str | None = None
    write_log: Callable[[str], None] | None = None
    """Writes a line to the access log's group."""

    def admits(self, route: str) -> bool:
        """Return whether the throttling of a route, given by its key, allows another request now."""
        throttle = self.throttles.get(route, self.throttle)
        return throttle is None or throttle.take()

    def log(self, trace: Trace, response: HttpResponse) -> None:
        """Write a request's line to the access log."""
        if self.log_format and self.write_log:
            values = _values(trace, response)
            self.write_log(_VARIABLE.sub(lambda found: values.get(found.group(1), "-"), self.log_format))


def read_stage(properties: Mapping[str, Any], writer: Callable[[str], Callable[[str], None]]) -> Stage:
    """Read a stage from its resolved properties; ``writer`` returns the writer of a log group, by its ARN."""
    buckets = {key: _bucket(settings) for key, settings in properties.get("RouteSettings", {}).items()}
    log = properties.get("AccessLogSettings", {})
    return Stage(
        throttle=_bucket(properties.get("DefaultRouteSettings", {})),
        throttles={key: bucket for key, bucket in buckets.items() if bucket},
        log_format=log.get("Format"),
        write_log=writer(log["DestinationArn"]) if log else None,
    )


def _bucket(settings: Mapping[str, Any]) -> Bucket | None:
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    return Bucket(float(rate), float(burst)) if rate is not None and burst is not None else None


def _values(trace: Trace, response: HttpResponse) -> dict[str, str]:
    """Return the values of the ``$context`` variables that HTTP APIs support."""
    moment = datetime.fromtimestamp(trace.received_at, UTC)
    latency = f"{(time.monotonic() - trace.started) * 1000:.0f}"
    return {
        "requestId": trace.request.request_id,
        "requestTime": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": str(int(trace.received_at * 1000)),
        "routeKey": trace.route.key if trace.route else "-",
        "status": str(response.status),
        "responseLatency": latency,
        "integrationLatency": latency,
        "responseLength": str(len(response.body)),
        "httpMethod": trace.request.method,
        "path": trace.request.decoded_path,
        "protocol": trace.request.protocol,
        "stage": "$default",
        "identity.sourceIp": trace.request.source_ip,
        "identity.userAgent": trace.request.header("user-agent") or "-",
        "integrationErrorMessage": trace.integration_error,
        "integrationStatus": "-" if response.refused else "200",
        "error.responseType": _REFUSALS.get(response.status, "-") if response.refused else "-",
        **{f"authorizer.{name}": str(value) for name, value in trace.authorized.items()},
    }
