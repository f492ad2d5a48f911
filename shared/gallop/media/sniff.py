"""What a file is by its content: an image, a video, an audio file, or something else; and what to say about it."""

from __future__ import annotations

import codecs
import re
from enum import Enum

from gallop.domain.faults import Fault

EXPORT = "Export it as JPEG or PNG and send that."
_STILL = "Save a still image from it as JPEG or PNG and send that."
_OTHER = "Send a JPEG or PNG image. Renaming a file does not convert it."
_NO_VIDEO = "Send a video as MP4 or MOV. Renaming a file does not convert it."
_AS_MP4 = "Export it as MP4 with H.264 and send that."
RAW = "a camera's raw file"
_VIDEO, _AUDIO = "a video", "an audio file"

# Packets of 188 bytes; the second byte never occurs in text.
_MPEG = rb"G[\0-\x08\x0e-\x1f@-_].{186}G.{187}G"
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (rb"%PDF", "a PDF document", EXPORT),
    (rb"%!PS", "an EPS drawing", EXPORT),
    (rb"8BPS", "a Photoshop file", EXPORT),
    (rb"gimp xcf", "a GIMP file", EXPORT),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL image", EXPORT),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image", EXPORT),
    (rb"\0\0\x01\0.\0", "an icon", EXPORT),
    (rb"FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|FOVb|.{4}ftypcrx ", RAW, EXPORT),
    (rb".{4}ftypM4[ABP] ", _AUDIO, _OTHER),
    (rb".{4}ftyp|RIFF.{4}AVI |\x1aE\xdf\xa3|\0\0\x01[\xb3\xba]|FLV\x01|.{4}(moov|mdat)", _VIDEO, _STILL),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11|\0.{3}(wide|pnot|free|skip)|" + _MPEG, _VIDEO, _STILL),
    (rb"ID3|OggS|fLaC|RIFF.{4}WAVE|#!AMR|FORM.{4}AIF[FC]|\xff[\xf2\xf3\xfa\xfb\xf1\xf9]", _AUDIO, _OTHER),
    (rb"PK\x03\x04", "a ZIP archive or an office document", _OTHER),
    (rb"\xd0\xcf\x11\xe0", "an office document", _OTHER),
    (rb"(?i)\s*(<\?xml.{,2000}?|<!--.{,2000}?)?(<!doctype svg|<svg)", "an SVG drawing", EXPORT),
    (rb"(?i)\s*<(!doctype html|html|head|body)", "a web page", _OTHER),
)
_PICTURES = re.compile(rb"\xff\xd8\xff|\x89PNG|RIFF.{4}WEBP|GIF8|BM|II\*\0|MM\0\*", re.DOTALL)
_HEIF_BRANDS = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 mif3 msf1 miaf MiHE MiHB MiPr 1pic avif avis avio avci avcs "
    b"jpeg jpgs j2ki j2is vvic vvis evbi evbs unif mia1".split()
)
_KINDS = tuple((re.compile(pattern, re.DOTALL), what, remedy) for pattern, what, remedy in _SIGNATURES)
# Up to the first brand.
_BRANDED_BYTES = 12
HEAD_BYTES = 4096
# How QuickTime files begin, the old ones without any brand.
_MOVIE = re.compile(rb".{4}(ftyp|moov|mdat)|\0.{3}(wide|pnot|free|skip)", re.DOTALL)
_OTHER_VIDEOS = (
    (re.compile(rb"RIFF.{4}AVI ", re.DOTALL), "an AVI video"),
    (re.compile(rb"\x1aE\xdf\xa3"), "a WebM or Matroska video"),
    (re.compile(rb"FLV\x01"), "a Flash video"),
    (re.compile(rb"\x30\x26\xb2\x75"), "a Windows Media file"),
    (re.compile(rb"\0\0\x01[\xb3\xba]|" + _MPEG, re.DOTALL), "an MPEG stream"),
)
_CONTROL = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")


class Kind(Enum):
    """What a file is by its content."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    OTHER = "other"


def kind_of(head: bytes) -> Kind:
    """Return what a file is, by its first ``HEAD_BYTES`` bytes, whether it can be used or not."""
    if _PICTURES.match(head) or _is_heif(head):
        return Kind.IMAGE
    return {_VIDEO: Kind.VIDEO, _AUDIO: Kind.AUDIO}.get(_described(head)[0], Kind.OTHER)


def unreadable(where: str, data: bytes) -> Fault:
    """Describe bytes that no decoder accepts."""
    head = data[:HEAD_BYTES]
    if kind_of(head) is Kind.IMAGE:
        return damaged(where)
    return not_a_picture(where, *_described(head))


def may_be_movie(head: bytes) -> bool:
    """Return whether a file begins like an MP4 or QuickTime file."""
    return bool(_MOVIE.match(head)) and not _is_heif(head)


def not_a_video(where: str, head: bytes) -> Fault:
    """Refuse a file that does not begin like an MP4 or QuickTime file."""
    for pattern, what in _OTHER_VIDEOS:
        if pattern.match(head):
            return Fault(where, f"is {what}; MP4 or MOV is required", _AS_MP4)
    what = "an image" if kind_of(head) is Kind.IMAGE else _described(head)[0]
    return Fault(where, f"is not a video: its content looks like {what}" if head else "is empty", _NO_VIDEO)


def _described(head: bytes) -> tuple[str, str]:
    """Say what a file is that is not an image, and what to do."""
    start = head.removeprefix(codecs.BOM_UTF8)
    for pattern, what, remedy in _KINDS:
        if pattern.match(start):
            return what, remedy
    return "a text file" if _is_text(head) else "an unknown file type", _OTHER


def not_a_picture(where: str, what: str, remedy: str = EXPORT) -> Fault:
    """Refuse a file that is not an image."""
    return Fault(where, f"is not a supported image: its content looks like {what}", remedy)


def damaged(where: str) -> Fault:
    """Refuse an image that cannot be decoded completely."""
    return Fault(where, "is damaged or incomplete", "Save the image again as JPEG or PNG and send that.")


def _is_heif(head: bytes) -> bool:
    """Return whether any of a file's brands is one of still images, or the file ends before them."""
    if head[4:8] != b"ftyp":
        return False
    if len(head) < _BRANDED_BYTES:
        return True
    brands = head[8 : min(int.from_bytes(head[:4]), len(head))]
    return any(brands[place : place + 4] in _HEIF_BRANDS for place in range(0, len(brands), 4))


def slow(where: str, problem: str = "takes too long to decode") -> Fault:
    """Refuse an image whose decoding takes more time than there is."""
    return Fault(where, problem, "Save the image again as an ordinary JPEG or PNG and send that.")


def _is_text(head: bytes) -> bool:
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        # The head may end in the middle of a character.
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(text)
