"""Writes ``docs/errors.md`` from the code: ``python -m tests.docs.errors_page`` writes it anew; a test compares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gallop.domain import errors, failures
from gallop.domain.dashscope import error_codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
INTRODUCTION = """\
# What can go wrong

Made from the code, by `make docs`. Two things are kept apart: a request that Gallop *refuses*, which costs nothing,
and a job that was accepted and *ended without a video*. Codes are stable; messages and remedies are for people, and
may get better.

"Again?" says whether the very same request can succeed later.
"""
REFUSALS = """\
## Refusals

The HTTPS door answers with `application/problem+json` (RFC 9457). Its `type` is `/errors/` and the code; `errors`
lists every fault of a request, each with the JSON pointer of its place. To OpenAI's clients the same is said as
`error.code`, to DashScope's in the words of the last table. The S3 door says it in `error.json`, as `faults`, each
with the file. `budget_exceeded` has the numbers of the cap in `budget`; DashScope's clients are told `Arrearage`.
"""
ENDS = """\
## Ends without a video

`error.code` of a job whose `state` is `failed` or `cancelled`, in `GET /v1/videos/{id}` as in `error.json`.
"""
VENDOR = """\
## DashScope's own codes

A job's `error.message` begins with DashScope's code where there is one. A refused submit ends the job as
`vendor_refused`, or is sent again where it was refused for its rate; a task that failed ends it as
`generation_failed`. What to do depends on DashScope's code alone. A code of a family that is not listed
(`InvalidFile.FPS`) means what its family means; one of no family: %s
"""


def page() -> str:
    """Give the whole page."""
    unlisted = error_codes.UNLISTED.remedy
    parts = [INTRODUCTION, REFUSALS, _refusals(), ENDS, _ends(), VENDOR % unlisted, _vendor()]
    return "\n".join(parts)


def refusals() -> Iterator[type[errors.CallerError]]:
    """Give every class of refusal, in the order of its status and name."""
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
