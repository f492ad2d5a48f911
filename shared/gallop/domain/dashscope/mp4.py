"""The outer boxes of an MP4 file, checked while its bytes are streamed (ISO/IEC 14496-12 §4.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = 8
_LONG_HEADER = 16
_NEEDED = (b"moov", b"mdat")
# Of all kept boxes together; an index of a video of 15 seconds has less than 100 KB.
MAX_KEPT_BYTES, MAX_KEPT_BOXES = 4 * 1024**2, 64


@dataclass(slots=True)
class Kept:
    """What was kept of a box: its kind, and its payload; ``is_cut`` says that the payload has more bytes."""

    kind: bytes
    data: bytearray = field(default_factory=bytearray)
    is_cut: bool = False


class BoxWalk:
    """Follow the chain of outer boxes through a file that arrives in pieces, buffering at most one header.

    A file is complete when it begins with ``ftyp``, has ``moov`` and ``mdat``, and ends where its last box ends.
    ``keep`` names the kinds of boxes whose payload is kept, with the maximum number of bytes for each box.
    """

    def __init__(self, keep: Mapping[bytes, int] | None = None) -> None:
        """Start before the first byte."""
        self._header = b""
        self._skip = 0
        self._to_the_end = False
        self._first = b""
        self._missing = list(_NEEDED)
        self._broken = False
        self._keep = keep or {}
        self._box: Kept | None = None
        self._room = 0
        self.kept: list[Kept] = []
        self.has_dropped = False
        """Whether boxes were not kept because there were too many, or they were too large together."""

    def feed(self, piece: bytes) -> None:
        """Process the next bytes."""
        view = memoryview(piece)
        while view and not self._broken:
            if self._skip or self._to_the_end:
                step = len(view) if self._to_the_end else min(self._skip, len(view))
                self._keep_some(view[:step])
                self._skip -= 0 if self._to_the_end else step
                view = view[step:]
            else:
                view = self._collect_header(view)

    def complaint(self) -> str:
        """Return why the bytes so far are not a complete MP4 file; empty if they are one."""
        if self._broken or self._first != b"ftyp":
            return "it is not an MP4 file"
        if self._skip or self._header:
            return "it ends inside a box"
        missing = [kind.decode() for kind in self._missing]
        return f"it has no {' and no '.join(missing)} box" if missing else ""

    @property
    def is_foreign(self) -> bool:
        """Whether the bytes so far cannot be the beginning of an MP4 file."""
        return self._broken

    def _collect_header(self, view: memoryview) -> memoryview:
        length = _LONG_HEADER if self._header[:4] == b"\0\0\0\1" else _HEADER
        step = min(length - len(self._header), len(view))
        self._header += bytes(view[:step])
        if len(self._header) == _HEADER and self._header[:4] != b"\0\0\0\1":
            self._open_box(int.from_bytes(self._header[:4], "big"), _HEADER)
        elif len(self._header) == _LONG_HEADER:
            self._open_box(int.from_bytes(self._header[8:], "big"), _LONG_HEADER)
        return view[step:]

    def _open_box(self, size: int, header: int) -> None:
        kind = self._header[4:8]
        self._header = b""
        self._first = self._first or kind
        self._missing = [other for other in self._missing if other != kind]
        self._to_the_end = size == 0
        self._broken = (size != 0 and size < header) or self._first != b"ftyp"
        self._skip = max(0, size - header)
        self._box, self._room = self._kept_box(kind)

    def _kept_box(self, kind: bytes) -> tuple[Kept | None, int]:
        """Return where to keep the payload of a box, and how many bytes of it."""
        if kind not in self._keep:
            return None, 0
        left = MAX_KEPT_BYTES - sum(len(kept.data) for kept in self.kept)
        if not left or len(self.kept) == MAX_KEPT_BOXES:
            self.has_dropped = True
            return None, 0
        self.kept.append(Kept(kind))
        return self.kept[-1], min(left, self._keep[kind])

    def _keep_some(self, piece: memoryview) -> None:
        if self._box:
            self._box.data += piece[: self._room]
            self._box.is_cut = self._box.is_cut or len(piece) > self._room
            self._room -= min(self._room, len(piece))
