"""The marks of origin of an MP4: each place where one can be, and files that try to hide, to lie or to exhaust."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from gallop.domain.dashscope import mp4
from gallop.domain.dashscope.mp4 import BoxWalk
from gallop.domain.marks import Marks
from gallop.media import marks
from hypothesis import given
from hypothesis import strategies as st

from tests.support import marked
from tests.support.films import box, film, long_box

NONE = Marks(c2pa=False, xmp=False, aigc=False)
C2PA, XMP, AIGC = ({"c2pa": True}, {"xmp": True}, {"aigc": True})
HANDLER = box(b"hdlr", bytes(8) + b"mdir" + bytes(13))
DATA = box(b"data", b"\0\0\0\1" + bytes(4) + marked.LABEL.encode())
FREEFORM = box(b"----", box(b"mean", bytes(4) + b"cn") + box(b"name", bytes(4) + b"AIGC") + DATA)
MEBIBYTE = 1024**2


def found(*pieces: bytes) -> Marks:
    """Return the marks of a file that arrives in pieces."""
    walk = BoxWalk(marks.KEEP)
    for piece in pieces:
        walk.feed(piece)
    return marks.found_by(walk)


def shown(**expected: bool | None) -> Marks:
    """Return the marks of a file without any but those given."""
    return Marks(**{**NONE.view(), **expected})


def moov(*parts: bytes) -> bytes:
    """Return a whole file whose index has these parts."""
    return box(b"ftyp", b"isom") + box(b"moov", b"".join(parts)) + box(b"mdat", b"d" * 9)


def nested(kind: bytes, depth: int) -> bytes:
    """Return a box in a box in a box."""
    inner = b""
    for _ in range(depth):
        inner = box(kind, inner)
    return inner


CARRIERS = {
    "nothing": (film(), {}),
    "nothing, in fragments": (film(movflags="frag_keyframe+empty_moov"), {}),
    "AIGC, by FFmpeg": (marked.with_label(), AIGC),
    "AIGC, of iTunes": (moov(box(b"udta", box(b"meta", bytes(4) + HANDLER + box(b"ilst", FREEFORM)))), AIGC),
    "AIGC, by its own kind": (moov(box(b"meta", HANDLER + box(b"ilst", box(b"AIGC", DATA)))), AIGC),
    "AIGC, of QuickTime": (moov(box(b"udta", box(b"AIGC", b"\0\x40\0\0" + marked.LABEL.encode()))), AIGC),
    "AIGC, of a track": (moov(box(b"trak", box(b"udta", box(b"AIGC", marked.LABEL.encode())))), AIGC),
    "XMP, at the end": (film() + marked.xmp_box(marked.packet()), XMP),
    "XMP, to the end": (film() + b"\0\0\0\0uuid" + marked.XMP_UUID + marked.packet(), XMP),
    "XMP, of 64 bits": (film() + long_box(b"uuid", marked.XMP_UUID + marked.packet()), XMP),
    "XMP, in UTF-16": (film() + marked.xmp_box(marked.packet().decode().encode("utf-16")), XMP),
    "XMP, of QuickTime": (moov(box(b"udta", box(b"XMP_", marked.packet()))), XMP),
    "XMP with the label": (film() + marked.xmp_box(marked.labelled_packet()), {**XMP, **AIGC}),
    "C2PA": (film() + marked.c2pa_box(), C2PA),
    "C2PA, an update": (film() + marked.c2pa_box(purpose=b"update"), C2PA),
    "C2PA, large": (film() + marked.c2pa_box(bytes(MEBIBYTE)), C2PA),
    "all": (marked.with_label() + marked.c2pa_box() + marked.xmp_box(marked.packet()), {**AIGC, **C2PA, **XMP}),
}


@pytest.mark.parametrize(("data", "expected"), CARRIERS.values(), ids=CARRIERS)
def test_each_mark_is_found_where_it_may_be(data: bytes, expected: dict[str, bool]) -> None:
    """And no other."""
    assert shown(**expected) == found(data)


@given(st.sampled_from(sorted(CARRIERS)), st.lists(st.integers(0, 5000), max_size=20))
def test_the_pieces_do_not_matter(name: str, cuts: list[int]) -> None:
    """However the network splits a file, its marks are the same."""
    data = CARRIERS[name][0]
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert found(data) == found(*(data[start:end] for start, end in pairwise(edges)))


LOOKALIKES = {
    "a word": film() + box(b"free", b"AIGC C2PA <rdf:RDF> " + marked.C2PA_UUID + marked.XMP_UUID),
    "a key without a label": marked.with_label(value="yes"),
    "JSON without the field": marked.with_label(value='{"ContentProducer": "x"}'),
    "another key": marked.with_label(key="aigc-tool"),
    "deep JSON": marked.with_label(value='{"a":' * 5000),
    "a long number": marked.with_label(value='{"Label":' + "1" * 5000),
    "an empty box of C2PA": film() + box(b"uuid", marked.C2PA_UUID),
    "the hashes of C2PA": film() + marked.c2pa_box(purpose=b"merkle"),
    "an empty box of XMP": film() + box(b"uuid", marked.XMP_UUID),
    "half an id": film() + box(b"uuid", marked.XMP_UUID[:9]),
    "bare boxes": film() + box(b"uuid") + box(b"udta") + box(b"meta", b"\0"),
}


@pytest.mark.parametrize("data", LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_only_looks_like_a_mark_is_none(data: bytes) -> None:
    """A mark is one that a reader of such marks can use."""
    assert NONE == found(data)


HOSTILE = {
    "a box larger than its parent": moov(struct.pack(">I4s", 999, b"udta")),
    "a box smaller than its header": moov(b"\0\0\0\3udta"),
    "a box of 64 bits that lies": moov(struct.pack(">I4sQ", 1, b"udta", 2**63)),
    "too deep": moov(nested(b"udta", 3000)),
    "too many siblings": moov(box(b"udta") * 200),
    "too many boxes": moov(*(box(b"trak", box(b"udta", box(b"free") * 60) * 60) for _ in range(60))),
    "an index beyond the limit": moov(box(b"free", bytes(3 * MEBIBYTE)), box(b"udta")),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_read_is_not_known(data: bytes) -> None:
    """Neither yes nor no; what is elsewhere in the file is found nevertheless."""
    assert shown(xmp=None, aigc=None) == found(data)
    assert shown(xmp=None, aigc=None, c2pa=True) == found(data, marked.c2pa_box())


def test_a_mark_beyond_the_limits_of_a_file_is_not_known() -> None:
    """After many boxes, or large ones, no more is kept: the file is not held in memory."""
    for boxes in (box(b"uuid", b"x" * 30) * 5000, box(b"uuid", bytes(MEBIBYTE)) * 20):
        walk = BoxWalk(marks.KEEP)
        for piece in (film(), boxes, marked.c2pa_box()):
            walk.feed(piece)
        assert mp4.MAX_KEPT_BYTES >= sum(len(kept.data) for kept in walk.kept)
        assert mp4.MAX_KEPT_BOXES >= len(walk.kept)
        assert Marks() == marks.found_by(walk)


@given(st.sampled_from(sorted(CARRIERS)), st.data())
def test_no_bytes_crash_the_search(name: str, data: st.DataObject) -> None:
    """A damaged file has marks, or none, or ones that are not known."""
    whole = bytearray(CARRIERS[name][0])
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(whole)))
    assert found(bytes(whole[:length])).view().keys() == {"c2pa", "xmp", "aigc"}
