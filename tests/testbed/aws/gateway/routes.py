"""The routes of an HTTP API, read from the OpenAPI body in the translated template."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.testbed.aws.template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VARIABLE = re.compile(r"\{([A-Za-z0-9._:-]+)(\+?)\}")
_FUNCTION = re.compile(r"functions/(arn:aws:lambda:[^/]+)/invocations")
_ANY = "x-amazon-apigateway-any-method"


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A Lambda authorizer with payload format 2.0."""

    name: str
    function_arn: str
    identity_sources: tuple[str, ...]
    ttl_s: int


@dataclass(frozen=True, slots=True)
class Route:
    """A route and its function."""

    method: str
    path: str
    function_arn: str
    authorizer: Authorizer | None
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Compile the path to a regular expression; ``{name+}`` matches the rest of the path."""
        expression = ""
        end = 0
        for variable in _VARIABLE.finditer(self.path):
            expression += re.escape(self.path[end : variable.start()])
            expression += "(.+)" if variable.group(2) else "([^/]+)"
            end = variable.end()
        object.__setattr__(self, "_pattern", re.compile(expression + re.escape(self.path[end:])))

    @property
    def key(self) -> str:
        """The route's key, as API Gateway writes it."""
        return "$default" if self.path == "$default" else f"{self.method} {self.path}"

    @property
    def rank(self) -> tuple[int, int, int]:
        """The order among matching routes, smallest first: no variable, then some, then a greedy one."""
        greedy = int("+}" in self.path) if self.path != "$default" else 2
        return greedy, self.path.count("{"), int(self.method == "ANY")

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path parameters; None if the route does not match."""
        if self.path == "$default":
            return {}
        found = self._pattern.fullmatch(path) if self.method in ("ANY", method) else None
        if found is None:
            return None
        names = [variable.group(1) for variable in _VARIABLE.finditer(self.path)]
        return dict(zip(names, map(unquote, found.groups()), strict=True))


def read_routes(body: Mapping[str, Any]) -> list[Route]:
    """Read the routes, most specific first; raise ``TemplateError`` for what the testbed's gateway does not support."""
    schemes = body.get("components", {}).get("securitySchemes", {})
    authorizers = {name: _authorizer(name, scheme) for name, scheme in schemes.items()}
    routes = [
        Route(
            method="ANY" if method == _ANY else method.upper(),
            path=path,
            function_arn=_integration(operation["x-amazon-apigateway-integration"]),
            authorizer=_authorizer_of(operation, authorizers),
        )
        for path, method, operation in _operations(body)
    ]
    return sorted(routes, key=lambda route: route.rank)


def _operations(body: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in body.get("paths", {}).items():
        for method, operation in methods.items():
            if isinstance(operation, dict) and "x-amazon-apigateway-integration" in operation:
                yield path.removeprefix("/") if path == "/$default" else path, method, operation


def _authorizer_of(operation: Mapping[str, Any], authorizers: Mapping[str, Authorizer]) -> Authorizer | None:
    names = [name for entry in operation.get("security", []) for name in entry]
    return next((authorizers[name] for name in names if name in authorizers), None)


def _authorizer(name: str, scheme: Mapping[str, Any]) -> Authorizer:
    settings = scheme.get("x-amazon-apigateway-authorizer", {})
    simple = settings.get("enableSimpleResponses", False)
    if settings.get("type") != "request" or not simple or settings.get("authorizerPayloadFormatVersion") != "2.0":
        raise TemplateError(f"{name}: the testbed supports only Lambda authorizers with simple responses.")
    sources = settings.get("identitySource") or []
    return Authorizer(
        name=name,
        function_arn=_function_arn(settings["authorizerUri"]),
        identity_sources=tuple(sources.split(",") if isinstance(sources, str) else sources),
        ttl_s=int(settings.get("authorizerResultTtlInSeconds", 0)),
    )


def _integration(settings: Mapping[str, Any]) -> str:
    if settings["type"].lower() != "aws_proxy" or str(settings["payloadFormatVersion"]) != "2.0":
        raise TemplateError("The testbed's gateway supports only function integrations with payload format 2.0.")
    return _function_arn(settings["uri"])


def _function_arn(uri: str) -> str:
    found = _FUNCTION.search(uri)
    if found is None:
        raise TemplateError(f"The testbed's gateway supports only functions, not {uri}.")
    return found.group(1)
