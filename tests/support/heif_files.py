"""HEIF files as phones write them: an image of several tiles, put together from encoded ones."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.support.pictures import encoded

if TYPE_CHECKING:
    from PIL import Image

TILE = 320


def box(name: bytes, *content: bytes, large: bool = False) -> bytes:
    """Write a box; a ``large`` one has a size of 64 bits."""
    body = b"".join(content)
    if large:
        return struct.pack(">I4sQ", 1, name, len(body) + 16) + body
    return struct.pack(">I4s", len(body) + 8, name) + body


def full(name: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Write a box with a version."""
    return box(name, struct.pack(">I", version << 24 | flags), *content)


def tiled(image: Image.Image, *, large: bool = False, colours: tuple[int, int] = (1, 13)) -> bytes:
    """Write a HEIC of four tiles, each a hidden image."""
    tiles = [
        encoded(image.crop((left, top, left + TILE, top + TILE)), "HEIF") for top in (0, TILE) for left in (0, TILE)
    ]
    coded = [tile[tile.index(b"mdat") + 4 :] for tile in tiles]
    start = tiles[0].index(b"hvcC") - 4
    settings = tiles[0][start : start + int.from_bytes(tiles[0][start : start + 4])]
    infos = [full(b"infe", struct.pack(">HH", n, 0), b"hvc1", b"\0", version=2, flags=1) for n in range(1, 5)]
    infos.append(full(b"infe", struct.pack(">HH", 5, 0), b"grid", b"\0", version=2))
    size = [full(b"ispe", struct.pack(">II", side, side)) for side in (TILE, 2 * TILE)]
    meant = box(b"colr", b"nclx", struct.pack(">HHHB", *colours, 6, 128))
    links = b"".join(struct.pack(">HBBB", n, 2, 0x81, 2) for n in range(1, 5)) + struct.pack(">HBBB", 5, 2, 3, 4)

    def before(offset: int) -> bytes:
        places = b""
        for number, data in enumerate(coded, 1):
            places += struct.pack(">HHHHII", number, 0, 0, 1, offset, len(data))
            offset += len(data)
        places += struct.pack(">HHHHII", 5, 1, 0, 1, 0, 8)
        meta = full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(">H", 5)),
            full(b"iinf", struct.pack(">H", 5), *infos),
            full(b"iref", box(b"dimg", struct.pack(">HH4H", 5, 4, 1, 2, 3, 4))),
            box(b"iprp", box(b"ipco", settings, *size, meant), full(b"ipma", struct.pack(">I", 5), links)),
            box(b"idat", struct.pack(">BBBBHH", 0, 0, 1, 1, 2 * TILE, 2 * TILE)),
            full(b"iloc", b"\x44\0", struct.pack(">H", 5), places, version=1),
        )
        return box(b"ftyp", b"heic", bytes(4), b"mif1heic") + meta

    return before(len(before(0)) + (16 if large else 8)) + box(b"mdat", *coded, large=large)
