"""Create requests in ``multipart/form-data``: the fields of the JSON body, as text and files.

Names may nest in the notation of OpenAI's clients: ``images[]``, ``metadata[order]``, ``media[][url]``. File names are
ignored; the type of a file is determined from its content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault
from gallop.domain.request import strict_json
from gallop.domain.request.images import InlineImage

MAX_PARTS = 100
MAX_LEVELS = 6
OF_IMAGES = ("images", "input_reference", "media")

_NAME = re.compile(r"(?P<first>[^\[\]]{1,64})(?P<rest>(?:\[[^\[\]]{0,64}\])*)")
_WHOLE = re.compile(r"-?[0-9]{1,20}")
_FLAGS = {"true": True, "false": False}
_PLAIN = ("", "binary", "7bit", "8bit")


@dataclass(slots=True)
class Part:
    """One part of a form: its headers (names in lower case) and its bytes."""

    headers: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)


def read(boundary: bytes, body: bytes) -> dict[str, Any]:
    """Convert a form to the fields of a JSON body; files become inline images.

    Raises:
        InvalidRequest: the form is malformed or incomplete, or has an invalid part.

    """
    fields: dict[str, Any] = {}
    for part in parts(boundary, body):
        path, value = _field(part)
        _put(fields, path, value)
    for name in fields.keys() & _FROM_TEXT.keys():
        if isinstance(fields[name], str):
            fields[name] = _FROM_TEXT[name](fields[name])
    return fields


def parts(boundary: bytes, body: bytes) -> list[Part]:
    """Split a form into its parts.

    Raises:
        InvalidRequest: the form is malformed or incomplete, or has too many parts.

    """
    if not boundary:
        raise _refused("the form has no boundary", "Let your HTTP client set the Content-Type of the form.")
    form = _Form()
    try:
        parser = MultipartParser(boundary, form.callbacks())
        parser.write(body)
    except FormParserError:
        raise _refused("the form is malformed", "Create it with an HTTP client, for example curl -F.") from None
    if not form.has_ended:
        raise _refused("the form is incomplete: its last boundary is missing", "Send the complete form.")
    return form.parts


class _Form:
    """Collect the parts that the parser finds."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.has_ended = False
        self._name = bytearray()
        self._value = bytearray()

    def callbacks(self) -> Any:  # noqa: ANN401 - a mapping whose type the parser does not export
        """Return the functions that the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_part_data": lambda data, start, end: self.parts[-1].data.extend(memoryview(data)[start:end]),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise _refused(f"the form has more than {MAX_PARTS} parts", "Remove some.")
        self.parts.append(Part())

    def _header(self) -> None:
        self.parts[-1].headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()

    def _end(self) -> None:
        self.has_ended = True


def _field(part: Part) -> tuple[list[str], str | InlineImage]:
    kind, options = parse_options_header(part.headers.get("content-disposition"))
    if kind != b"form-data" or not options.get(b"name"):
        raise _refused("the form has a part without a name", "Name each part.")
    path = _path(options[b"name"])
    if part.headers.get("content-transfer-encoding", "").strip().lower() not in _PLAIN:
        raise _refused("the form has a part with a transfer encoding", "Send files unencoded, in binary.")
    media_type, _ = parse_options_header(part.headers.get("content-type"))
    if b"filename" in options or media_type.startswith(b"image/"):
        if path[0] not in OF_IMAGES:
            raise InvalidRequest(
                [Fault(f"/{path[0]}", "is sent as a file", "Send it as text; only images can be files.")]
            )
        return path, InlineImage(bytes(part.data))
    try:
        return path, part.data.decode()
    except UnicodeDecodeError:
        raise InvalidRequest([Fault(f"/{path[0]}", "is not valid UTF-8", "Send text as UTF-8.")]) from None


def _path(name: bytes) -> list[str]:
    """Split a name at its brackets: ``media[][url]`` becomes ``media``, an empty string and ``url``."""
    try:
        found = _NAME.fullmatch(name.decode())
    except UnicodeDecodeError:
        found = None
    path = [found["first"], *re.findall(r"\[(.*?)\]", found["rest"])] if found else []
    if not 1 <= len(path) <= MAX_LEVELS:
        raise _refused("the form has a part with an invalid name", "Use names such as images[] or metadata[order].")
    return path


def _put(fields: dict[str, Any], path: list[str], value: str | InlineImage) -> None:
    if path[0] in OF_IMAGES and len(path) == 1:
        # A single file, or one name that is repeated, is a list as well.
        path = [path[0], ""]
    node: Any = fields
    for step, following in zip(path, [*path[1:], None], strict=True):
        inner: object = value if following is None else {} if following else []
        if isinstance(node, list) and step == "":
            node = _row_value(node, following, inner)
        elif isinstance(node, dict) and step:
            if following is None and step in node:
                raise InvalidRequest([Fault(f"/{path[0]}", "occurs twice in the form", "Send it once.")])
            node = node.setdefault(step, inner)
        else:
            raise InvalidRequest(
                [Fault(f"/{path[0]}", "has two different shapes in the form", "Use the same shape in all its parts.")]
            )


def _row_value(rows: list[Any], name: str | None, inner: object) -> object:
    """Return the row that a value belongs to: the first row without it, because clients send one column at a time."""
    if name:
        for row in rows:
            if isinstance(row, dict) and name not in row:
                return row
    rows.append(inner)
    return inner


def _whole(text: str) -> object:
    return int(text) if _WHOLE.fullmatch(text) else text


def _flag(text: str) -> object:
    return _FLAGS.get(text.lower(), text)


def _object(text: str) -> object:
    try:
        return strict_json.parse(text)
    except InvalidRequest:
        return text


_FROM_TEXT = {
    "duration": _whole,
    "seed": _whole,
    "priority": _whole,
    "watermark": _flag,
    "dry_run": _flag,
    "metadata": _object,
}


def _refused(problem: str, remedy: str) -> InvalidRequest:
    return InvalidRequest([Fault("", problem, remedy)])
