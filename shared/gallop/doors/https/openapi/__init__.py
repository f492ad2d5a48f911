"""The OpenAPI 3.1 description of the HTTPS door, generated from the code that validates requests and answers them."""

from gallop.doors.https.openapi.document import document

__all__ = ["document"]
