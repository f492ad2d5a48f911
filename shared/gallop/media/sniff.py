"""Describe a file that is not an image we can read."""

from __future__ import annotations

import codecs
import re

from gallop.domain.faults import Fault

EXPORT = "Export it as JPEG or PNG and send that."
_STILL = "Save a still image from it as JPEG or PNG and send that."
_OTHER = "Send a JPEG or PNG image. Renaming a file does not convert it."
RAW = "a camera's raw file"

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (rb"%PDF", "a PDF document", EXPORT),
    (rb"%!PS", "an EPS drawing", EXPORT),
    (rb"8BPS", "a Photoshop file", EXPORT),
    (rb"gimp xcf", "a GIMP file", EXPORT),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL image", EXPORT),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image", EXPORT),
    (rb"\0\0\x01\0.\0", "an icon", EXPORT),
    (rb"FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|FOVb|.{4}ftypcrx ", RAW, EXPORT),
    (rb".{4}ftyp|RIFF.{4}AVI |\x1aE\xdf\xa3|\0\0\x01[\xb3\xba]|FLV\x01|.{4}(moov|mdat)", "a video", _STILL),
    (rb"ID3|OggS|fLaC|RIFF.{4}WAVE", "an audio file", _OTHER),
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
_HEAD_BYTES = 4096
_CONTROL = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def unreadable(where: str, data: bytes) -> Fault:
    """Describe bytes that no decoder accepts."""
    head = data[:_HEAD_BYTES].removeprefix(codecs.BOM_UTF8)
    if _PICTURES.match(head) or _is_heif(head):
        return damaged(where)
    for pattern, what, remedy in _KINDS:
        if pattern.match(head):
            return not_a_picture(where, what, remedy)
    return not_a_picture(where, "a text file" if _is_text(data[:_HEAD_BYTES]) else "an unknown file type", _OTHER)


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
