"""The protocols in which a request can be sent: their names of its fields.

A fault has the names of the protocol that the client uses.
"""

from __future__ import annotations

from enum import StrEnum

from gallop.domain.faults import pointer_to
from gallop.domain.frozen import frozen

_EVERY_REFERENCE = "https://..., data:image/jpeg;base64,..., upload_... or s3://{bucket}/uploads/..."


class Dialect(StrEnum):
    """A protocol."""

    NATIVE = "native"
    OPENAI = "openai"
    DASHSCOPE = "dashscope"
    MCP = "mcp"


@frozen
class Words:
    """The words of a protocol.

    ``media`` is its one name for all images and videos, empty if they have fields of their own, and ``images`` that for
    images. ``references`` says what an image can be, and ``clips`` what a video or an audio file can be, with the
    ``{bucket}`` of the inbox. ``parameters`` and ``input`` are the objects that contain the fields, as JSON pointers.
    """

    images: str = ""
    media: str = ""
    references: str = _EVERY_REFERENCE
    clips: str = "https://..., upload_... or s3://{bucket}/uploads/..."
    parameters: str = ""
    input: str = ""

    def place(self, name: str) -> str:
        """Return the JSON pointer of a field."""
        if name == "model":
            return "/model"
        inside = self.input if name in ("prompt", "media") else self.parameters
        return f"{inside}{pointer_to(name)}"


WORDS = {
    Dialect.NATIVE: Words(),
    Dialect.MCP: Words(),
    Dialect.OPENAI: Words(images="input_reference"),
    Dialect.DASHSCOPE: Words(
        media="media",
        references="https://... or data:image/jpeg;base64,...",
        clips="https://...",
        parameters="/parameters",
        input="/input",
    ),
}
