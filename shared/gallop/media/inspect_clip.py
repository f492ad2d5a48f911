"""Measure a video by its index and one frame of it, and find what keeps a model from using it.

A few ranges of the file are read, whatever its size, and everything that is kept in memory is bounded.
"""

from __future__ import annotations

import io
import re
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

from gallop.domain.faults import Fault
from gallop.domain.media_rules import MEBIBYTE
from gallop.domain.request import clips
from gallop.domain.request.clips import ClipFacts
from gallop.media import boxes, samples, sniff, tracks
from gallop.media.boxes import BrokenError

if TYPE_CHECKING:
    from gallop.domain.media_rules import VideoRules
    from gallop.media.tracks import Track

EXPORT = "Export it as MP4 with H.264 and send that."
_TRIM = "Export the trimmed video as a new file."
_H264, _HEVC = "H.264", "HEVC"
# Name, FFmpeg's name, and the box that sets its decoder up. Dolby Vision's own entries (dvh1) have no picture that
# another decoder shows in the right colours; phones write hvc1.
_DECODERS = {_H264: ("h264", b"avcC"), _HEVC: ("hevc", b"hvcC")}
_CODECS = {
    **dict.fromkeys((b"avc1", b"avc2", b"avc3", b"avc4"), _H264),
    **dict.fromkeys((b"hvc1", b"hev1"), _HEVC),
    **dict.fromkeys((b"dvh1", b"dvhe", b"dva1", b"dvav"), "Dolby Vision without a compatible base"),
    **dict.fromkeys((b"apch", b"apcn", b"apcs", b"apco", b"ap4h", b"ap4x", b"aprn"), "ProRes"),
    **dict.fromkeys((b"jpeg", b"mjpa", b"mjpb", b"AVDJ"), "Motion JPEG"),
    **dict.fromkeys((b"s263", b"h263", b"H263"), "H.263"),
    **dict.fromkeys((b"vvc1", b"vvi1"), "H.266"),
    **dict.fromkeys((b"encv", b"drmi"), "encryption (DRM)"),
    b"av01": "AV1",
    b"vp08": "VP8",
    b"vp09": "VP9",
    b"mp4v": "MPEG-4 Part 2",
    b"mjp2": "JPEG 2000",
    b"AVdn": "DNxHD",
    b"CFHD": "CineForm",
    b"png ": "PNG images",
    b"raw ": "uncompressed images",
    b"rle ": "Apple Animation",
}
# Single images that a file shows in lists of videos.
_STILLS = (b"jpeg", b"png ", b"mjpa", b"mjpb")
_QUICKTIME_STARTS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_MP4_BRAND = re.compile(rb"iso[2-9a-m]|isom|mp4[12]|avc[1-4]|hvc1|hev1|M4V.|MSNV|dby1|dash|XAVC|msdh|f4v ")
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
_SAMPLES_TRIED = 8
# The index of an hour is smaller. Boxes are looked for several times, and each mebibyte is a request.
_MAX_INDEX_BYTES = 8 * MEBIBYTE
# Frames are stored in blocks of 16 pixels.
_MAX_CROPPED = 16
# Phones keep up to one group of frames before the first that is shown.
_MAX_HIDDEN_SECONDS = 3
_MAX_SOUND_BEYOND_SECONDS = 1


def examine(where: str, file: BinaryIO, rules: VideoRules) -> ClipFacts | list[Fault]:
    """Measure a video; return what was measured, or everything that is wrong. Errors of reading the file pass through.

    ``file`` can be read from any place.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(sniff.HEAD_BYTES)
    if not sniff.may_be_movie(head):
        return [sniff.not_a_video(where, head)]
    try:
        return _examined(where, file, size, rules)
    except BrokenError as error:
        return [damaged(where, str(error))]


def damaged(where: str, why: str) -> Fault:
    """Refuse a video that is not whole."""
    return Fault(where, f"is damaged or incomplete: {why}", "Export the video again and send it completely.")


def _examined(where: str, file: BinaryIO, size: int, rules: VideoRules) -> ClipFacts | list[Fault]:
    container = container_of(file, size)
    found = _index(where, file, size)
    if isinstance(found, Fault):
        return [found]
    video = _video(where, found)
    if isinstance(video, Fault):
        return [video]
    sounds = [track for track in found if track.handler == b"soun"]
    facts = _facts(video, sounds, container, size)
    faults = [*_faults_of_data(where, found, size), *_faults_of_times(where, video, sounds, facts)]
    faults += clips.faults_of(where, facts, rules)
    return faults or _check_frame(where, file, video, facts, rules)


def container_of(file: BinaryIO, size: int) -> str:
    """Return the name of the format, by the brands at the start of the file."""
    start = next(boxes.outer(file, size), None)
    if start is None or start.kind in _QUICKTIME_STARTS:
        return "MOV"
    brands = boxes.payload(file, start, sniff.HEAD_BYTES)
    several = [brands[:4], *(brands[place : place + 4] for place in range(8, len(brands), 4))]
    if several[0] == b"qt  ":
        return "MOV"
    if several[0] in _SOUND_BRANDS:
        return "M4A"
    if any(_MP4_BRAND.fullmatch(brand) for brand in several):
        return "MP4"
    if b"qt  " in several:
        return "MOV"
    return "3GP" if several[0].startswith((b"3gp", b"3g2")) else "an unknown kind of MP4"


def _index(where: str, file: BinaryIO, size: int) -> list[Track] | Fault:
    """Read the index; it may be at the start or at the end."""
    seen: dict[bytes, boxes.Box] = {}
    for box in boxes.outer(file, size):
        if box.kind == b"moof":
            return _fragmented(where)
        seen.setdefault(box.kind, box)
        if {b"moov", b"mdat"} <= seen.keys():
            # What follows may be what a phone adds, and is not read.
            break
    moov = seen.get(b"moov")
    if moov is None:
        raise BrokenError("it has no index (moov box)")
    if moov.end - moov.start > _MAX_INDEX_BYTES:
        detail = f"has an index of {(moov.end - moov.start) / MEBIBYTE:.1f} MB, which is too large"
        return Fault(where, detail, EXPORT)
    if boxes.first(file, moov, b"mvex"):
        return _fragmented(where)
    if boxes.first(file, moov, b"cmov"):
        return Fault(where, "has a compressed index, which is not supported", EXPORT)
    if b"mdat" not in seen:
        raise BrokenError("it has no data (mdat box)")
    return tracks.of_movie(file, moov)


def _fragmented(where: str) -> Fault:
    remedy = "Export it as an ordinary MP4, for example with: ffmpeg -i in.mp4 -c copy out.mp4"
    return Fault(where, "is a fragmented MP4, which is not supported", remedy)


def _video(where: str, found: list[Track]) -> Track | Fault:
    """Return the only track with moving pictures."""
    pictures = [track for track in found if track.handler == b"vide"]
    moving = [track for track in pictures if track.samples > 1 or track.codec not in _STILLS]
    chosen = [track for track in moving if track.is_enabled] or moving
    if len(chosen) > 1:
        return Fault(where, f"has {len(chosen)} video tracks; exactly one is required", EXPORT)
    if not chosen:
        what = "only a cover image" if pictures else "only sound" if found else "no track of pictures"
        return Fault(where, f"is not a video: it has {what}", "Send a video as MP4 or MOV.")
    if not chosen[0].media_seconds or not all((chosen[0].width, chosen[0].height)):
        raise BrokenError("its index says neither length nor size")
    return chosen[0]


def _facts(video: Track, sounds: list[Track], container: str, size: int) -> ClipFacts:
    code = video.codec.decode("latin-1")
    shown = code if code.isascii() and code.isprintable() else video.codec.hex()
    return ClipFacts(
        seconds=float(video.seconds),
        width=video.width,
        height=video.height,
        fps=float(Fraction(video.samples) / video.media_seconds),
        codec=_CODECS.get(video.codec, f"an unknown codec ({shown.strip()})"),
        container=container,
        size=size,
        has_audio=bool(sounds),
        billed_seconds=float(max(track.longest_seconds for track in (video, *sounds))),
    )


def _faults_of_data(where: str, found: list[Track], size: int) -> list[Fault]:
    end = max(track.data_end for track in found)
    return [damaged(where, "it ends too early")] if end > size else []


def _faults_of_times(where: str, video: Track, sounds: list[Track], facts: ClipFacts) -> list[Fault]:
    if not video.is_trim:
        return [Fault(where, "has an edit list that repeats pictures or changes their speed", _TRIM)]
    shown, longest = facts.seconds, facts.longest_seconds
    sound = max((float(track.seconds) for track in sounds), default=0.0)
    if sound - shown > _MAX_SOUND_BEYOND_SECONDS:
        detail = f"has {clips.plain(sound)} s of sound for {clips.plain(shown)} s of pictures"
        return [Fault(where, detail, "Trim the sound to the length of the pictures.")]
    if longest - shown > _MAX_HIDDEN_SECONDS:
        detail = f"shows {clips.plain(shown)} s of the {clips.plain(longest)} s in it, and DashScope may read all of it"
        return [Fault(where, detail, _TRIM)]
    return []


def _check_frame(
    where: str, file: BinaryIO, video: Track, facts: ClipFacts, rules: VideoRules
) -> ClipFacts | list[Fault]:
    """Decode a frame; it must be what the index says."""
    from gallop.media import one_frame  # noqa: PLC0415 - PyAV is slow to import

    name, setup = _DECODERS[facts.codec]
    frames = samples.samples_from(file, video.table, _SAMPLES_TRIED)
    most = (max(rules.long_side, *video.stored_sides) + _MAX_CROPPED) ** 2
    sides = one_frame.size_of_first(name, video.setup.get(setup, b""), frames, most)
    if sides is None:
        return [damaged(where, "its first frame cannot be decoded")]
    if any(abs(one - other) > _MAX_CROPPED for one, other in zip(sides, video.stored_sides, strict=True)):
        said, are = (f"{width} x {height} px" for width, height in (video.stored_sides, sides))
        return [damaged(where, f"its index says {said}, and its first frame has {are}")]
    return facts
