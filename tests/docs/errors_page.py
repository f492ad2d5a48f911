"""Generates ``docs/errors.md`` from the code: ``python -m tests.docs.errors_page`` updates it; a test compares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gallop.domain import errors, failures
from gallop.domain.dashscope import error_codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
INTRODUCTION = """\
# Errors

`make docs` generates this page from the code.
There are two kinds of errors: a request that Gallop *refuses*, which costs nothing, and a job that was accepted and \
*ended without a video*.
Codes are stable; messages and remedies are for people, and may improve.

"Again?" says whether the same request, unchanged, can succeed later.
"""
REFUSALS = """\
## Refusals

The HTTPS door answers with `application/problem+json` (RFC 9457).
Its `type` is `/errors/` and the code; `errors` lists every problem of a request, each with the JSON pointer of its \
place.
OpenAI's clients receive the code as `error.code`, and DashScope's clients a code of the last table.
The S3 door writes `error.json`, which lists the problems as `faults`, each with its file.
`budget_exceeded` has the figures of the cap in `budget`; DashScope's clients receive `Arrearage`.
"""
ENDS = """\
## Jobs without a video

`error.code` of a job whose `state` is `failed` or `cancelled`, in `GET /v1/videos/{id}` and in `error.json`.
"""
VENDOR = """\
## DashScope's own codes

A refused submit ends the job as `vendor_refused`, or is sent again if the rate limit was the reason; a failed task \
ends it as `generation_failed`.
What to do depends only on DashScope's code.
A code that is not listed (`InvalidFile.FPS`) has the meaning of its family; for a code without a family: %s
"""


def page() -> str:
    """Return the page."""
    unlisted = error_codes.UNLISTED.remedy
    parts = [INTRODUCTION, REFUSALS, _refusals(), ENDS, _ends(), VENDOR % unlisted, _vendor()]
    return "\n".join(parts)


def refusals() -> Iterator[type[errors.CallerError]]:
    """Yield every class of refusal, by status and code."""
    yield from sorted(set(_below(errors.CallerError)), key=lambda kind: (kind.status, kind.code))


def _below(kind: type[errors.CallerError]) -> Iterator[type[errors.CallerError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def _refusals() -> str:
    rows = ((f"`{kind.code}`", str(kind.status), kind.title, _yes(kind.retryable), kind.remedy) for kind in refusals())
    return _table(("code", "status", "what", "again?", "what to do"), rows)


def _ends() -> str:
    rows = (
        (f"`{end.code}`", end.what, _yes(end.retryable), end.billed.value, end.remedy)
        for end in failures.FAILURE_KINDS.values()
    )
    return _table(("code", "what", "again?", "charged?", "what to do"), rows)


def _vendor() -> str:
    rows = (
        (f"`{code}`", meaning.kind.value, _yes(meaning.retryable), meaning.remedy)
        for code, meaning in error_codes.MEANINGS.items()
    )
    return _table(("DashScope's code", "about", "again?", "what to do"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
