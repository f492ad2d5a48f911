"""The HTTPS door described as OpenAPI 3.1, made from the code that validates and answers."""

from gallop.doors.https.openapi.document import document

__all__ = ["document"]
