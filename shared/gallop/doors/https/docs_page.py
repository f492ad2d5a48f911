"""The page that shows the OpenAPI document: Swagger UI, out of the layer, nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from gallop.domain.errors import NoSuchRoute

POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
# Powertools brings Swagger UI along; its own page would need pydantic.
_PACKAGE = "aws_lambda_powertools.event_handler.openapi.swagger_ui"
_TYPES = {
    "swagger-ui-bundle.min.js": "text/javascript",
    "swagger-ui.min.css": "text/css",
}
_START = "start.js"

PAGE = f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gallop's HTTPS door</title>
<link rel="stylesheet" href="/docs/swagger-ui.min.css">
</head>
<body>
<div id="docs">
<noscript>This page needs JavaScript; <a href="/openapi.json">the document</a> does not.</noscript>
</div>
<script src="/docs/swagger-ui-bundle.min.js"></script>
<script src="/docs/{_START}"></script>
</body>
</html>
"""
_SCRIPT = """\
SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: false,
  docExpansion: "list", layout: "BaseLayout", validatorUrl: null});
"""


def file(name: str) -> tuple[str, str]:
    """Give a file of the page: its media type, and its text.

    Raises:
        NoSuchRoute: the page has no such file.

    """
    if name == _START:
        return "text/javascript", _SCRIPT
    if name not in _TYPES:
        raise NoSuchRoute("There is no such file.")
    # By its path, because importing the package would ask for pydantic.
    root = files("aws_lambda_powertools").joinpath(*_PACKAGE.split(".")[1:])
    return _TYPES[name], root.joinpath(name).read_text(encoding="utf-8")
