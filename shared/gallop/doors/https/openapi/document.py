"""The complete OpenAPI document."""

from __future__ import annotations

from functools import cache
from typing import Any

from gallop.doors.https.openapi import operations, schemas
from gallop.doors.https.openapi.routes import ROUTES

TITLE = "Gallop"
DESCRIPTION = """\
A text, images or a video in, a video in your own S3 bucket out. One request, one charge, one result.

Gallop checks everything that it can before it spends any money, and reports all problems of a request together, as
`application/problem+json`. OpenAI's clients (`X-Stainless-*` headers) get errors in OpenAI's format. The routes under
`/api/v1/` follow DashScope's own protocol: for a client written for DashScope, change only the host and the key.
HEAD works wherever GET does.
"""


@cache
def document(version: str) -> dict[str, Any]:
    """Return the OpenAPI document; ``version`` is the version of the package."""
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = operations.operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": version,
            "description": DESCRIPTION,
            "contact": {"name": "The operator of this stack"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": list(operations.TAGS),
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
