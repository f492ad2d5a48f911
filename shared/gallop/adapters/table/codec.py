"""Dataclasses as table items: the types of their fields say how each is stored.

Reading is tolerant, so that the version before and the version after can use the same table: unknown attributes are
dropped, and absent ones get the default of their dataclass. ``None`` is stored as ``None``, whatever the codec.
"""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import StrEnum

    from _typeshed import DataclassInstance


@frozen
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


def of(kind: type[DataclassInstance], known: Mapping[str, Codec] | None = None) -> Codec:
    """Store a dataclass as a map, by the types of its fields: those of ``BASIC``, and those that ``known`` adds.

    Raises:
        KeyError: a type is not known.

    """
    codecs = {**BASIC, **(known or {})}
    by_field = {field.name: _of_type(str(field.type), codecs) for field in fields(kind)}
    return Codec(
        lambda value: {name: codec.write(getattr(value, name)) for name, codec in by_field.items()},
        lambda stored: kind(**{name: codec.read(stored[name]) for name, codec in by_field.items() if name in stored}),
    )


def _of_type(text: str, codecs: Mapping[str, Codec]) -> Codec:
    """Return the codec of a type as it is written beside a field: ``float | None``, ``tuple[str, ...]``."""
    text = text.removesuffix(" | None")
    inner = text.removeprefix("tuple[").removesuffix(", ...]")
    return codecs[text] if inner == text else many(_of_type(inner, codecs))


BASIC: dict[str, Codec] = {
    "str": PLAIN,
    "bool": PLAIN,
    "Decimal": PLAIN,
    "int": INTEGER,
    "float": SECONDS,
    "Mapping[str, Any]": JSON,
}
