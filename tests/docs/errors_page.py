"""Generates ``docs/errors.md`` from the code: ``python -m tests.docs.errors_page`` updates it; a test compares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gallop.domain import credentials, draining, errors, failures, remedies
from gallop.domain.dashscope import error_codes
from gallop.domain.doors import Door
from gallop.doors.https import methods, models
from gallop.doors.mcp import server, tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gallop.domain.remedies import Remedy

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
INTRODUCTION = """\
# Errors

Generated from the code by `make docs`.
A request that Gallop *refuses* costs nothing.
A job that Gallop accepted can still *end without a video*.
Codes are stable; messages and remedies are for people, and may be improved.

"Retry?" says whether the same request can succeed later.
"""
REFUSALS = """\
## Refusals

The HTTPS door answers with `application/problem+json` (RFC 9457); its `type` is `/errors/` and the code.
`errors` lists every fault: its place (`pointer` or `header`), what is wrong (`detail`) and how to fix it (`remedy`).
The S3 door lists the same in `error.json` under `faults`, with the `file`, and a batch also with the `line`.
OpenAI's clients get `error.code`; DashScope's clients get DashScope's own codes, as in the last table.
`budget_exceeded` has the figures of the cap in `budget`; DashScope's clients get `Arrearage`.
"""
ENDS = """\
## Failures

`error.code` of a job whose `state` is `failed` or `cancelled`, in `GET /v1/videos/{id}` and in `error.json`.
The remedies are those of the HTTPS door; `error.json` says "drop it again", not "create the job again".
If it is certain that nothing was charged, the remedy says so.
"""
VENDOR = """\
## DashScope's own codes

If DashScope gave a reason, a job's `error` has it in `vendor_code` and `vendor_message`.
A refused submit ends the job as `vendor_refused`; a rate limit is retried.
A failed task ends the job as `generation_failed`.
What to do then depends on DashScope's code alone.
A code that is not listed means what its family means (`InvalidFile.FPS` belongs to `InvalidFile`).
For a code without a family: %s
"""


def page() -> str:
    """Return the page."""
    unlisted = _words(error_codes.UNLISTED.remedy)
    parts = [INTRODUCTION, REFUSALS, _refusals(), ENDS, _ends(), VENDOR % unlisted, _vendor()]
    return "\n".join(parts)


def refusals() -> Iterator[type[errors.CallerError]]:
    """Yield every class of refusal, by status and code."""
    of_paths: set[type[errors.CallerError]] = {
        methods.NoSuchRoute,
        methods.MethodNotAllowed,
        credentials.NotSigned,
        draining.Draining,
        models.ModelNotFound,
        server.ForeignOrigin,
        tools.TooExpensive,
    }
    yield from sorted(of_paths.union(_below(errors.CallerError)), key=lambda kind: (kind.status, kind.code))


def _below(kind: type[errors.CallerError]) -> Iterator[type[errors.CallerError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def _refusals() -> str:
    rows = ((f"`{kind.code}`", str(kind.status), kind.title, _yes(kind.retryable), kind.remedy) for kind in refusals())
    return _table(("code", "status", "what", "retry?", "what to do"), rows)


def _ends() -> str:
    rows = (
        (f"`{end.code}`", end.what, _yes(end.retryable), end.billed.value, _words(end.remedy))
        for end in failures.FAILURE_KINDS.values()
    )
    return _table(("code", "what", "retry?", "charged?", "what to do"), rows)


def _vendor() -> str:
    rows = (
        (f"`{code}`", meaning.kind.value, _yes(meaning.retryable), _words(meaning.remedy))
        for code, meaning in error_codes.MEANINGS.items()
    )
    return _table(("DashScope's code", "about", "retry?", "what to do"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _words(remedy: Remedy) -> str:
    return remedies.text(remedy, Door.HTTPS)


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
