"""The lines of a batch: one request each; an invalid line does not affect the others."""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeGuard

from gallop.domain import models
from gallop.domain.drops import drop
from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault, file_fault
from gallop.domain.frozen import frozen
from gallop.domain.request import references, strict_json, uploads
from gallop.domain.request.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gallop.domain.request.media import Inspected, Source
    from gallop.domain.request.reader import Inspect
    from gallop.domain.request.references import Sent
    from gallop.domain.request.request import RequestDefaults, VideoRequest

MAX_LINES = 10_000
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
# An S3 key has at most 1,024 bytes.
MAX_NAME_CHARACTERS = 1024
# More files than any request may have: their number is a fault, whatever they are.
MAX_NAMES = 20

_SCHEME = re.compile(r"[a-z][a-z0-9]*://|data:", re.IGNORECASE)
UTF_8 = "utf-8"
_BOMS = {codecs.BOM_UTF8: UTF_8, codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@frozen
class Row:
    """Where a line is in its file: ``offset`` and ``size`` are in bytes of its ``encoding``.

    ``videos`` is the number of videos that it asks for, once it has been checked.
    """

    number: int
    offset: int
    size: int
    encoding: str
    videos: int = 1

    def view(self) -> dict[str, Any]:
        """Return it as an item of a list; an earlier version knows those of one video."""
        item = {"number": self.number, "offset": self.offset, "size": self.size, "encoding": self.encoding}
        return {**item, "videos": self.videos} if self.videos > 1 else item


@frozen
class Line:
    """A line that is a JSON object."""

    number: int
    fields: dict[str, Any]

    @property
    def canonical_json(self) -> str:
        """The line in a canonical form: lines with equal content are equal."""
        return json.dumps(self.fields, sort_keys=True)


@frozen
class Contents:
    """The content of a batch's file: the lines that are not blank, the objects among them, and the faults."""

    rows: tuple[Row, ...]
    lines: tuple[Line, ...]
    faults: tuple[Fault, ...]


@frozen
class BatchFolder:
    """The folder of a batch: ``beside`` maps the NFC names of the files in it to their keys.

    ``is_folder`` is false at the root of ``drop/``, where every image is a separate drop.
    """

    defaults: RequestDefaults
    beside: Mapping[str, str]
    is_folder: bool


def read(data: bytes) -> Contents | Fault:
    """Read a batch's file; return a fault if it is not a batch."""
    try:
        found = [(row, text) for row, text in _rows(data) if text.strip()]
    except UnicodeError:
        return file_fault(drop.BATCH, "is not valid UTF-8 text", "Save it as UTF-8 text and upload it again.")
    if not found:
        return file_fault(
            drop.BATCH, "is empty", 'Write one JSON object per line: {"prompt": "...", "images": ["..."]}.'
        )
    if len(found) > MAX_LINES:
        return file_fault(
            drop.BATCH, f"has {len(found):,} lines; the maximum is {MAX_LINES:,}", "Split it across several folders."
        )
    parsed = [_parse(row.number, text) for row, text in found]
    lines = tuple(line for line in parsed if isinstance(line, Line))
    if not lines:
        return _no_lines(b"\n".join(text for _, text in found), parsed)
    faults = tuple(fault for fault in parsed if isinstance(fault, Fault))
    return Contents(tuple(row for row, _ in found), lines, faults)


def line_in(row: Row, data: bytes) -> Line | Fault:
    """Read a single line from the bytes that ``row`` names."""
    return _parse(row.number, data.decode(row.encoding).encode() if row.encoding != UTF_8 else data)


def names_files(line: Line) -> bool:
    """Return whether a line names a file of the batch's folder."""
    return any(_is_file_name(sent.value) for sent in references.sent_in(line.fields))


def too_many(videos: int) -> Fault:
    """Return the fault of a batch that asks for too many videos."""
    problem = f"has lines for {videos:,} videos; the maximum is {MAX_LINES:,}"
    return file_fault(drop.BATCH, problem, "Split it across several folders.")


def too_large(size: int) -> Fault:
    """Return the fault of a batch that is too large; ``size`` is in bytes."""
    problem = f"is too large: {size / 1024**2:.1f} MB; the maximum is {MAX_FILE_BYTES // 1024**2} MB"
    return file_fault(drop.BATCH, problem, "Split it across several folders.")


def checked(line: Line, folder: BatchFolder) -> Line | list[Fault]:
    """Check a line, except for the bytes of its files; replace names of files in the batch's folder by addresses."""
    fields, missing = _addressed(line.fields, folder)

    def inspect(where: str, source: Source, _: models.Rules) -> Inspected:
        return [missing[where]] if where in missing else source

    try:
        request_of(fields, folder.defaults, inspect)
    except InvalidRequest as invalid:
        return [replace(fault, line=line.number) for fault in invalid.faults]
    return replace(line, fields=fields)


def request_of(fields: Mapping[str, Any], defaults: RequestDefaults, inspect: Inspect) -> VideoRequest:
    """Read the request in a checked line; ``inspect`` checks each file that Gallop can read.

    Raises:
        InvalidRequest: the request is invalid, with one fault per problem.

    """
    sent = [_without_data(one) for one in references.sent_in(fields)]
    own = {name: value for name, value in fields.items() if name not in references.containers()}
    # The files of a batch may also be in folders of other drops.
    defaults = replace(defaults, folders=(uploads.PREFIX, drop.PREFIX))
    return Reader(own, defaults, inspect).request(sent)


def _without_data(sent: Sent) -> Sent:
    """Refuse a file inside a line: a batch has its files in its folder."""
    if not isinstance(sent.value, str) or sent.value[:5].lower() != "data:":
        return sent
    medium = models.field_of(sent.field, sent.type)
    noun = "image" if medium is None or medium.is_image else medium.noun
    remedy = f"Upload the {noun} to the folder of batch.jsonl, and write its name here."
    return replace(sent, value=Fault(sent.where, f"is an inline {noun}", remedy))


def _addressed(fields: Mapping[str, Any], folder: BatchFolder) -> tuple[dict[str, Any], dict[str, Fault]]:
    """Replace file names by addresses; also return the faults of the names, by JSON pointer."""
    addressed, faults = dict(fields), {}
    named = ((sent.where, sent.value) for sent in references.sent_in(fields))
    found = [(where, name) for where, name in named if _is_file_name(name)]
    for where, name in found[:MAX_NAMES]:
        key = folder.beside.get(unicodedata.normalize("NFC", name)) if folder.is_folder else None
        if key is None:
            faults[where] = _not_beside(where, name, folder)
        # A name that was not found gets an address too, so that it is reported only once.
        address = f"s3://{folder.defaults.inbox_bucket}/{key or drop.PREFIX + '-'}"
        _put(addressed, where.split("/")[1:], address)
    return addressed, faults


def _put(fields: dict[str, Any], path: list[str], value: str) -> None:
    """Replace the value at a path; whatever contains it is copied, as the line is not changed."""
    inside: Any = fields
    for step, next_step in zip(path, [*path[1:], ""], strict=True):
        place = int(step) if isinstance(inside, list) else step
        inside[place] = copy(inside[place]) if next_step else value
        inside = inside[place]


def _not_beside(where: str, name: str, folder: BatchFolder) -> Fault:
    shown = name if len(name) <= MAX_NAME_CHARACTERS else f"{name[:60]}..."
    if not folder.is_folder:
        remedy = "Put batch.jsonl and its images into a folder: an image directly under drop/ is a separate drop."
        return Fault(where, f"{shown} is a file name, but batch.jsonl is not in a folder", remedy)
    remedy = "Upload it to that folder, or correct its name, then upload batch.jsonl again."
    return Fault(where, f"{shown} is not in the folder of batch.jsonl", remedy)


def _is_file_name(image: object) -> TypeGuard[str]:
    return isinstance(image, str) and not _SCHEME.match(image)


def _rows(data: bytes) -> Iterable[tuple[Row, bytes]]:
    """Yield each line's place, and its text in UTF-8."""
    bom = next((mark for mark in _BOMS if data.startswith(mark)), b"")
    encoding, offset = _BOMS.get(bom, UTF_8), len(bom)
    # UTF-8 is not decoded as a whole: a byte that is invalid affects its line only.
    in_utf_8 = data[offset:] if encoding == UTF_8 else data[offset:].decode(encoding).encode()
    for number, text in enumerate(in_utf_8.split(b"\n"), start=1):
        size = len(text) if encoding == UTF_8 else len(text.decode().encode(encoding))
        yield Row(number, offset, size, encoding), text
        offset += size + len("\n".encode(encoding))


def _parse(number: int, row: bytes) -> Line | Fault:
    remedy = "Fix the line and upload the file again."
    if len(row) > MAX_LINE_BYTES:
        problem = f"is too long: {len(row):,} bytes; the maximum is {MAX_LINE_BYTES:,} bytes"
        return Fault("", problem, "Upload images to the folder, and write their names in the line.", line=number)
    try:
        document = strict_json.load(row.decode())
    except UnicodeDecodeError as error:
        column = len(row[: error.start].decode()) + 1
        return Fault("", "is not valid UTF-8", "Save the file as UTF-8 text.", line=number, column=column)
    except strict_json.InvalidJson as error:
        return Fault("", error.problem, remedy, line=number, column=error.column)
    if not isinstance(document.value, dict):
        return Fault("", "is not a JSON object", 'Write an object: {"prompt": "...", "images": []}.', line=number)
    if document.duplicates:
        return replace(document.duplicates[0], line=number)
    return Line(number, document.value)


def _no_lines(text: bytes, parsed: list[Line | Fault]) -> Fault:
    first = next(fault for fault in parsed if isinstance(fault, Fault))
    remedy = "Write one JSON object per line, without brackets around them and without commas between them."
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return file_fault(drop.BATCH, f"has no valid line; line {first.line} {first.detail}", remedy)
    if isinstance(whole, list):
        return file_fault(drop.BATCH, "is one JSON array instead of one object per line", remedy)
    return file_fault(drop.BATCH, "is one JSON value instead of one object per line", remedy)
