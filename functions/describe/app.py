"""Describes the HTTPS door: as OpenAPI for programs, as a page for people. Open to all; its role has no rights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response
from gallop import __version__
from gallop.doors.https import docs_page, resolver
from gallop.doors.https.openapi import document

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = resolver.new_resolver()


@app.get("/openapi.json")
def get_document() -> Response[str]:
    """Give the OpenAPI document."""
    return resolver.answer(200, document(__version__), {"Cache-Control": "max-age=300"})


@app.get("/docs", compress=True)
def get_page() -> Response[str]:
    """Give the page."""
    return Response(200, "text/html", docs_page.PAGE, {"Content-Security-Policy": docs_page.POLICY})


@app.get("/docs/<name>", compress=True)
def get_file(name: str) -> Response[str]:
    """Give a file of the page."""
    media_type, text = docs_page.file(name)
    return Response(200, media_type, text, {"Cache-Control": "max-age=86400"})


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request."""
    return app.resolve(event, context)
