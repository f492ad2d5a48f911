"""Drops: what lies under the inbox prefix, and when it is ready to become a job."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, NoReturn

from gallop.errors import Fault

PREFIX = "drop/"
PROMPT = "prompt.txt"
SETTINGS = "job.json"
TEXT_BYTES_AT_MOST = 256 * 1024

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"})
_CLUTTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """An object of the inbox; ``size`` is in bytes, ``modified`` an ISO time."""

    key: str
    size: int
    etag: str
    modified: str

    @property
    def name(self) -> str:
        """Give the file's own name."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Folder:
    """The scope of a folder: everything directly in it is one drop. ``path`` is without ``drop/``."""

    path: str


@dataclass(frozen=True, slots=True)
class Lone:
    """The scope of files at the root that share a stem: an image, and the text beside it."""

    stem: str


Scope = Folder | Lone


@dataclass(frozen=True, slots=True)
class Drop:
    """One folder, or one lone image. ``path`` is what its receipts mirror."""

    path: str
    images: tuple[Entry, ...]
    prompt: Entry | None = None
    settings: Entry | None = None
    strangers: tuple[Entry, ...] = ()
    is_folder: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """A drop that can start: the fields of its request, and its images in their order.

    ``identity`` is what its texts say, without the stack's defaults: a drop stays the same when those change.
    ``prompt_in_settings`` tells which of the two texts the prompt is from.
    """

    fields: dict[str, Any]
    images: tuple[Entry, ...]
    at_once: bool
    identity: str
    prompt_in_settings: bool


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A drop that lacks something; each fault says what."""

    missing: tuple[Fault, ...]


def scope_of(key: str) -> Scope | None:
    """Tell which scope an object belongs to; None for what is no part of a drop."""
    path = key.removeprefix(PREFIX)
    folder, slash, name = path.rpartition("/")
    if not key.startswith(PREFIX) or not name or is_clutter(name):
        return None
    return Folder(folder) if slash else Lone(PurePosixPath(name).stem)


def prefix_of(scope: Scope) -> str:
    """Give the prefix under which the objects of a scope are listed."""
    match scope:
        case Folder(path):
            return f"{PREFIX}{path}/"
        case Lone(stem):
            return f"{PREFIX}{stem}"


def drops_of(scope: Scope, listing: list[Entry]) -> list[Drop]:
    """Make the drops of a scope from what is listed under its prefix."""
    entries = [entry for entry in listing if entry.size and scope_of(entry.key) == scope]
    images = tuple(sorted((entry for entry in entries if _is_picture(entry)), key=_natural))
    if not entries:
        return []
    match scope:
        case Folder(path):
            return [_folder(path, entries, images)]
        case Lone():
            return _lone(entries, images)


def digest_of(scope: Scope, listing: list[Entry]) -> str:
    """Give what changes whenever anything in a scope does."""
    entries = sorted((e.key, e.etag, e.modified) for e in listing if scope_of(e.key) == scope)
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def has_news(scope: Scope, listing: list[Entry], since: float) -> bool:
    """Tell whether anything was uploaded since then: that has an event of its own. What is taken away has none."""
    times = (datetime.fromisoformat(entry.modified) for entry in listing if scope_of(entry.key) == scope)
    return any(time.timestamp() > since for time in times)


def plan(drop: Drop, prompt: str | None, settings: dict[str, Any] | None, default_prompt: str) -> Ready | Incomplete:
    """Decide whether a drop has all it needs. ``prompt`` and ``settings`` are the contents of its two texts."""
    fields = dict(settings or {})
    prompt_in_settings = "prompt" in fields
    if prompt is not None:
        fields.setdefault("prompt", prompt.strip())
    if not drop.is_folder:
        fields.setdefault("prompt", default_prompt)
    listed = fields.pop("images", None)
    images, missing = _listed(drop, listed) if listed else (drop.images, [])
    if "prompt" not in fields:
        missing.append(_no_prompt(drop))
    if not images and not listed:
        missing.append(Fault(drop.path, "has no image", "Upload 1 to 9 images (JPEG, PNG or WEBP) into the folder."))
    if missing:
        return Incomplete(tuple(missing))
    identity = json.dumps([prompt, settings], sort_keys=True)
    return Ready(fields, images, bool(listed), identity, prompt_in_settings)


def decode(name: str, data: bytes) -> str:
    """Read a text as its writer's editor saved it: UTF-8 or UTF-16, with or without a byte order mark.

    Raises:
        ValueError: it is neither.

    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not a text in UTF-8") from None


def read_settings(name: str, text: str) -> dict[str, Any] | Fault:
    """Parse a ``job.json``; a fault names the line and the column."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        return Fault(name, f"is not valid JSON: {_place(error)}", "Mend that place and upload the file again.")
    except RecursionError:
        return Fault(name, "is nested too deeply", "Write one flat object.")
    if not isinstance(value, dict):
        return Fault(name, "is not a JSON object", 'Write an object: {"prompt": "...", "duration": 5}.')
    if not _can_be_listed(value.get("images")):
        remedy = 'Write {"images": ["1.jpg", "2.jpg"]}, or leave it out to take them all.'
        return Fault(name, "lists its images in a way that cannot be read", remedy)
    return value


def placed(fault: Fault, drop: Drop, plan: Ready) -> Fault:
    """Say the fault of a field in terms of the file that it came from."""
    if fault.where == "/images":
        where = drop.path
    elif fault.where == "/prompt" and drop.prompt and not plan.prompt_in_settings:
        where = drop.prompt.name
    elif not fault.where.startswith("/"):
        where = fault.where
    elif drop.settings:
        where = f"{drop.settings.name}: {fault.where}"
    else:
        where = drop.path
    return Fault(where, fault.problem, fault.remedy)


def is_clutter(name: str) -> bool:
    """Tell whether a file was left by an operating system rather than by a person."""
    return name.lower() in _CLUTTER or name.startswith("._")


def _folder(path: str, entries: list[Entry], images: tuple[Entry, ...]) -> Drop:
    texts = {entry.name.lower(): entry for entry in entries}
    prompt, settings = texts.get(PROMPT), texts.get(SETTINGS)
    known = {prompt, settings, *images}
    return Drop(path, images, prompt, settings, tuple(entry for entry in entries if entry not in known))


def _lone(entries: list[Entry], images: tuple[Entry, ...]) -> list[Drop]:
    prompt = next((entry for entry in entries if entry.name.lower().endswith(".txt")), None)
    if images:
        return [Drop(image.name, (image,), prompt, is_folder=False) for image in images]
    strangers = tuple(entry for entry in entries if entry is not prompt)
    return [Drop(entries[0].name, (), prompt, strangers=strangers, is_folder=False)]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _place(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} in line {error.lineno}, column {error.colno}"
    return str(error)


def _can_be_listed(images: object) -> bool:
    return images is None or (
        isinstance(images, list) and bool(images) and all(isinstance(name, str) for name in images)
    )


def _listed(drop: Drop, names: list[str]) -> tuple[tuple[Entry, ...], list[Fault]]:
    there = {unicodedata.normalize("NFC", entry.name): entry for entry in drop.images}
    wanted = [unicodedata.normalize("NFC", name) for name in names]
    missing = [
        Fault(name, "is listed in job.json and is not in the folder", "Upload it, or take it off the list.")
        for name in wanted
        if name not in there
    ]
    return tuple(there[name] for name in wanted if name in there), missing


def _no_prompt(drop: Drop) -> Fault:
    text = next((entry.name for entry in drop.strangers if entry.name.lower().endswith((".txt", ".md"))), None)
    remedy = f"Rename {text} to {PROMPT}." if text else "Upload a text that says what should happen in the video."
    return Fault(PROMPT, "is missing", remedy)


def _is_picture(entry: Entry) -> bool:
    return PurePosixPath(entry.name).suffix.lower() in _PICTURES


def _natural(entry: Entry) -> tuple[list[tuple[int, str]], str]:
    # By the stem first: "photo.jpg" comes before "photo2.jpg".
    parts = _DIGITS.split(unicodedata.normalize("NFC", PurePosixPath(entry.name).stem).lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], entry.name
