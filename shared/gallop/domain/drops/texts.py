"""The texts of a drop, its prompt and its settings, as text editors save them."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from gallop.domain.faults import Fault, file_fault
from gallop.domain.request.strict_json import MAX_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 256 * 1024

_MARKED = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_REMEDY = "Save it as plain text in UTF-8 (Notepad: Save as, Encoding: UTF-8) and upload it again."
_RICH_REMEDY = "Save it as plain text (TextEdit: Format, Make Plain Text) and upload it again."


@dataclass(frozen=True, slots=True)
class Texts:
    """The content of the two texts of a drop, as far as they exist and are valid; ``faults`` has the problems."""

    prompt: str | None = None
    settings: dict[str, Any] | None = None
    faults: tuple[Fault, ...] = ()


def decode(name: str, data: bytes) -> str | Fault:
    """Decode a text in UTF-8 or UTF-16, with any line ends, with or without a byte order mark.

    Other encodings are not guessed: a prompt with wrong letters would be charged.
    """
    if data.startswith(b"{\\rtf"):
        return file_fault(name, "is a rich text document (RTF), not plain text", _RICH_REMEDY)
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError:
        return file_fault(name, "is not valid UTF-8 text", _REMEDY)
    if "\0" in text:
        return file_fault(name, "is not a text file", _REMEDY)
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read_settings(name: str, text: str) -> tuple[dict[str, Any], list[Fault]]:
    """Parse a ``job.json``; return its valid fields, and its faults with line and column."""
    duplicates: list[str] = []
    try:
        value = parse(text, lambda pairs: _without_duplicates(pairs, duplicates))
    except ValueError as error:
        return {}, [file_fault(name, f"is not valid JSON: {_place(error)}", _how_to_fix(text))]
    except RecursionError:
        return {}, [file_fault(name, "is nested too deeply", "Write a flat object.")]
    if not isinstance(value, dict):
        return {}, [file_fault(name, "is not a JSON object", 'Write an object: {"prompt": "...", "duration": 5}.')]
    faults = [file_fault(name, f'contains "{key[:80]}" more than once', "Keep one of them.") for key in duplicates]
    if not _can_be_listed(value.get("images")):
        remedy = 'Write {"images": ["1.jpg", "2.jpg"]}, or omit it to use all images.'
        faults.append(file_fault(name, "has an invalid list of images", remedy))
        del value["images"]
    return value, faults


def parse(text: str, pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> Any:  # noqa: ANN401 - JSON
    """Parse JSON, passing each object through ``pairs``; refuse the numbers that are valid only in Python.

    Raises:
        ValueError: the text is not JSON, or contains such a number.
        RecursionError: the text is nested too deeply.

    """
    return json.loads(text, parse_constant=_constant, parse_float=_float, parse_int=_int, object_pairs_hook=pairs)


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"it contains a number that is out of range, {digits[:20]}")
    return number


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"it contains a number of {len(digits):,} digits; the maximum is {MAX_DIGITS}")
    return int(digits)


def _encoding(data: bytes) -> str:
    marked = _MARKED.get(data[:2])
    if marked or b"\0" not in data:
        return marked or "utf-8"
    # Text in UTF-8 has no NUL; in UTF-16, every Latin letter, space and line end has one.
    return "utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"


def _without_duplicates(pairs: list[tuple[str, Any]], duplicates: list[str]) -> dict[str, Any]:
    duplicates.extend(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
    return dict(pairs)


def _place(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} in line {error.lineno}, column {error.colno}"
    return str(error)


def _how_to_fix(text: str) -> str:
    if any(quote in text for quote in "\u201c\u201d\u201e"):
        return 'Write straight quotation marks ("), not curved ones, and upload the file again.'
    return "Fix this place and upload the file again."


def _can_be_listed(images: object) -> bool:
    return images is None or (
        isinstance(images, list) and bool(images) and all(isinstance(name, str) for name in images)
    )
