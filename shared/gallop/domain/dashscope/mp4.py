"""The outer boxes of an MP4 file, checked while its bytes are streamed (ISO/IEC 14496-12 §4.2)."""

from __future__ import annotations

_HEADER = 8
_LONG_HEADER = 16


class BoxWalk:
    """Follow the chain of outer boxes through a file that arrives in pieces, buffering at most one header.

    A file is complete when it begins with ``ftyp``, has ``moov`` and ``mdat``, and ends where its last box ends.
    """

    def __init__(self) -> None:
        """Start before the first byte."""
        self._header = b""
        self._skip = 0
        self._to_the_end = False
        self._types: list[bytes] = []
        self._broken = False

    def feed(self, piece: bytes) -> None:
        """Process the next bytes."""
        view = memoryview(piece)
        while view and not self._to_the_end and not self._broken:
            if self._skip:
                step = min(self._skip, len(view))
                self._skip -= step
                view = view[step:]
            else:
                view = self._collect_header(view)

    def complaint(self) -> str:
        """Return why the bytes so far are not a complete MP4 file; empty if they are one."""
        if self._broken or self._types[:1] != [b"ftyp"]:
            return "it is not an MP4 file"
        if self._skip or self._header:
            return "it ends inside a box"
        missing = [kind.decode() for kind in (b"moov", b"mdat") if kind not in self._types]
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
        self._types.append(kind)
        self._to_the_end = size == 0
        self._broken = (size != 0 and size < header) or self._types[0] != b"ftyp"
        self._skip = max(0, size - header)
