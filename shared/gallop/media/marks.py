"""The marks of origin in an MP4 file: C2PA's manifest, XMP, and the AIGC label of China's GB 45438-2025.

They are found, not verified. What is read is bounded: a file of any shape takes little memory and time, and is at
worst one of which the marks are not known. Sources: C2PA 2.2, A.5 (BMFF); XMP part 3, 1.2.7; TC260's practice guide on
video files, whose examples FFmpeg writes with ``use_metadata_tags``.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, BinaryIO

from gallop.domain.marks import Marks
from gallop.media import boxes
from gallop.media.boxes import Box, BrokenError

if TYPE_CHECKING:
    from gallop.domain.dashscope.mp4 import BoxWalk, Kept

KEEP = {b"uuid": 256 * 1024, **dict.fromkeys((b"moov", b"udta", b"meta"), 2 * 1024**2)}
"""The boxes that may have a mark, and how much of each is kept."""

MAX_BOXES, MAX_DEPTH, MAX_LABEL_BYTES = 2000, 4, 64 * 1024
_C2PA = bytes.fromhex("D8FEC3D61B0E483C92975828877EC481")
_XMP = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
# The type of a superbox of JUMBF that holds manifests.
_MANIFEST_STORE = bytes.fromhex("6332706100110010800000AA00389B71")
_PURPOSES = (b"manifest", b"original", b"update")
_AIGC_NAMESPACE = b"http://www.tc260.org.cn/ns/AIGC/"
_UUID_BYTES = 16


def found_by(walk: BoxWalk) -> Marks:
    """Return the marks in what a walk, to the end of a file, kept of its boxes."""
    search = _Search()
    for kept in walk.kept:
        search.look_into(kept)
    if walk.has_dropped:
        search.unsure |= {"c2pa", "xmp", "aigc"}
    return Marks(
        **{name: name in search.found or (None if name in search.unsure else False) for name in ("c2pa", "xmp", "aigc")}
    )


class _Search:
    def __init__(self) -> None:
        self.found: set[str] = set()
        self.unsure: set[str] = set()
        self._boxes_left = MAX_BOXES

    def look_into(self, kept: Kept) -> None:
        """Look for marks in an outer box."""
        data = bytes(kept.data)
        if kept.kind == b"uuid":
            self._look_at_uuid(data)
            if kept.is_cut and data[:_UUID_BYTES] == _XMP:
                self.unsure.add("aigc")
            return
        if kept.is_cut:
            self.unsure |= {"xmp", "aigc"}
        try:
            self._look_inside(io.BytesIO(data), Box(kept.kind, 0, len(data)), MAX_DEPTH)
        except BrokenError:
            self.unsure |= {"xmp", "aigc"}

    def _look_inside(self, file: BinaryIO, parent: Box, depth: int) -> None:
        keys: list[bytes] = []
        for box in boxes.inside(file, parent, _preamble(file, parent)):
            self._boxes_left -= 1
            if not depth or not self._boxes_left:
                raise BrokenError("it has too many parts")
            match box.kind:
                case b"trak" | b"udta" | b"meta":
                    self._look_inside(file, box, depth - 1)
                case b"keys":
                    keys = _keys(boxes.payload(file, box))
                case b"ilst":
                    self._look_at_items(file, box, keys)
                case b"uuid":
                    self._look_at_uuid(boxes.payload(file, box))
                case b"XMP_":
                    self._look_at_xmp(boxes.payload(file, box))
                case b"AIGC":
                    self._look_at_label(boxes.payload(file, box))

    def _look_at_items(self, file: BinaryIO, parent: Box, keys: list[bytes]) -> None:
        """Look at the items of iTunes, which are named by their kind, and of QuickTime, by their number in ``keys``."""
        for item in boxes.inside(file, parent):
            number = int.from_bytes(item.kind, "big")
            name = keys[number - 1] if 1 <= number <= len(keys) else item.kind
            if name == b"----" and (named := boxes.first(file, item, b"name")):
                name = boxes.payload(file, named)[4:]
            if name == b"AIGC" and (value := boxes.first(file, item, b"data")):
                self._look_at_label(boxes.payload(file, value)[8:])

    def _look_at_uuid(self, data: bytes) -> None:
        kind, payload = data[:_UUID_BYTES], data[_UUID_BYTES:]
        if kind == _XMP:
            self._look_at_xmp(payload)
        elif kind == _C2PA:
            purpose, _, rest = payload[4:].partition(b"\0")
            # A place in the file may come first, and the size of the superbox may have 32 or 64 bits.
            if purpose in _PURPOSES and b"jumb" in rest[:32] and _MANIFEST_STORE in rest[:64]:
                self.found.add("c2pa")

    def _look_at_xmp(self, packet: bytes) -> None:
        # In UTF-16, as in UTF-8.
        text = packet.replace(b"\0", b"")
        if b"rdf:RDF" in text:
            self.found.add("xmp")
            if _AIGC_NAMESPACE in text and b":AIGC" in text:
                self.found.add("aigc")

    def _look_at_label(self, value: bytes) -> None:
        if _is_label(value):
            self.found.add("aigc")


def _preamble(file: BinaryIO, box: Box) -> int:
    """Return the bytes before the first box inside another: version and flags of a ``meta``, but not QuickTime's."""
    if box.kind != b"meta" or box.end - box.start < 8:  # noqa: PLR2004 - the header of a box
        return 0
    return 0 if boxes.read(file, box.start, 8)[4:] == b"hdlr" else 4


def _keys(payload: bytes) -> list[bytes]:
    """Return the names of items, in their order; each is preceded by its size and its namespace."""
    names: list[bytes] = []
    place = 8
    while place + 8 <= len(payload) and len(names) < boxes.MAX_SIBLINGS:
        size = int.from_bytes(payload[place : place + 4], "big")
        names.append(payload[place + 8 : place + max(size, 8)])
        place += max(size, 8)
    return names


def _is_label(value: bytes) -> bool:
    """Return whether a value is a label: JSON with its required field; QuickTime puts a few bytes before a text."""
    start = value.find(b"{")
    if start < 0 or len(value) > MAX_LABEL_BYTES:
        return False
    try:
        label = json.loads(value[start:].rstrip(b"\0"))
    except (ValueError, RecursionError):
        return False
    return "Label" in label
