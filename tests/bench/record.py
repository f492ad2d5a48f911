"""Figures as JSON: frozen dataclasses of numbers, strings, tuples and other such dataclasses."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, figures: Any) -> None:  # noqa: ANN401 - any dataclass
    """Keep the figures of a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(figures), indent=1) + "\n", encoding="utf-8")


def read(path: Path, kind: Any) -> Any:  # noqa: ANN401 - a dataclass, and one of it
    """Return the figures of a part, of which ``kind`` is the dataclass."""
    return _read(json.loads(path.read_text(encoding="utf-8")), kind)


def _read(value: Any, kind: Any) -> Any:  # noqa: ANN401 - JSON, a type, and one of it
    if is_dataclass(kind):
        types = get_type_hints(kind)
        return kind(**{field.name: _read(value[field.name], types[field.name]) for field in fields(kind)})  # type: ignore[operator]
    if isinstance(value, list):
        return tuple(_read(one, get_args(kind)[0]) for one in value)
    return value
