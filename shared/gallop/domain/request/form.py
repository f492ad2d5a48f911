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
from gallop.domain.faults import Fault, pointer_to, shown
from gallop.domain.fields import FormText
from gallop.domain.request import references
from gallop.domain.request.images import InlineImage

MAX_PARTS = 100
MAX_LEVELS = 6

_NAME = re.compile(r"(?P<first>[^\[\]]{1,64})(?P<rest>(?:\[[^\[\]]{0,64}\])*)")
_PLAIN = ("", "binary", "7bit", "8bit")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
# Also in the notation of RFC 5987, which forms must not use and some clients do: filename*=utf-8''%e4%b8%ad.jpg
_FILE_NAME = re.compile(r";\s*filename(?:\*[0-9]*\*?)?\s*=", re.IGNORECASE)


@dataclass(slots=True)
class Part:
    """One part of a form: its headers (names in lower case) and its bytes."""

    headers: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)

    @property
    def is_file(self) -> bool:
        """Whether its headers say that it is a file, with a name in any notation."""
        kind, _ = parse_options_header(self.headers.get("content-type"))
        unquoted = _QUOTED.sub("", self.headers.get("content-disposition", ""))
        return _FILE_NAME.search(unquoted) is not None or kind.startswith((b"image/", b"video/", b"audio/"))


def read(boundary: bytes, body: bytes) -> dict[str, Any]:
    """Convert a form to the fields of a JSON body; files become inline images.

    What a browser sends for an input that the user left empty counts as absent.

    Raises:
        InvalidRequest: the form is malformed or incomplete, or has invalid parts: with one fault per part.

    """
    fields: dict[str, Any] = {}
    faults: list[Fault] = []
    for number, part in enumerate(parts(boundary, body), start=1):
        try:
            path, value = _field(part, number)
            is_own = len(path) == 1 or path[0] in references.containers()
            if value is not None and not (value == "" and is_own):
                _put(fields, path, value)
        except InvalidRequest as invalid:
            faults += invalid.faults
    if faults:
        raise InvalidRequest(faults)
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
        raise _refused(f"the form is malformed {form.place}", "Create it with an HTTP client: curl -F.") from None
    if not form.has_ended:
        problem = f"the form is incomplete: its last boundary is missing {form.place}"
        raise _refused(problem, "Send the complete form.")
    return form.parts


class _Form:
    """Collect the parts that the parser finds."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.has_ended = False
        self._name = bytearray()
        self._value = bytearray()

    @property
    def place(self) -> str:
        """Where the parser is."""
        if not self.parts:
            return "before its first part"
        return f"in or after part {len(self.parts)}{_name_of(self.parts[-1])}"

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


def _name_of(part: Part) -> str:
    """Return the name of a part for a message, in brackets; empty if it has none."""
    _, options = parse_options_header(part.headers.get("content-disposition"))
    name = options.get(b"name", b"").decode(errors="replace")
    return f" ({shown(name)})" if name else ""


def _field(part: Part, number: int) -> tuple[list[str], str | InlineImage | None]:
    """Return the path of a part, and its text or image; None for the empty file of an input without a choice."""
    kind, options = parse_options_header(part.headers.get("content-disposition"))
    if kind != b"form-data" or not options.get(b"name"):
        raise _refused(f"part {number} of the form has no name", "Name each part.")
    path = _path(options[b"name"])
    if not path:
        problem = f"part {number} of the form has an invalid name{_name_of(part)}"
        raise _refused(problem, "Use names such as images[] or metadata[order].")
    if part.headers.get("content-transfer-encoding", "").strip().lower() not in _PLAIN:
        raise _wrong(path, f"is encoded for transfer, in part {number} of the form", "Send it unencoded, in binary.")
    if part.is_file:
        return path, _file(path, part, is_named=options.get(b"filename") != b"")
    try:
        return path, FormText(part.data.decode())
    except UnicodeDecodeError:
        raise _wrong(path, "is not valid UTF-8", "Send text as UTF-8.") from None


def _file(path: list[str], part: Part, *, is_named: bool) -> InlineImage | None:
    if not part.data and not is_named:
        return None
    if path[0] not in references.containers():
        raise _wrong(
            path,
            "is sent as a file",
            "Send it as text. Only images can be files; upload a video with POST /v1/uploads.",
        )
    return InlineImage(bytes(part.data))


def _path(name: bytes) -> list[str]:
    """Split a name at its brackets: ``media[][url]`` becomes ``media``, an empty string and ``url``.

    The result is empty if the name is not valid.
    """
    try:
        found = _NAME.fullmatch(name.decode())
    except UnicodeDecodeError:
        found = None
    path = [found["first"], *re.findall(r"\[(.*?)\]", found["rest"])] if found else []
    return path if len(path) <= MAX_LEVELS else []


def _put(fields: dict[str, Any], path: list[str], value: str | InlineImage) -> None:
    if path[0] in references.containers() and len(path) == 1:
        # A single file, or one name that is repeated, is a list as well.
        path = [path[0], ""]
    node: Any = fields
    for step, following in zip(path, [*path[1:], None], strict=True):
        inner: object = value if following is None else {} if following else []
        if isinstance(node, list) and step == "":
            node = _row_value(node, following, inner)
        elif isinstance(node, dict) and step:
            if following is None and step in node:
                raise _wrong(path, "occurs twice in the form", "Send it once.")
            node = node.setdefault(step, inner)
        else:
            raise _wrong(path, "has two different shapes in the form", "Use the same shape in all its parts.")


def _row_value(rows: list[Any], name: str | None, inner: object) -> object:
    """Return the row that a value belongs to: the first row without it, because clients send one column at a time."""
    if name:
        for row in rows:
            if isinstance(row, dict) and name not in row:
                return row
    rows.append(inner)
    return inner


def _wrong(path: list[str], problem: str, remedy: str) -> InvalidRequest:
    return InvalidRequest([Fault(pointer_to(path[0]), problem, remedy)])


def _refused(problem: str, remedy: str) -> InvalidRequest:
    return InvalidRequest([Fault("", problem, remedy)])
