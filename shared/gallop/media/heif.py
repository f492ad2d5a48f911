"""Read the boxes of a HEIC or AVIF file (ISO/IEC 23008-12): what is its main image, and is all its data there.

libheif decodes what there is of an image that was cut, and Pillow's decoder of AVIF does not say how colours are meant.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from gallop.domain.frozen import frozen
from gallop.media.colours import Nclx
from gallop.media.reading import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOP_LEVEL = {
    b"ftyp",
    b"meta",
    b"mdat",
    b"moov",
    b"free",
    b"skip",
    b"wide",
    b"uuid",
    b"mpvd",
    b"moof",
    b"mfra",
    b"styp",
}
_HEAD, _LARGE_HEAD, _FULL = 8, 16, 4
_IN_FILE, _IN_IDAT = 0, 1
_DERIVED = {b"grid", b"iden", b"iovl", b"tmap"}
_HEVC = {b"hvc1", b"hev1"}
SLICES = range(32)
"""The types of the units of an HEVC image that have its pixels."""
MAX_UNITS = 10_000
"""Of an image; HEVC has 600 slices at most, AV1 4,096 tiles."""
# Of an image of 100 million pixels, with tiles of a quarter of those of phones.
_MAX_PARTS = 2000
_MAX_TABLE_BYTES, _MAX_NUMBERS, _MAX_BOXES = 1024**2, 500_000, 100_000
_ENCODING = {b"hvcC", b"av1C", b"ispe", b"pixi"}
# Coded data has no longer rows of equal bytes: HEVC allows two zeros; in AV1, three have been seen.
_ZEROS, _AV1 = bytes(4), b"av01"
_HOLES = (bytes(128), b"\xff" * 128)
_READ_BY = {b"hvc1": b"heic", b"hev1": b"heic", b"av01": b"avif"}
_SEQUENCES = {b"hevc", b"hevx", b"hevm", b"hevs", b"avis", b"msf1"}
_FAMILIES = {
    b"heic": {b"heic", b"heix", b"heim", b"heis", *_SEQUENCES - {b"avis"}},
    b"avif": {b"avif", b"avis"},
}


class Box(NamedTuple):
    """A box by its name and the place of its content."""

    name: bytes
    start: int
    end: int


@dataclass(slots=True)
class _Item:
    kind: bytes = b""
    method: int = _IN_FILE
    extents: list[tuple[int, int]] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    properties: list[Box] = field(default_factory=list)


class Coded(NamedTuple):
    """An encoded image: the main one, or one of its tiles. ``properties`` are boxes that say how it is encoded."""

    kind: bytes
    content: bytes
    properties: bytes

    @property
    def size_bytes(self) -> int:
        """How many bytes before each unit of an HEVC image have its size.

        Raises:
            DamagedError: no box says it.

        """
        place = self.properties.find(b"hvcC")
        if place < 0:
            raise DamagedError
        return (self.properties[place + 25] & 3) + 1


@frozen
class Still:
    """The main image of a file."""

    codec: bytes
    size: tuple[int, int]
    nclx: Nclx | None
    parts: tuple[Coded, ...]

    @property
    def brand(self) -> bytes:
        """The brand by which a reader knows that it can decode the image; empty if none can."""
        return _READ_BY.get(self.codec, b"")


def is_container(data: bytes) -> bool:
    """Return whether a file consists of boxes; it may be a video, too."""
    return data[4:8] == b"ftyp"


def still(data: bytes) -> Still | None:
    """Return the main image of a file whose data is all there; None if it holds no still image.

    Raises:
        DamagedError: the file was cut, or its boxes make no sense.

    """
    try:
        top = list(_top_level(data))
        meta = next((box for box in top if box.name == b"meta"), None)
        if meta is None:
            return None
        children = {box.name: box for box in _boxes(data, meta.start + _FULL, meta.end)}
        handler = children.get(b"hdlr")
        if handler is None or data[handler.start + 8 : handler.start + 12] != b"pict":
            return None
        return _main_image(data, children)
    except (struct.error, LookupError) as error:
        raise DamagedError from error


def branded(data: bytes, image: Still) -> bytes:
    """Return the file under a brand that the reader of its main image knows."""
    if not image.brand or data[8:12] in _FAMILIES[image.brand]:
        return data
    return data[:8] + image.brand + data[12:]


def _top_level(data: bytes) -> Iterator[Box]:
    """Yield the outer boxes; bytes behind the last one are no box, and do not matter."""
    for box in _boxes(data, 0, len(data)):
        if box.name not in _TOP_LEVEL:
            if box.end > len(data) or not box.name.isalnum():
                return
        elif box.end > len(data):
            raise DamagedError
        yield box


def _boxes(data: bytes, place: int, end: int) -> Iterator[Box]:
    boxes = 0
    while place + _HEAD <= end:
        boxes += 1
        if boxes > _MAX_BOXES:
            raise DamagedError
        size, name = struct.unpack_from(">I4s", data, place)
        start = place + _HEAD
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start = place + _LARGE_HEAD
        stop = place + size if size else end
        if stop < start:
            return
        yield Box(name, start, stop)
        place = stop


def _main_image(data: bytes, children: dict[bytes, Box]) -> Still:
    items = _items(data, children)
    primary = children[b"pitm"]
    number = _integer(data, primary.start + _FULL, 4 if data[primary.start] else 2)
    idat = children.get(b"idat")
    needed = {number, *islice(_parts(items, number), _MAX_PARTS + 1)}
    # Parts that share their data would take much more memory than the file.
    if len(needed) > _MAX_PARTS or sum(_length(data, items[part], idat) for part in needed) > len(data):
        raise DamagedError
    contents = {part: _checked(data, items[part], idat) for part in needed}
    parts = tuple(
        Coded(items[part].kind, content, _how_it_is_encoded(data, items[part]))
        for part, content in sorted(contents.items())
        if items[part].kind not in _DERIVED
    )
    main = items[number]
    coded = items[next(iter(_parts(items, number)), number)] if main.kind in _DERIVED else main
    size = next((box for box in main.properties if box.name == b"ispe"), None)
    measured = (0, 0) if size is None else struct.unpack_from(">II", data, size.start + _FULL)
    return Still(coded.kind, (measured[0], measured[1]), _nclx(data, main, coded), parts)


def _parts(items: dict[int, _Item], number: int) -> Iterator[int]:
    """Yield the coded images that an image is made of, at any depth, each once."""
    seen, left = {number}, [number]
    while left:
        for part in items[left.pop()].parts:
            if part in seen:
                continue
            seen.add(part)
            if items[part].kind in _DERIVED:
                left.append(part)
            else:
                yield part


def _how_it_is_encoded(data: bytes, item: _Item) -> bytes:
    boxes = (data[box.start : box.end] for box in item.properties)
    return b"".join(
        struct.pack(">I4s", len(content) + _HEAD, box.name) + content
        for box, content in zip(item.properties, boxes, strict=True)
        if box.name in _ENCODING
    )


def _length(data: bytes, item: _Item, idat: Box | None) -> int:
    whole = idat.end - idat.start if item.method == _IN_IDAT and idat else len(data)
    return sum(length or max(0, whole - offset) for offset, length in item.extents)


def _checked(data: bytes, item: _Item, idat: Box | None) -> bytes:
    """Return the data of an image, which is where its file says, and made of whole units."""
    if item.method not in (_IN_FILE, _IN_IDAT):
        return b""
    if not item.extents or (item.method == _IN_IDAT and idat is None):
        raise DamagedError
    base, limit = (idat.start, idat.end) if item.method == _IN_IDAT and idat else (0, len(data))
    pieces = []
    for offset, length in item.extents:
        start = base + offset
        end = start + length if length else limit
        if start >= limit or end > limit:
            raise DamagedError
        pieces.append(data[start:end])
    content = b"".join(pieces)
    if item.kind in _HEVC:
        _check_units(data, item, content)
    elif item.kind == _AV1 and any(hole in content for hole in _HOLES):
        raise DamagedError
    return content


def _check_units(data: bytes, item: _Item, content: bytes) -> None:
    """Check the units of an HEVC image: each has its size before it, and a row of zeros in one would be a hole."""
    settings = next(box for box in item.properties if box.name == b"hvcC")
    size_bytes = (data[settings.start + 21] & 3) + 1
    place = units = 0
    while place < len(content):
        units += 1
        size = int.from_bytes(content[place : place + size_bytes])
        end = place + size_bytes + size
        start = place + size_bytes
        if units > MAX_UNITS or not size or end > len(content) or content.find(_ZEROS, start, end) >= 0:
            raise DamagedError
        # Cameras fill up with units of ones behind those of the pixels.
        if content[start] >> 1 & 0x3F in SLICES and content.find(_HOLES[1], start, end) >= 0:
            raise DamagedError
        place = end


def _items(data: bytes, children: dict[bytes, Box]) -> dict[int, _Item]:
    tables = (children[name] for name in (b"iinf", b"iloc", b"iref", b"iprp") if name in children)
    if any(table.end - table.start > _MAX_TABLE_BYTES for table in tables):
        raise DamagedError
    items: dict[int, _Item] = {}
    for number, kind in _kinds(data, children[b"iinf"]):
        items.setdefault(number, _Item()).kind = kind
    for number, method, extents in _places(data, children[b"iloc"]):
        item = items.setdefault(number, _Item())
        item.method, item.extents = method, extents
    if b"iref" in children:
        for number, parts in _references(data, children[b"iref"]):
            items.setdefault(number, _Item()).parts += parts
    inner = {box.name: box for box in _boxes(data, children[b"iprp"].start, children[b"iprp"].end)}
    known = list(_boxes(data, inner[b"ipco"].start, inner[b"ipco"].end))
    for number, places in _associations(data, inner[b"ipma"]):
        items.setdefault(number, _Item()).properties += [known[place - 1] for place in places if place]
    return items


def _kinds(data: bytes, iinf: Box) -> Iterator[tuple[int, bytes]]:
    start = iinf.start + _FULL + (4 if data[iinf.start] else 2)
    for box in _boxes(data, start, iinf.end):
        version = data[box.start]
        if version >= 2:  # noqa: PLR2004 - older ones have no types
            width = 2 if version == 2 else 4  # noqa: PLR2004
            place = box.start + _FULL
            yield _integer(data, place, width), data[place + width + 2 : place + width + 6]


def _places(data: bytes, iloc: Box) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    version, at = data[iloc.start], _Cursor(data, iloc.start + _FULL)
    sizes = at.take(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2  # noqa: PLR2004
    for _ in range(at.take(wide)):
        number = at.take(wide)
        method = at.take(2) & 15 if version else _IN_FILE
        data_reference = at.take(2)
        base, extents = at.take(base_size), []
        for _ in range(at.take(2)):
            at.take(index_size if version else 0)
            offset = at.take(offset_size)
            extents.append((base + offset, at.take(length_size)))
        # Nonzero: in another file, which no image of a phone is.
        yield number, method if not data_reference else -1, extents


def _references(data: bytes, iref: Box) -> Iterator[tuple[int, list[int]]]:
    width = 4 if data[iref.start] else 2
    for box in _boxes(data, iref.start + _FULL, iref.end):
        if box.name == b"dimg":
            at = _Cursor(data, box.start)
            number = at.take(width)
            yield number, [at.take(width) for _ in range(at.take(2))]


def _associations(data: bytes, ipma: Box) -> Iterator[tuple[int, list[int]]]:
    version, wide = data[ipma.start], data[ipma.start + 3] & 1
    at = _Cursor(data, ipma.start + _FULL)
    for _ in range(at.take(4)):
        number = at.take(4 if version else 2)
        yield number, [at.take(2) & 0x7FFF if wide else at.take(1) & 0x7F for _ in range(at.take(1))]


def _nclx(data: bytes, *items: _Item) -> Nclx | None:
    """Return the colours by code points, which a colour profile beside them overrides."""
    colours = [box for item in items for box in item.properties if box.name == b"colr"]
    if any(data[box.start : box.start + 4] in (b"prof", b"rICC") for box in colours):
        return None
    for box in colours:
        if data[box.start : box.start + 4] == b"nclx":
            return Nclx(*struct.unpack_from(">HH", data, box.start + 4))
    return None


def _integer(data: bytes, place: int, size: int) -> int:
    if place + size > len(data):
        raise DamagedError
    return int.from_bytes(data[place : place + size])


class _Cursor:
    """Takes one integer after the other."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self._place, self._left = data, place, _MAX_NUMBERS

    def take(self, size: int) -> int:
        number = _integer(self._data, self._place, size)
        self._place += size
        self._left -= 1
        if self._left < 0:
            raise DamagedError
        return number
