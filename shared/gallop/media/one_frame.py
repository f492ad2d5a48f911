"""Decode one frame of a video, as a proof that it can be decoded. FFmpeg sees the frame only, never the file."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, cast

from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av.video.frame import VideoFrame


def size_of_first(codec: str, setup: bytes, samples: Iterable[bytes], max_pixels: int) -> tuple[int, int] | None:
    """Return the sides in pixels of the first frame that can be decoded, without rotation; None if there is none.

    ``codec`` is FFmpeg's name; ``setup`` is what the decoder must know before the first sample.
    """
    decoder = cast("VideoCodecContext", VideoCodecContext.create(codec, "r"))
    decoder.extradata = setup
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(max_pixels)}
    frame = next(_frames(decoder, samples), None)
    return None if frame is None else (frame.width, frame.height)


def _frames(decoder: VideoCodecContext, samples: Iterable[bytes]) -> Iterator[VideoFrame]:
    try:
        for packet in chain(map(Packet, samples), [None]):
            yield from decoder.decode(packet)
    except FFmpegError:
        return
