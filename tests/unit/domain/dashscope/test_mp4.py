"""The walk over the outer boxes of an MP4 while its bytes are streamed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from gallop.domain.dashscope.mp4 import BoxWalk
from hypothesis import given
from hypothesis import strategies as st

from tests.support.films import box, film, frames_of, large_film, long_box

FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
SMALLEST = FTYP + box(b"moov", b"m" * 20) + box(b"mdat", b"d" * 30)
LAYOUTS = {
    "plain": SMALLEST,
    "moov last": FTYP + box(b"free") + box(b"mdat", b"d" * 30) + box(b"moov", b"m" * 20),
    "64-bit": FTYP + box(b"moov") + long_box(b"mdat", b"d" * 30),
    "to the end": FTYP + box(b"moov") + b"\0\0\0\0mdat" + b"d" * 30,
    "fragmented": FTYP + box(b"moov", b"m") + box(b"moof", b"f") + box(b"mdat", b"d" * 9) + box(b"mfra"),
}


def walk(*pieces: bytes) -> BoxWalk:
    """Feed pieces to a new walk."""
    boxes = BoxWalk()
    for piece in pieces:
        boxes.feed(piece)
    return boxes


@pytest.mark.parametrize("movflags", ["", "faststart", "frag_keyframe+empty_moov"])
def test_real_videos_are_complete(movflags: str) -> None:
    """Each layout that FFmpeg writes for a playable MP4 is accepted."""
    data = film(movflags=movflags)
    assert 12 == frames_of(data)
    assert "" == walk(data).complaint()


@pytest.mark.parametrize("data", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout_is_complete(data: bytes) -> None:
    """Boxes come in any order, with sizes of 32 or 64 bits, and the last one may extend to the end of the file."""
    assert "" == walk(data).complaint()


@given(st.sampled_from(sorted(LAYOUTS)), st.lists(st.integers(0, 200), max_size=30))
def test_the_verdict_does_not_depend_on_the_pieces(layout: str, cuts: list[int]) -> None:
    """However the network splits a file, the verdict is that on the whole file."""
    data = LAYOUTS[layout]
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert "" == walk(*pieces).complaint()


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"to the end", "fragmented"}))
def test_a_file_cut_at_any_byte_is_never_complete(layout: str) -> None:
    """No truncation is accepted."""
    data = LAYOUTS[layout]
    assert [] == [length for length in range(len(data)) if not walk(data[:length]).complaint()]


def test_a_real_video_cut_at_any_byte_is_never_complete() -> None:
    """No truncation of a file as DashScope sends it is accepted."""
    data = film(movflags="faststart")
    boxes, passed = BoxWalk(), []
    for length, byte in enumerate(data):
        if not boxes.complaint():
            passed.append(length)
        boxes.feed(bytes([byte]))
    assert [] == passed
    assert "" == boxes.complaint()


@given(st.sampled_from(sorted(LAYOUTS)), st.integers(0, 120), st.lists(st.integers(0, 120), max_size=9))
def test_a_cut_file_gets_the_same_verdict_in_pieces(layout: str, length: int, cuts: list[int]) -> None:
    """A truncation is found however the file is split."""
    data = LAYOUTS[layout][:length]
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert walk(data).complaint() == walk(*pieces).complaint()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "it is not an MP4 file"),
        (b"<html><body>404</body></html>", "it is not an MP4 file"),
        (box(b"moov") + FTYP, "it is not an MP4 file"),
        (b"\0\0\0\7ftyp" + b"x" * 20, "it is not an MP4 file"),
        (FTYP + b"\0\0\0\3mdat", "it is not an MP4 file"),
        (FTYP + b"\0\0\0\1mdat" + (15).to_bytes(8, "big"), "it is not an MP4 file"),
        (FTYP, "it has no moov and no mdat box"),
        (FTYP + box(b"moov"), "it has no mdat box"),
        (FTYP + box(b"mdat"), "it has no moov box"),
        (SMALLEST + b"\0", "it ends inside a box"),
        (SMALLEST + box(b"free", b"x" * 9)[:-1], "it ends inside a box"),
    ],
)
def test_the_problem_is_explained(data: bytes, complaint: str) -> None:
    """A file that is not a complete MP4 is refused with a readable message."""
    assert complaint == walk(data).complaint()


def test_another_format_is_recognised_by_its_first_bytes() -> None:
    """Eight bytes are enough to stop a download that cannot be an MP4."""
    assert not walk(b"<!DOCTY").is_foreign
    assert walk(b"<!DOCTYP").is_foreign
    assert not walk(film()).is_foreign


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_walk(data: bytes) -> None:
    """Random bytes get a verdict."""
    assert walk(data).complaint()


def test_a_walk_stores_nothing_of_the_content() -> None:
    """It stores a header at most for a gigabyte, and handles 64-bit sizes completely."""
    boxes, longest = BoxWalk(), 0
    for piece in large_film(64 * 1024 * 1024):
        boxes.feed(piece)
        longest = max(longest, len(boxes._header))  # noqa: SLF001 - the only bytes it keeps
    assert "" == boxes.complaint()
    assert 16 >= longest
