"""Every path of the HTTPS door with its methods, so that a wrong method gets another answer than a wrong path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gallop.domain.errors import CallerError

if TYPE_CHECKING:
    from collections.abc import Sequence

_READ = ("GET", "HEAD")
_METHODS = {
    "/v1/videos": (*_READ, "POST"),
    "/v1/videos/{id}": (*_READ, "DELETE"),
    "/v1/videos/{id}/content": _READ,
    "/v1/videos/{id}/cancel": ("POST",),
    "/v1/uploads": ("POST",),
    "/v1/usage": _READ,
    "/v1/models": _READ,
    "/v1/models/{id}": _READ,
    "/api/v1/services/aigc/video-generation/video-synthesis": ("POST",),
    "/api/v1/tasks": _READ,
    "/api/v1/tasks/{id}": _READ,
    "/api/v1/tasks/{id}/cancel": ("POST",),
    "/api/v1/uploads": _READ,
    "/events/dashscope": ("POST",),
    "/mcp": ("POST",),
    "/health": _READ,
    "/openapi.json": _READ,
    "/docs": _READ,
    "/docs/style.css": _READ,
}
_PATTERNS = {re.compile(path.replace("{id}", "[^/]+")): methods for path, methods in _METHODS.items()}


class NoSuchRoute(CallerError):
    """No route with this path."""

    code = "no_such_route"
    status = 404
    title = "No such route"
    remedy = "GET /docs lists the routes."


class MethodNotAllowed(CallerError):
    """The path has other methods, ``allowed``."""

    code = "method_not_allowed"
    status = 405
    title = "Method not allowed"
    remedy = "Use one of the methods in the header `Allow`. GET /docs lists the routes."

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        """Store the methods of the path."""
        super().__init__(f"This route does not support {method}. It supports {', '.join(allowed)}.")
        self.allowed = tuple(allowed)


def of_path(path: str) -> tuple[str, ...]:
    """Return the methods of a path; none if there is no such path. Only DashScope's paths may end in a slash."""
    known = path.removesuffix("/") if path.startswith("/api/") else path
    return next((methods for pattern, methods in _PATTERNS.items() if pattern.fullmatch(known)), ())
