"""Runs what a command does at the HTTPS door; each way in which it ends has an exit code and a message.

=====  =======================================================================================================
0      done: the job is accepted, or with --wait its video is made
1      the job failed or was cancelled, or the video could not be saved
2      refused: change the command or the request; nothing was charged
3      not reached, or the answer was lost, or Gallop accepts nothing at present: run the same command again
130    interrupted by Ctrl-C; a job that was made continues
=====  =======================================================================================================
"""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from gallop.cli import show
from gallop.cli.user.progress import display
from gallop.cli.user.saving import NotSavedError
from gallop.client import AsyncGallop, Corrupt, GallopError, JobFailed, Refused, Unknown, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gallop.cli.user.address import Address
    from gallop.cli.user.progress import Display

T = TypeVar("T")
FAILED, REFUSED, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130
UNAUTHENTICATED = 401


@dataclass(slots=True)
class Session:
    """A client of a stack and what is on the screen.

    ``if_stopped`` says what Ctrl-C leaves behind; ``resume`` is the command that continues, once there is one.
    """

    client: AsyncGallop
    display: Display
    if_stopped: str = "Stopped."
    resume: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """How something ended that did not succeed: an exit code, a message for people, and the same for programs."""

    code: int
    text: str
    view: dict[str, Any]


def run(at: Address, work: Callable[[Session], Awaitable[T]], *, json: bool, place: Callable[[str], str] = str) -> T:
    """Return what ``work`` returns; end the command if it raises.

    ``place`` returns the option that a JSON pointer is about.
    """
    session: list[Session] = []

    async def connected() -> T:
        async with AsyncGallop(at.url, at.key) as client:
            with display() as shown:
                session.append(Session(client, shown))
                return await work(session[0])

    try:
        return asyncio.run(connected())
    except KeyboardInterrupt:
        show.remark(f"\n{_continued(session[0].if_stopped, session[0].resume)}" if session else "\nStopped.")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        raise
    except (GallopError, NotSavedError, OSError, ValueError) as error:
        end = end_of(error, at, place, resume=session[0].resume if session else "")
    if json:
        show.as_json(end.view)
    show.remark(end.text)
    raise typer.Exit(end.code)


def end_of(error: Exception, at: Address, place: Callable[[str], str] = str, *, resume: str = "") -> End:
    """Return how something ended that raised an error; ``resume`` is the command that continues it."""
    match error:
        case JobFailed():
            return End(FAILED, str(error), dict(error.job.data))
        case Refused():
            return _of_refusal(error, at, place)
        case Unknown():
            return _plain(UNREACHABLE, "unknown", _continued(str(error), resume))
        case Unreachable():
            return _plain(UNREACHABLE, "unreachable", _continued(f"{error} Address: {at.url}.", resume))
        case Corrupt():
            return _plain(FAILED, "corrupt", str(error))
        case NotSavedError():
            return _of_saving(error)
        case OSError():
            what = f"{error.filename}: " if error.filename else ""
            return _plain(REFUSED, "unreadable", f"{what}{error.strerror or error}. Nothing was made.")
    return _plain(REFUSED, "usage", str(error))


def _continued(text: str, command: str) -> str:
    return f"{text} To continue, run: {command}" if command else text


def _plain(code: int, kind: str, text: str) -> End:
    return End(code, text, {"error": {"code": kind, "message": text}})


def _of_refusal(error: Refused, at: Address, place: Callable[[str], str]) -> End:
    if error.status == UNAUTHENTICATED:
        text = f"{error.detail.rstrip('.')}. The key is from {at.source}. Check it, or run `gallop login`."
        return _plain(REFUSED, error.code, text)
    lines = [f"{replace(fault, pointer=place(fault.pointer)).message}. {fault.remedy}" for fault in error.faults]
    text = "\n".join(lines) or str(error)
    code = REFUSED if error.retry_after is None else UNREACHABLE
    view = {"code": error.code, "message": error.detail, "remedy": error.remedy, "retry_after": error.retry_after}
    return End(code, text, {"error": {**view, "faults": [fault.view() for fault in error.faults]}})


def _of_saving(error: NotSavedError) -> End:
    cause = error.__cause__
    reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    again = f"gallop get {error.job_id} -o {shlex.quote(error.to)}"
    text = f"The video could not be saved: {reason}. It is made and stored; to download it again, run: {again}"
    return _plain(FAILED, "not_saved", text)
