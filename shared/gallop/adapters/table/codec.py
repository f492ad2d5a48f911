"""Dataclasses as table items: each is described once, for writing and for reading.

Reading is tolerant, so that the version before and the version after can use the same table: unknown attributes are
dropped, and absent ones get the default of their dataclass. ``None`` is stored as ``None``, whatever the codec.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Codec:
    """How a value is stored. ``encode`` and ``decode`` never see ``None``."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]

    def write(self, value: Any) -> Any:  # noqa: ANN401 - whatever the codec is for
        """Convert a value to what DynamoDB stores."""
        return None if value is None else self.encode(value)

    def read(self, stored: Any) -> Any:  # noqa: ANN401 - whatever the codec is for
        """Convert what DynamoDB stores to the value."""
        return None if stored is None else self.decode(stored)


PLAIN = Codec(lambda value: value, lambda stored: stored)
"""Text, true and false, and decimal numbers."""

INTEGER = Codec(int, int)

SECONDS = Codec(lambda value: Decimal(f"{value:.3f}"), float)
"""Times and durations, to the millisecond."""

JSON = Codec(lambda value: json.dumps(dict(value)), json.loads)
"""Text, because numbers of others must come back as they were."""


def enum(kind: type[StrEnum]) -> Codec:
    """Store a member by its value."""
    return Codec(lambda member: member.value, kind)


def many(codec: Codec) -> Codec:
    """Store a tuple as a list."""
    return Codec(
        lambda values: [codec.write(value) for value in values],
        lambda stored: tuple(codec.read(value) for value in stored),
    )


def record(kind: Callable[..., Any], fields: Mapping[str, Codec]) -> Codec:
    """Store a dataclass as a map: ``fields`` has a codec for each of its fields."""
    return Codec(
        lambda value: {name: codec.write(getattr(value, name)) for name, codec in fields.items()},
        lambda stored: kind(**{name: codec.read(stored[name]) for name, codec in fields.items() if name in stored}),
    )
