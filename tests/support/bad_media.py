"""Files that a model does not take, and what is said about each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from gallop.domain.media_rules import MEBIBYTE

from tests.functional.fake_dashscope.clips import tone
from tests.support.clips import box, clip
from tests.support.pictures import picture

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file in the place of a media field, which is made when it is needed, and the details of its faults."""

    field: str
    make: Callable[[], bytes]
    says: tuple[str, ...]


@cache
def large() -> bytes:
    """Make a video of 101 MB."""
    return clip() + box(b"free", bytes(101 * MEBIBYTE))


TOO_SHORT = "is too short: 2 s; the minimum is 3 s"
SHORT_SIDE = "is {} px; the shorter side must be at least 360 px"
FEW_FRAMES = "has 7 frames per second; more than 8 are required"
BAD_FILES = {
    "a frame of 299 px": BadFile(
        "first_frame",
        lambda: picture(width=299, height=400),
        ("is 299 x 400 px; the shorter side must be at least 300 px",),
    ),
    "a frame of 1:2.6": BadFile(
        "first_frame",
        lambda: picture(width=300, height=780),
        ("is 300 x 780 px; the aspect ratio must be between 1:2.5 and 2.5:1",),
    ),
    "a frame that is a video": BadFile(
        "first_frame", clip, ("is not a supported image: its content looks like a video",)
    ),
    "2 s": BadFile("video", lambda: clip(2), (TOO_SHORT,)),
    "61 s": BadFile("video", lambda: clip(61, 9), ("is too long: 61 s; the maximum is 60 s",)),
    "7 frames per second": BadFile("video", lambda: clip(4, 7), (FEW_FRAMES,)),
    "359 px": BadFile("video", lambda: clip(size=(640, 358)), (SHORT_SIDE.format("640 x 358"),)),
    "wider than 2.5:1": BadFile(
        "video", lambda: clip(size=(902, 360)), ("is 902 x 360 px; its aspect ratio must be between 1:2.5 and 2.5:1",)
    ),
    "everything": BadFile(
        "video", lambda: clip(2, 7, (300, 300)), (TOO_SHORT, SHORT_SIDE.format("300 x 300"), FEW_FRAMES)
    ),
    "101 MB": BadFile("video", large, ("is too large: 101.0 MB; the maximum is 100 MB",)),
    "an image": BadFile("video", picture, ("is not a video: its content looks like an image",)),
    "cut": BadFile("video", lambda: clip()[:-900], ("is damaged or incomplete: it ends too early",)),
    "only sound": BadFile("video", tone, ("is not a video: it has only sound",)),
    "a text": BadFile("video", lambda: b"This is a text.", ("is not a video: its content looks like a text file",)),
    "a web page": BadFile("video", lambda: b"<html>", ("is not a video: its content looks like a web page",)),
    "a Matroska": BadFile("video", lambda: clip(form="mkv"), ("is a WebM or Matroska video; MP4 or MOV is required",)),
    "MPEG-4 Part 2": BadFile("video", lambda: clip(codec="mpeg4"), ("uses MPEG-4 Part 2; H.264 or HEVC is required",)),
}
