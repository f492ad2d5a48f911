"""A folder as a request, by the rules of the S3 door: the same files, in the same order, with the same texts."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gallop.client import sources
from gallop.client.errors import Refused
from gallop.client.requests import Request
from gallop.domain.drops import drop as drops
from gallop.domain.drops import texts
from gallop.domain.drops.drop import Drop, Entry, Folder
from gallop.domain.drops.plan import plan
from gallop.domain.faults import Fault, file_fault
from gallop.domain.models import Kind

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable


def read(path: str | os.PathLike[str], again: str) -> Request:
    """Return the request of a folder; reads and hashes its files.

    Raises:
        OSError: it or one of its files cannot be read.
        Refused: files are missing or wrong.

    """
    folder = Path(path).resolve()
    drop = _drop(folder)
    # Neither default is of use: a folder has its own prompt, and is no lone image.
    planned = plan(drop, texts.texts_of(drop, partial(_text, folder)), "", Kind.R2V)
    faults = [*planned.missing, *planned.faults]
    if "dry_run" in planned.fields:
        faults.append(file_fault(drops.SETTINGS, "contains dry_run", "Remove it, and ask for the price instead."))
    if faults:
        raise _refused(faults)
    found = [(file.field, folder / file.entry.name) for file in planned.files if file.entry]
    # A setting that is null is absent.
    fields = {name: value for name, value in planned.fields.items() if value is not None}
    return Request(fields, tuple((name, sources.read(path)) for name, path in found), again)


def _drop(folder: Path) -> Drop:
    """Return a folder as if it had been dropped."""
    entries = [_entry(folder, path) for path in folder.iterdir() if path.is_file()]
    if any(drops.is_batch(entry.key) for entry in entries):
        raise _refused([file_fault(drops.BATCH, "is a batch", "Drop it in the inbox bucket, or make its jobs singly.")])
    found = drops.drops_of(Folder(folder.name), entries)
    if not found:
        raise _refused([file_fault(folder.name, "is empty", f"Put images and {drops.PROMPT} into the folder.")])
    if found[0].cancel:
        name = found[0].cancel.name
        raise _refused([file_fault(name, "cancels the job of this folder", "Remove it to make the video.")])
    return found[0]


def _entry(folder: Path, path: Path) -> Entry:
    status = path.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC).isoformat()
    return Entry(f"{drops.PREFIX}{folder.name}/{path.name}", status.st_size, "", modified)


def _text(folder: Path, entry: Entry) -> str | Fault:
    if entry.size > texts.MAX_BYTES:
        return texts.too_large(entry.name, entry.size)
    return texts.decode(entry.name, (folder / entry.name).read_bytes())


def _refused(faults: Iterable[Fault]) -> Refused:
    remedy = "Fix the files listed here. Nothing was sent."
    return Refused(0, "invalid_request", "The folder cannot become a video.", remedy, tuple(faults))
