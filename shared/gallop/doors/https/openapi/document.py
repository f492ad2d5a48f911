"""The whole document."""

from __future__ import annotations

from functools import cache
from typing import Any

from gallop.doors.https.openapi import operations, schemas
from gallop.doors.https.openapi.routes import ROUTES

TITLE = "Gallop"
DESCRIPTION = """\
Reference images and a prompt in, a video in your own S3 bucket out. One create, one charge, one result.

Everything that can be checked is checked before any money is spent, and all faults are told at once, as
`application/problem+json`. Clients of OpenAI (`X-Stainless-*` headers) are told them as OpenAI does. Under `/api/v1/`
DashScope's own protocol is spoken: a client written for DashScope works with only host and key changed.
"""


@cache
def document(version: str) -> dict[str, Any]:
    """Give the OpenAPI document; ``version`` is that of the package."""
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = operations.operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "description": DESCRIPTION, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
