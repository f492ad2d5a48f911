"""Drops: the objects under the inbox prefix, and which of them belong together."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gallop.domain import names
from gallop.domain.frozen import frozen
from gallop.domain.groups import is_group_id
from gallop.domain.job import is_job_id

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "drop/"
PROMPT = "prompt.txt"
SETTINGS = "job.json"
BATCH = "batch.jsonl"
# The folder in the results bucket from which the workflow of batches reads their lines.
BATCHES = ".batches"
MAX_KEY_BYTES = 1024
# A slash, the id of a job or group, a job's place in it, and the longest name of a receipt.
RECEIPT_BYTES = len("/job_") + 26 + len("/1") + len("/thumbnail.jpg")

# The first that exists is used. Windows hides suffixes, so that people often write them twice.
_PROMPTS = (PROMPT, "prompt.txt.txt")
_SETTINGS = (SETTINGS, "job.json.json", "job.json.txt")
_PICTURES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"}
)
# Those that DashScope does not accept as well: a folder that contains one is meant as an edit.
_VIDEOS = frozenset(
    {".mp4", ".mov", ".m4v", ".qt", ".mkv", ".webm", ".avi", ".wmv", ".mpg", ".mpeg", ".mts", ".m2ts", ".3gp", ".flv"}
)
_CLUTTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_CANCEL = re.compile(r"(?:(.+)\.)?cancel(?:\.txt)?", re.IGNORECASE | re.DOTALL)
_MAC_ARCHIVE = "__MACOSX"
_DIGITS = re.compile(r"(\d+)")


@frozen
class Entry:
    """An object of the inbox; ``size`` is in bytes, ``modified`` is an ISO 8601 time."""

    key: str
    size: int
    etag: str
    modified: str

    @property
    def name(self) -> str:
        """The file name, without its folder."""
        return self.key.rpartition("/")[2]

    @property
    def time(self) -> float:
        """The time of the upload in seconds since the epoch; S3 stores whole seconds."""
        return datetime.fromisoformat(self.modified).timestamp()


@frozen
class Folder:
    """The scope of a folder: everything directly in it is one drop. ``path`` is without ``drop/``."""

    path: str


@frozen
class Lone:
    """The scope of files at the root that share a stem: an image, and its text."""

    stem: str


Scope = Folder | Lone


@frozen
class Drop:
    """One folder, or one lone image, with its ``images`` and ``videos``. ``strangers`` are files of no known kind.

    ``cancel`` is the file that asks to cancel it, unless another file was uploaded later.
    """

    path: str
    images: tuple[Entry, ...]
    prompt: Entry | None = None
    settings: Entry | None = None
    strangers: tuple[Entry, ...] = ()
    is_folder: bool = True
    cancel: Entry | None = None
    videos: tuple[Entry, ...] = ()

    @property
    def receipts(self) -> str:
        """The prefix of its receipts, which mirrors its path."""
        return receipts_of(self.path)

    @property
    def newest(self) -> float:
        """The time of its newest upload, in seconds since the epoch."""
        return max((self.used_at, *(entry.time for entry in self.strangers)))

    @property
    def used_at(self) -> float:
        """The time of the newest upload of its images, videos and texts, in seconds since the epoch."""
        used = (*self.images, *self.videos, self.prompt, self.settings)
        return max((entry.time for entry in used if entry), default=0.0)


def path_of(key: str) -> str | None:
    """Return the path of the folder that an object is in, or its own at the root; None if it is not to be read."""
    folder, slash, name = key.removeprefix(PREFIX).rpartition("/")
    if not key.startswith(PREFIX) or not name or is_clutter(name) or _MAC_ARCHIVE in folder.split("/"):
        return None
    return folder if slash else name


def scope_of(key: str) -> Scope | None:
    """Return the scope of an object; None if it is not part of a drop."""
    path = path_of(key)
    if path is None or is_batch(key) or batch_cancelled_by(key):
        return None
    return Folder(path) if "/" in key.removeprefix(PREFIX) else Lone(unicodedata.normalize("NFC", _stem(path)))


def scope_in(look: Mapping[str, Any]) -> Scope:
    """Return the scope that a check names, which the door sent to itself."""
    return Folder(look["path"]) if "path" in look else Lone(look["stem"])


def is_batch(key: str) -> bool:
    """Return whether an object is a batch, which is not part of a drop in the same folder."""
    return key.startswith(PREFIX) and key.rpartition("/")[2].lower() == BATCH


def batch_cancelled_by(key: str) -> str:
    """Return the batch that ``batch.jsonl.CANCEL`` asks to cancel; empty for all other objects."""
    folder, _, name = key.rpartition("/")
    batch = f"{folder}/{cancelled_name(name) or ''}"
    return batch if is_batch(batch) else ""


def prefixes_of(scope: Scope) -> tuple[str, ...]:
    """Return the prefixes under which the objects of a scope are listed.

    Unicode has two forms of an accented letter. A lone image and its text are one drop even if their forms differ;
    folders whose names differ in form are two drops, because their receipts mirror their paths.
    """
    match scope:
        case Folder(path):
            return (f"{PREFIX}{path}/",)
        case Lone(stem):
            forms = dict.fromkeys(PREFIX + unicodedata.normalize(form, stem) for form in ("NFC", "NFD"))
            return tuple(form for form in forms if len(form.encode()) <= MAX_KEY_BYTES)


def drops_of(scope: Scope, listing: list[Entry]) -> list[Drop]:
    """Return the drops of a scope, from the objects listed under its prefixes."""
    members = [entry for entry in listing if scope_of(entry.key) == scope]
    cancels = [entry for entry in members if is_cancel(entry.name)]
    entries = [entry for entry in members if entry.size and entry not in cancels]
    images = tuple(sorted((entry for entry in entries if _is_picture(entry.name)), key=_natural))
    match scope:
        case Folder(path):
            drop = _folder(path, entries, images)
            # Images in the folder of a batch are for its lines, and need no prompt.
            is_of_batch = not (drop.prompt or drop.settings) and any(is_batch(entry.key) for entry in listing)
            found = [drop] if (entries or cancels) and not is_of_batch else []
        case Lone():
            found = _lone(entries, images, cancels)
    newest = max((entry.time for entry in entries), default=0.0)
    valid = [entry for entry in cancels if entry.time >= newest]
    return [replace(drop, cancel=_cancel_of(drop, valid)) for drop in found]


def is_cancel(name: str) -> bool:
    """Return whether a file asks to cancel: ``CANCEL`` in a folder, ``cat.jpg.CANCEL`` for a lone image."""
    return cancelled_name(name) is not None


def cancelled_name(name: str) -> str | None:
    """Return what precedes ``.CANCEL`` in a name, which is empty for ``CANCEL`` alone; None for other names."""
    found = _CANCEL.fullmatch(name.strip())
    return None if found is None else found[1] or ""


def digest_of(scope: Scope, listing: list[Entry]) -> str:
    """Return a hash that changes whenever anything in a scope changes."""
    entries = sorted((e.key, e.etag, e.modified) for e in listing if scope_of(e.key) == scope)
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def has_new_upload(scope: Scope, listing: list[Entry], since: float) -> bool:
    """Return whether a file was uploaded after ``since``, which has its own event, unlike a deletion."""
    return any(entry.time > since for entry in listing if scope_of(entry.key) == scope)


def pending(uploads: list[Entry], listing: list[Entry]) -> list[Entry]:
    """Return the unfinished uploads of files that are not there, or were there before the upload began.

    One that began before its file was uploaded was given up, and begun again.
    """
    newest = {entry.key: entry.time for entry in listing}
    return [upload for upload in uploads if newest.get(upload.key, 0.0) < upload.time]


def receipts_of(path: str) -> str:
    """Return the prefix that mirrors a drop's path in the results bucket.

    A path that is not safe, or too long for the key of the longest receipt, is changed or cut, and ends in ``~`` and 16
    digits of its SHA-256. A path that ends like the folder of a job or group, or begins like the folder of the lines of
    batches, gets a ``~``, so that the two cannot be confused.
    """
    if path.partition("/")[0] == BATCHES:
        path = path.replace(BATCHES, f"{BATCHES}~", 1)
    safe = names.safe(path)
    name = path.rpartition("/")[2]
    if safe == path and (is_job_id(name) or is_group_id(name)):
        return f"{path}~"
    room = MAX_KEY_BYTES - RECEIPT_BYTES
    encoded = safe.encode()
    if safe == path and len(encoded) <= room:
        return path
    mark = names.mark_of(path)
    return encoded[: room - len(mark)].decode(errors="ignore") + mark


def is_clutter(name: str) -> bool:
    """Return whether a file was created by an operating system rather than by a person."""
    return name.lower() in _CLUTTER or name.startswith("._")


def _folder(path: str, entries: list[Entry], images: tuple[Entry, ...]) -> Drop:
    prompt, settings = _first(entries, _PROMPTS), _first(entries, _SETTINGS)
    videos = tuple(sorted((entry for entry in entries if is_video(entry.name)), key=_natural))
    known = {prompt, settings, *images, *videos}
    strangers = tuple(entry for entry in entries if entry not in known)
    return Drop(path, images, prompt, settings, strangers, videos=videos)


def _lone(entries: list[Entry], images: tuple[Entry, ...], cancels: list[Entry]) -> list[Drop]:
    texts = [entry for entry in entries if entry.name.lower().endswith(".txt")]
    prompt = min(texts, key=lambda entry: (len(entry.name), entry.name), default=None)
    videos = [entry for entry in entries if is_video(entry.name)]
    if images:
        made = [Drop(image.name, (image,), prompt, is_folder=False) for image in images]
        return made + [Drop(video.name, (), strangers=(video,), is_folder=False) for video in videos]
    strangers = tuple(entry for entry in entries if entry is not prompt)
    if not entries:
        return [
            Drop(cancelled_name(entry.name) or entry.name, (), strangers=(entry,), is_folder=False) for entry in cancels
        ]
    name = (videos[0] if videos else prompt or entries[0]).name
    return [Drop(name, (), prompt, strangers=strangers, is_folder=False)]


def _cancel_of(drop: Drop, cancels: list[Entry]) -> Entry | None:
    names = {""} if drop.is_folder else {_composed(drop.path), _composed(PurePosixPath(drop.path).stem)}
    matching = [entry for entry in cancels if _composed(cancelled_name(entry.name) or "") in names]
    return max(matching, key=lambda entry: entry.time, default=None)


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _first(entries: list[Entry], names: tuple[str, ...]) -> Entry | None:
    by_name = {entry.name.strip().lower(): entry for entry in entries}
    return next((by_name[name] for name in names if name in by_name), None)


def _stem(name: str) -> str:
    """Return the stem that an image and its text share: ``cat`` for ``cat.txt`` and ``cat.jpg.txt``."""
    cancelled = cancelled_name(name)
    if cancelled:
        return PurePosixPath(cancelled).stem if _is_picture(cancelled) else cancelled
    stem = PurePosixPath(name).stem
    while name.lower().endswith(".txt") and (stem.lower().endswith(".txt") or _is_picture(stem) or is_video(stem)):
        stem = PurePosixPath(stem).stem
    return stem


def is_video(name: str) -> bool:
    """Return whether a file has the name of a video."""
    return PurePosixPath(name).suffix.lower() in _VIDEOS


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _PICTURES


def _natural(entry: Entry) -> tuple[list[tuple[int, str]], str]:
    # Compare the stems first: "photo.jpg" comes before "photo2.jpg".
    parts = _DIGITS.split(unicodedata.normalize("NFC", PurePosixPath(entry.name).stem).lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], entry.name
