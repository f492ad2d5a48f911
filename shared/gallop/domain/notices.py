"""Notices: what a person gets by mail when jobs have ended, in plain language.

A mail never has a presigned address, which would expire in it and open the video to everybody who gets the mail.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

from gallop.domain import names
from gallop.domain.doors import Door
from gallop.domain.failures import charge_of
from gallop.domain.frozen import frozen
from gallop.domain.job import Job, JobState
from gallop.domain.views import error_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# SNS takes fewer than 100 characters, which must be ASCII, and 256 KB of text.
MAX_SUBJECT = 99
MAX_BYTES = 256 * 1024
# So that the longest mail fits, whatever names and errors have in them.
MAX_ENDINGS = 150
MAX_NAME, MAX_TEXT = 120, 300
# Endings that wait longer, because the topic does not work, are dropped.
MAX_AGE_SECONDS = 86_400
# The seconds until the next mail: they double while endings keep coming.
MIN_GAP_SECONDS, MAX_GAP_SECONDS = 300, 3600


@frozen
class Ending:
    """A job that has ended; ``page`` is its address on the page for browsers, if there is one."""

    job: Job
    page: str = ""


def is_due(job: Job, notify_of: str) -> bool:
    """Return whether a person is notified of the end of a job: not if it was cancelled, which somebody wanted.

    ``notify_of`` is ``drops`` or ``all``.
    """
    is_chosen = notify_of == "all" or job.door is Door.S3
    return is_chosen and job.state in (JobState.SUCCEEDED, JobState.FAILED)


def gap_after(gap: float, since_last: float) -> float:
    """Return the seconds until the next mail: twice the last gap while endings keep coming, or else the shortest."""
    return MIN_GAP_SECONDS if since_last > 2 * gap else min(max(2 * gap, MIN_GAP_SECONDS), MAX_GAP_SECONDS)


def subject_of(endings: Sequence[Ending]) -> str:
    """Return the subject of a mail, in the ASCII that SNS takes."""
    if len(endings) == 1:
        job = endings[0].job
        return _ascii(f"Video {'ready' if job.state is JobState.SUCCEEDED else 'failed'}: {name_of(job)}")
    return f"{_counted(endings)}"


def body_of(endings: Sequence[Ending], *, with_prompt: bool) -> str:
    """Return the text of a mail: each job that has ended, those that failed first."""
    failed_first = sorted(endings, key=lambda ending: ending.job.state is not JobState.FAILED)
    parts = ["\n".join(_lines(ending, with_prompt=with_prompt)) for ending in failed_first]
    opening = [f"{_counted(endings)}."] if len(endings) > 1 else []
    closing = "This message was sent by Gallop. It may arrive twice."
    return "\n\n".join([*opening, *parts, closing]) + "\n"


def name_of(job: Job) -> str:
    """Return what its owner calls a job: the path of its drop, or the ``name`` of its metadata, or else its id."""
    if job.door is Door.S3:
        return _shown(job.receipts, MAX_NAME)
    return _shown(str(job.request.metadata.get("name") or ""), MAX_NAME) or job.id


def _counted(endings: Sequence[Ending]) -> str:
    states = Counter(ending.job.state for ending in endings)
    ready, failed = states[JobState.SUCCEEDED], states[JobState.FAILED]
    parts = [f"{ready} {'video is' if ready == 1 else 'videos are'} ready"] if ready else []
    return ", ".join([*parts, *([f"{failed} failed"] if failed else [])])


def _lines(ending: Ending, *, with_prompt: bool) -> Iterator[str]:
    job = ending.job
    if job.state is JobState.SUCCEEDED:
        yield f'Your video "{name_of(job)}" is ready.'
        if job.result:
            # A name with a space or a line break in it is one line, and can be copied.
            yield f"Video: s3://{job.result.bucket}/{_address(job.result.key)}"
    else:
        error = error_view(job) or {"message": "No reason is known.", "remedy": ""}
        yield f'Your video "{name_of(job)}" could not be made.'
        yield f"Reason: {_shown(error.get('vendor_message') or error['message'], MAX_TEXT)}"
        yield f"What to do: {_shown(error['remedy'], MAX_TEXT)}"
    yield _cost(job)
    if with_prompt and job.request.prompt:
        yield f"Prompt: {_shown(job.request.prompt, MAX_TEXT)}"
    if ending.page:
        yield f"Page: {ending.page}"
    yield f"Job: {job.id}"


def _cost(job: Job) -> str:
    charge = charge_of(job)
    if charge is None:
        return f"Cost: not known; at most about ${job.estimated_cost:.2f}."
    return f"Cost: ${charge:.2f}." if charge else "Cost: nothing."


def _shown(text: str, maximum: int) -> str:
    """Return a text as one line without characters that change how a mail is read, such as those that reverse it."""
    kept = "".join(_character(character) for character in text)
    line = " ".join(kept.split())
    return line if len(line) <= maximum else f"{line[: maximum - 3]}..."


def _character(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
        return " "
    return "" if _is_hidden(character) else character


def _address(key: str) -> str:
    """Return a key whose invisible characters can be seen, because it must stay complete."""
    return "".join(f"\\u{ord(one):04x}" if _is_hidden(one) else one for one in names.shown(key))


def _is_hidden(character: str) -> bool:
    # A joiner holds the parts of an emoji together.
    return unicodedata.category(character) in ("Cf", "Cs", "Cn", "Co", "Zl", "Zp") and character != "\u200d"


def _ascii(text: str) -> str:
    """Return a text without what SNS refuses in a subject: accents are removed, and other characters left out."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    line = " ".join(plain.split()).rstrip(": ")
    return line if len(line) <= MAX_SUBJECT else f"{line[: MAX_SUBJECT - 3]}..."
