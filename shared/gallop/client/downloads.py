"""Downloads that continue after an interruption, and give a file its name only when all of it is there."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import urljoin

import httpx

from gallop.client import flows
from gallop.client.door import TRIES, ask
from gallop.client.effects import Call, Pause
from gallop.client.errors import Corrupt, JobFailed, Refused, Unreachable
from gallop.client.jobs import Job, StoredFile, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.client.door import Door
    from gallop.client.effects import Flow, Sink

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Variant = Literal["video", "thumbnail", "signed"]
_SUFFIXES = {"video": ".mp4", "thumbnail": ".jpg", "signed": ".signed.mp4"}
_OK, _PARTIAL, _NOT_IN_RANGE = 200, 206, 416
_PAUSE_SECONDS = 1.0


def download(
    door: Door,
    job: Job | str,
    to: str | os.PathLike[str],
    variant: Variant,
    progress: Callable[[Transfer], object] | None,
) -> Flow[Path]:
    """Write the video of a job, or another file of it, to a file or into a folder; return the file's path."""
    if isinstance(job, str) or _stored(job, variant) is None:
        job = yield from flows.get(door, job if isinstance(job, str) else job.id)
    stored = _stored(job, variant)
    if stored is None:
        raise _not_there(job, variant)
    path = Path(to) / f"{job.id}{_SUFFIXES[variant]}" if Path(to).is_dir() else Path(to)
    if _is_at(path, stored):
        return path
    part = _Part(path.with_name(f".{path.name}.{stored.sha256[:12]}.part"), path.name, stored, progress)
    try:
        yield from _fill(part, door, job.id, variant)
        os.fsync(part.file.fileno())
        if fcntl is None:
            # Windows renames no open file. Elsewhere, nobody else may continue this one before it has its name.
            part.file.close()
        part.path.replace(path)
    finally:
        part.close()
    return path


@dataclass(slots=True)
class _Part:
    """The beginning of a file, beside its final place; a later run continues it. ``done`` is its size in bytes."""

    path: Path
    name: str
    stored: StoredFile
    progress: Callable[[Transfer], object] | None
    file: BinaryIO = field(init=False)
    done: int = field(init=False)
    is_continued: bool = field(init=False, default=True)
    """Whether a later run may continue it."""

    def __post_init__(self) -> None:
        self.file = self.path.open("ab")
        if not _is_ours(self.file, self.path):
            # Another run writes it at the same time: this one has its own, from the beginning.
            self.file.close()
            self.is_continued, self.path = False, self.path.with_suffix(f".{secrets.token_hex(4)}.part")
            self.file = self.path.open("ab")
        self.done = self.path.stat().st_size

    def sink_for(self, status: int, headers: httpx.Headers) -> Sink | None:
        """Return what takes the bytes of an answer, from where it begins; None if it is not the file."""
        if status == _OK:
            self.clear()
        begins = headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
        return self._take if status == _OK or (status == _PARTIAL and begins == str(self.done)) else None

    def is_stored(self) -> bool:
        """Return whether these bytes are those that Gallop stored."""
        self.file.flush()
        return _is_at(self.path, self.stored)

    def clear(self) -> None:
        """Begin again."""
        self.file.truncate(0)
        self.done = 0

    def close(self) -> None:
        """Close the file; an empty one is of no use, nor is one that nobody continues."""
        self.file.close()
        if not self.done or not self.is_continued:
            self.path.unlink(missing_ok=True)

    def _take(self, piece: bytes) -> None:
        self.done += self.file.write(piece)
        if self.progress:
            self.progress(Transfer(self.name, self.done, self.stored.bytes))


def _fill(part: _Part, door: Door, job_id: str, variant: Variant) -> Flow[None]:
    """Fetch until all bytes are there; only tries that bring none count as failures."""
    failures, is_second = 0, False
    while failures < TRIES:
        if part.done >= part.stored.bytes:
            if part.is_stored():
                return
            part.clear()
            if is_second:
                raise Corrupt(f"The {variant} of {job_id} is not the file that Gallop stored. Check the bucket.")
            is_second = True
        before = part.done
        yield from _fetch(part, door, job_id, variant)
        if part.done < part.stored.bytes:
            failures = 0 if part.done > before else failures + 1
            yield Pause(_PAUSE_SECONDS)
    raise Unreachable(f"The {variant} of {job_id} could not be downloaded. Repeat the call: it continues the download.")


def _fetch(part: _Part, door: Door, job_id: str, variant: Variant) -> Flow[None]:
    """Fetch what is left, from a new signed address, where the key must not be sent; an interruption is no error."""
    reply = yield from ask(door.call("GET", f"{flows.path_of(job_id)}/content?variant={variant}"))
    if "location" not in reply.headers:
        return
    url = urljoin(door.url, reply.headers["location"])
    headers = {"Range": f"bytes={part.done}-", "Accept-Encoding": "identity"}
    try:
        answer = yield Call("GET", url, headers, sink_for=part.sink_for)
    except httpx.RequestError:
        return
    if answer.status == _NOT_IN_RANGE:
        part.clear()


def _is_ours(file: BinaryIO, path: Path) -> bool:
    """Lock a file until it is closed; return False if another run has it, or has just given it another name."""
    if fcntl is None:
        return True
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _is_at(path: Path, stored: StoredFile) -> bool:
    if not path.is_file() or path.stat().st_size != stored.bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == stored.sha256


def _stored(job: Job, variant: Variant) -> StoredFile | None:
    return {"video": job.video, "thumbnail": job.thumbnail, "signed": job.signed}[variant]


def _not_there(job: Job, variant: Variant) -> JobFailed | Refused:
    if job.has_ended and job.state != "succeeded":
        return JobFailed(job)
    remedy = "Wait for the job first; other files follow a few seconds after its video."
    what = "signed copy" if variant == "signed" else variant
    return Refused(0, "not_ready", f"Job {job.id} is {job.state}, and has no {what} yet.", remedy)
