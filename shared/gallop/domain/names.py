"""Names of objects that S3 accepts, but that not every key, URL, XML document or disk can carry.

XML 1.0, in which S3 answers, has no control characters; clients remove ``.`` and ``..`` from URLs, and merge slashes;
Windows reads a backslash as a slash. What has such a name is refused.
"""

from __future__ import annotations

import hashlib
import unicodedata

from gallop.domain.faults import Fault, file_fault

# What Unicode says is no character, in any text: these, and the last two of every plane.
_NO_CHARACTERS, _LAST_OF_PLANE = range(0xFDD0, 0xFDF0), 0xFFFE
_DOTS = (".", "..")
_HASH_DIGITS = 16


def fault_of(name: str) -> Fault | None:
    """Return what makes a file's name, or the path of a folder, unsafe; None for a safe one."""
    problem = _problem_of(name)
    return None if problem is None else file_fault(shown(name) or "/", *problem)


def shown(name: str) -> str:
    r"""Return a name as it can be read and sent anywhere: unsafe characters as ``\u000b``."""
    return "".join(_escaped(character) if _is_unsafe(character) else character for character in name)


def safe(path: str) -> str:
    """Return a path with its unsafe parts replaced; a safe path is returned unchanged."""
    return path if _problem_of(path) is None else "/".join(map(_safe_segment, path.split("/")))


def mark_of(path: str) -> str:
    """Return ``~`` and 16 digits of a path's SHA-256, which distinguish it from others that look the same."""
    # A name from an event may have bytes that are not UTF-8, which are surrogates here.
    return "~" + hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()[:_HASH_DIGITS]


def _problem_of(path: str) -> tuple[str, str] | None:
    unsafe = next((character for character in path if _is_unsafe(character)), None)
    if unsafe == "\\":
        return "has a backslash in its name", "Upload it again under a name without backslashes."
    if unsafe is not None:
        problem = f"has an invalid character (U+{ord(unsafe):04X}) in its name"
        return problem, "Upload it again under a name without line breaks, tabs and other control characters."
    segments = path.split("/")
    if dots := next((segment for segment in segments if segment.strip() in _DOTS), None):
        return f'has a folder named "{dots}" in its path', "Upload it again to a folder with another name."
    if not all(segment.strip() for segment in segments):
        return "has a folder without a name in its path", "Upload it again without the empty name between two slashes."
    return None


def _is_unsafe(character: str) -> bool:
    code = ord(character)
    is_no_character = code in _NO_CHARACTERS or code & _LAST_OF_PLANE == _LAST_OF_PLANE
    return character == "\\" or is_no_character or unicodedata.category(character) in ("Cc", "Cs")


def _escaped(character: str) -> str:
    return character if character == "\\" else f"\\u{ord(character):04x}"


def _safe_segment(segment: str) -> str:
    kept = "".join("_" if _is_unsafe(character) else character for character in segment)
    return kept if kept.strip() not in ("", *_DOTS) else "_"
