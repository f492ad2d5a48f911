"""The names under which people save what a job has made."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING
from unicodedata import category
from urllib.parse import quote

from gallop.domain import models
from gallop.domain.doors import Door
from gallop.domain.times import timestamp

if TYPE_CHECKING:
    from gallop.domain.job import Job

MAX_CHARACTERS = 80
WORDS = 8
_EXTENSIONS = {"video/mp4": "mp4", "image/jpeg": "jpg"}
_REFERENCE = re.compile(r"\[[^\]]*\]")


def name_of(job: Job, content_type: str, mark: str = "") -> str:
    """Return a name for a job's file: that of its drop, or the first words of its prompt; ``mark`` is at its end.

    The variants of one request have their number behind it; each drop has a name of its own.
    """
    stem = _of_drop(job) if job.door is Door.S3 else _of_words(job.request.prompt)
    stem = stem[:MAX_CHARACTERS].strip(" .-") or _without_words(job)
    variant = f"-{job.group.place}" if job.group and job.door is not Door.S3 else ""
    return f"{stem}{variant}{mark}.{_EXTENSIONS.get(content_type, 'bin')}"


def disposition(name: str, *, is_download: bool) -> str:
    """Write the header Content-Disposition: browsers save the file, or show it and save it under this name later."""
    kind = "attachment" if is_download else "inline"
    plain = name if name.isascii() else f"video.{name.rpartition('.')[2]}"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _of_drop(job: Job) -> str:
    """Return the last part of its path; with the part before it, if it is the number of a line."""
    *before, last = job.receipts.split("/")
    return _safe("-".join([*before[-1:], last]) if last.isdigit() else last)


def _of_words(prompt: str) -> str:
    words = _safe(_REFERENCE.sub(" ", prompt)).replace("-", " ").split()
    return "-".join(islice(words, WORDS)).lower()


def _without_words(job: Job) -> str:
    model = models.MODELS.get(job.request.model)
    return f"{model.kind.value if model else 'video'}-{timestamp(job.created_at)[:10]}"


def _safe(text: str) -> str:
    """Replace what a file name cannot contain on some system, or what would show it in another order."""
    return "".join(one if category(one)[0] in "LMN" or one in " .()_" else "-" for one in text)
