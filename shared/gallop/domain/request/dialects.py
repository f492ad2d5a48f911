"""The protocols in which a request can be sent: their names of its fields, and their defaults.

A fault has the names and defaults of the protocol that the client uses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from gallop.domain import models
from gallop.domain.faults import pointer_to

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVERY_REFERENCE = "https://..., data:image/jpeg;base64,..., upload_... or s3://{bucket}/uploads/..."


class Dialect(StrEnum):
    """A protocol."""

    NATIVE = "native"
    OPENAI = "openai"
    DASHSCOPE = "dashscope"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a protocol.

    ``images`` is its name for the list of reference images, and ``references`` what such an image can be, with the
    ``{bucket}`` of the inbox. ``places`` maps fields to the JSON pointers of their objects; others are at the top.
    """

    images: str
    references: str = _EVERY_REFERENCE
    resolution: str = models.DEFAULT_RESOLUTION
    watermark: bool = False
    places: Mapping[str, str] = field(default_factory=dict)

    def place(self, name: str) -> str:
        """Return the JSON pointer of a field."""
        return f"{self.places.get(name, '')}{pointer_to(name)}"


_INPUT = dict.fromkeys(("prompt", "media"), "/input")
_PARAMETERS = dict.fromkeys(("resolution", "ratio", "duration", "seed", "watermark", "priority"), "/parameters")

WORDS = {
    Dialect.NATIVE: Words("images"),
    Dialect.OPENAI: Words("input_reference"),
    Dialect.DASHSCOPE: Words(
        "media",
        references="https://... or data:image/jpeg;base64,...",
        resolution="1080P",
        watermark=True,
        places={**_INPUT, **_PARAMETERS},
    ),
}
