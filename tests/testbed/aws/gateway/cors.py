"""CORS of an HTTP API: which web pages may read its responses.

A preflight goes to its route like any other request: AWS answers it without a function only where no route takes it,
and warns of ``$default``, which takes all. Then the function must answer with success, and the headers are added here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .messages import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .messages import HttpRequest

_PREFIX = "access-control-"


@dataclass(frozen=True, slots=True)
class Cors:
    """The setting, with headers by name as they are sent."""

    origins: frozenset[str]
    of_preflights: Mapping[str, str]
    of_others: Mapping[str, str]

    def answer(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Return a response with the API's own headers; those of the function are ignored."""
        own = [(name, value) for name, value in response.headers if not name.startswith(_PREFIX)]
        return HttpResponse(response.status, [*own, *self._headers(request)], response.body, response.refused)

    def unrouted(self, request: HttpRequest) -> HttpResponse | None:
        """Return the response to a preflight that no route takes; None for other requests."""
        return HttpResponse(204, [], b"") if _is_preflight(request) else None

    def _headers(self, request: HttpRequest) -> list[tuple[str, str]]:
        origin = request.header("origin")
        if origin is None or self.origins.isdisjoint((origin, "*")):
            return []
        others = self.of_preflights if _is_preflight(request) else self.of_others
        return [(f"{_PREFIX}allow-origin", "*" if "*" in self.origins else origin), *others.items()]


def read_cors(body: Mapping[str, Any]) -> Cors | None:
    """Read the setting from an API's OpenAPI body; None without one."""
    found = body.get("x-amazon-apigateway-cors")
    if not found:
        return None
    preflight = {
        f"{_PREFIX}allow-methods": ",".join(found.get("allowMethods", ())),
        f"{_PREFIX}allow-headers": ",".join(found.get("allowHeaders", ())),
        f"{_PREFIX}max-age": str(found.get("maxAge", "")),
    }
    others = {f"{_PREFIX}expose-headers": ",".join(found.get("exposeHeaders", ()))}
    sent, sent_otherwise = ({name: value for name, value in part.items() if value} for part in (preflight, others))
    return Cors(frozenset(found.get("allowOrigins", ())), sent, sent_otherwise)


def _is_preflight(request: HttpRequest) -> bool:
    return request.method == "OPTIONS" and request.header("access-control-request-method") is not None
