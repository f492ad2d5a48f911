"""HEIC and AVIF files that are made to keep their reader busy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from gallop.media import heif, heif_streams
from gallop.media.heif import Coded
from gallop.media.reading import DamagedError, TimedReader

from tests.support.clips import box

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"\x22" + b"\x81\x82" * (10 * MEGABYTE),
        lambda: b"\x22" + b"\xff" * (20 * MEGABYTE),
        lambda: b"\x22" + b"\x80" * (20 * MEGABYTE),
        lambda: b"\x22\x00" * (2 * MEGABYTE),
    ],
    ids=["a size of two bytes in turn", "a size of ones", "a size of zeros", "empty units"],
)
def test_a_size_without_end_takes_no_time(content: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of 64 bits has ten bytes at most."""
    monkeypatch.setattr(heif_streams, "_pixels", lambda *_: b"pixels")
    coded = Coded(b"av01", content(), b"")
    began = time.thread_time()
    with pytest.raises(DamagedError):
        heif_streams.check(coded, TimedReader(b""))
    assert 2 > time.thread_time() - began


HEAD = box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")
REST = {
    b"hdlr": bytes(8) + b"pict" + bytes(13),
    b"pitm": bytes(4) + b"\0\1",
    b"iinf": bytes(4) + b"\0\1" + box(b"infe", b"\2\0\0\0\0\1\0\0hvc1\0"),
    b"iloc": bytes(4) + b"\0\0\0\0",
    b"iprp": box(b"ipco") + box(b"ipma", bytes(8)),
}


def with_table(kind: bytes, content: bytes) -> bytes:
    """Return a file with a table of its own making."""
    return HEAD + box(b"meta", bytes(4) + b"".join(box(*one) for one in {**REST, kind: content}.items()))


@pytest.mark.parametrize(
    "data",
    [
        lambda: HEAD + box(b"free") * (2 * MEGABYTE),
        lambda: with_table(b"iref", bytes(4) + box(b"dimg", b"\0\1\xff\xff" + bytes(131_070)) * 150),
        lambda: with_table(b"iloc", b"\1\0\0\0\0\0" + b"\xff\xff" + b"\0\1\0\0\0\0\xff\xff" * 65_535),
        lambda: with_table(b"iloc", b"\0\0\0\0\0\0" + b"\0\1\0\1\0\0\xff\xff" + bytes(20 * MEGABYTE)),
    ],
    ids=["boxes", "references", "places without numbers", "places of all data"],
)
def test_tables_without_end_take_neither_time_nor_memory(data: Callable[[], bytes]) -> None:
    """Each number of a table, and each byte of an image, is read once."""
    content = data()
    began = time.thread_time()
    with pytest.raises(DamagedError):
        heif.still(content)
    assert 2 > time.thread_time() - began


def test_an_image_without_its_set_up_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The box that says how long the sizes of its units are is missing."""
    monkeypatch.setattr(heif_streams, "_pixels", lambda *_: b"pixels")
    with pytest.raises(DamagedError):
        heif_streams.check(Coded(b"hvc1", bytes(999), b""), TimedReader(b""))
    with pytest.raises(DamagedError):
        heif_streams.check(Coded(b"hvc1", bytes(999), b"hvcC"), TimedReader(b""))
