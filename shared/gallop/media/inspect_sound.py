"""Measure an audio file by its headers: WAV, MP3 or M4A by content. It is not decoded.

No model takes sound yet: a row such as wan3.0-video needs it (docs/decisions.md).
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

from gallop.domain.faults import Fault
from gallop.domain.request import clips
from gallop.domain.request.clips import ClipFacts
from gallop.media import boxes, inspect_clip, mp3, sniff, tracks
from gallop.media.boxes import BrokenError

if TYPE_CHECKING:
    from gallop.domain.media_rules import AudioRules

_EXPORT = "Export it as WAV, MP3 or M4A and send that."
_M4A_CODECS = {b"mp4a": "AAC", b"alac": "Apple Lossless", b".mp3": "MP3", b"Opus": "Opus", b"ac-3": "AC-3"}
_WAV_CODECS = {1: "PCM", 3: "PCM", 0xFFFE: "PCM", 6: "A-law", 7: "u-law", 0x55: "MP3"}
_MAX_CHUNKS = 64
# What programs write that do not know the length while they write.
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)


def examine(where: str, file: BinaryIO, rules: AudioRules) -> ClipFacts | list[Fault]:
    """Measure an audio file; return what was measured, or everything that is wrong.

    Errors of reading the file pass through.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(sniff.HEAD_BYTES)
    try:
        found = _measured(file, head, size)
    except BrokenError as error:
        detail = f"is damaged or incomplete: {error}"
        return [Fault(where, detail, "Export the sound again and send it completely.")]
    if found is None:
        return [_not_a_sound(where, head)]
    codec, container, seconds = found
    facts = ClipFacts(float(seconds), 0, 0, 0, codec, container, size, has_audio=True)
    return clips.faults_of(where, facts, rules) or facts


def _measured(file: BinaryIO, head: bytes, size: int) -> tuple[str, str, Fraction] | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _wav(file, size)
    if mp3.is_mp3(head):
        return "MP3", "MP3", mp3.seconds(file, size)
    return _m4a(file, size) if sniff.may_be_movie(head) else None


def _wav(file: BinaryIO, size: int) -> tuple[str, str, Fraction]:
    """Measure a WAV file (Microsoft's RIFF)."""
    rate, codec, place = 0, "", 12
    for _ in range(_MAX_CHUNKS):
        header = boxes.read(file, place, 8)
        kind, length = header[:4], int.from_bytes(header[4:], "little")
        if kind == b"fmt ":
            form = boxes.read(file, place + 8, 16)
            codec = _WAV_CODECS.get(int.from_bytes(form[:2], "little"), "an unknown codec")
            rate = int.from_bytes(form[8:12], "little")
        elif kind == b"data":
            length = size - place - 8 if length in _UNKNOWN_SIZES else length
            if not rate or place + 8 + length > size:
                break
            return codec, "WAV", Fraction(length, rate)
        place += 8 + length + length % 2
    raise BrokenError("it ends too early" if rate else "it does not describe its format")


def _m4a(file: BinaryIO, size: int) -> tuple[str, str, Fraction] | None:
    moov = next((box for box in boxes.outer(file, size) if box.kind == b"moov"), None)
    if moov is None:
        raise BrokenError("it has no index (moov box)")
    found = tracks.of_movie(file, moov)
    sounds = [track for track in found if track.handler == b"soun"]
    if not sounds or any(track.handler == b"vide" and track.samples > 1 for track in found):
        return None
    if sounds[0].data_end > size:
        raise BrokenError("it ends too early")
    # Some programs write the brand of videos.
    container = inspect_clip.container_of(file, size).replace("MP4", "M4A")
    return _M4A_CODECS.get(sounds[0].codec, "an unknown codec"), container, sounds[0].seconds


def _not_a_sound(where: str, head: bytes) -> Fault:
    kind = sniff.kind_of(head)
    what = {sniff.Kind.IMAGE: "an image", sniff.Kind.VIDEO: "a video"}.get(kind, "another type of file")
    if not head:
        return Fault(where, "is empty", "Send the sound again.")
    return Fault(where, f"is not a supported audio file: its content looks like {what}", _EXPORT)
