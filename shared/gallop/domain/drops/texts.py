"""The texts of a drop, its prompt and its settings, as text editors save them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.faults import Fault, file_fault
from gallop.domain.frozen import frozen
from gallop.domain.request import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.drops.drop import Drop, Entry
    from gallop.domain.models import MediaField

MAX_BYTES = 256 * 1024

_MARKED = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_REMEDY = "Save it as plain text in UTF-8 (Notepad: Save as, Encoding: UTF-8) and upload it again."
_RICH_REMEDY = "Save it as plain text (TextEdit: Format, Make Plain Text) and upload it again."


@frozen
class Texts:
    """The content of the two texts of a drop, as far as they exist and are valid; ``faults`` has the problems."""

    prompt: str | None = None
    settings: dict[str, Any] | None = None
    faults: tuple[Fault, ...] = ()


def texts_of(drop: Drop, read: Callable[[Entry], str | Fault | None]) -> Texts:
    """Return the texts of a drop; ``read`` decodes one of its files, or returns None if it is not there any more."""
    prompt, settings = (read(entry) if entry else None for entry in (drop.prompt, drop.settings))
    faults = [text for text in (prompt, settings) if isinstance(text, Fault)]
    fields = None
    if drop.settings and isinstance(settings, str):
        fields, more = read_settings(drop.settings.name, settings)
        faults += more
    return Texts(prompt if isinstance(prompt, str) else None, fields, tuple(faults))


def too_large(name: str, size: int) -> Fault:
    """Return the fault of a text with more than ``MAX_BYTES`` bytes."""
    return file_fault(name, f"is too large: {size:,} bytes; the maximum is {MAX_BYTES:,}", "Shorten it.")


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
    try:
        document = strict_json.load(text)
    except strict_json.InvalidJson as error:
        return {}, [Fault("", error.problem, _how_to_fix(text), name, error.line, error.column)]
    value = document.value
    if not isinstance(value, dict):
        return {}, [file_fault(name, "is not a JSON object", 'Write an object: {"prompt": "...", "duration": 5}.')]
    faults = [replace(fault, file=name) for fault in document.duplicates]
    for field in models.media_fields().values():
        if field.name in value and not _names_files(value[field.name], field):
            what, example = ("list of ", '["1.jpg", "2.jpg"]') if field.is_list else ("", '"a file name"')
            remedy = f'Write {{"{field.name}": {example}}}, or omit it to use the files of the folder.'
            faults.append(file_fault(name, f"has an invalid {what}{field.name}", remedy))
            del value[field.name]
    return value, faults


def _encoding(data: bytes) -> str:
    marked = _MARKED.get(data[:2])
    if marked or b"\0" not in data:
        return marked or "utf-8"
    # Text in UTF-8 has no NUL; in UTF-16, every Latin letter, space and line end has one.
    return "utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"


def _how_to_fix(text: str) -> str:
    if any(quote in text for quote in "\u201c\u201d\u201e"):
        return 'Write straight quotation marks ("), not curved ones, and upload the file again.'
    return "Fix this place and upload the file again."


def _names_files(value: object, field: MediaField) -> bool:
    if value is None or not field.is_list:
        return value is None or isinstance(value, str)
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
