"""Waits for a job, saves its video, and says how it ended: what several commands do."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import typer

from gallop.cli import show
from gallop.cli.user import wording
from gallop.cli.user.running import End, Session, end_of
from gallop.cli.user.saving import NotSavedError, Place
from gallop.client import GallopError, Job, Unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from gallop.cli.user.address import Address

# How long a job that was reached before is watched without a connection, and the pause between two tries.
PATIENCE_SECONDS, RETRY_SECONDS = 600.0, 5.0
SHOWN = ("resolution", "ratio", "duration", "seed", "audio")


@dataclass(frozen=True, slots=True)
class Made:
    """A job, and the file of its video if it was saved."""

    job: Job
    file: Path | None

    @property
    def view(self) -> dict[str, Any]:
        """The job as the door shows it, with the file."""
        return {**self.job.data, **({"file": str(self.file)} if self.file else {})}

    @property
    def id(self) -> str:
        """The job's ID."""
        return self.job.id

    @property
    def cost(self) -> str:
        """What the job costs."""
        return wording.cost(self.job)


async def finished(session: Session, job: Job | str, to: Place) -> Made:
    """Wait until a job has succeeded, and save its video.

    Raises:
        GallopError: it has no video, or could not be reached.
        NotSavedError: its video could not be written.

    """
    done = await _waited(session, job)
    file = await to.save(session.client, done, session.display) if to.text else None
    session.display.say(f"{done.id}: made in {wording.minutes(seconds(done))}, {wording.cost(done)}", ended=done.id)
    return Made(done, file)


def show_made(made: Made, *, json: bool) -> None:
    """Print the job, or the path of its video, or else its ID."""
    if json:
        show.as_json(made.view)
    else:
        typer.echo(made.file or made.job.id)


def leave(session: Session, jobs: str, to: Place) -> None:
    """Let the end of this command, by Ctrl-C or without a connection, say that jobs continue, and how to watch them."""
    is_several = " " in jobs or jobs.startswith("grp_")
    session.if_stopped = f"Stopped watching; {'the jobs continue' if is_several else 'the job continues'}."
    session.resume = f"gallop watch {jobs}{to.hint}"


async def ended(session: Session, job_id: str, to: Place, at: Address) -> Made | End:
    """Wait for one of several jobs, and save its video; return how that ended."""
    try:
        return await finished(session, job_id, to)
    except (GallopError, NotSavedError) as error:
        end = end_of(error, at, resume=f"gallop watch {job_id}{to.hint}")
        session.display.say(end.text, ended=job_id)
        return replace(end, view={"id": job_id, **end.view})


async def _waited(session: Session, job: Job | str) -> Job:
    """Wait for a job; once it was reached, a lost connection is survived for a while."""
    job_id = job if isinstance(job, str) else job.id
    was_reached, lost_since = isinstance(job, Job), None

    def seen(job: Job) -> None:
        nonlocal was_reached, lost_since
        was_reached, lost_since = True, None
        session.display.job(job)

    while True:
        try:
            return await session.client.wait(job_id, progress=seen)
        except Unreachable:
            now = time.monotonic()
            lost_since = lost_since or now
            if not was_reached or now - lost_since > PATIENCE_SECONDS:
                raise
            session.display.lost(job_id)
            await asyncio.sleep(RETRY_SECONDS)


def seconds(job: Job) -> int:
    """Return how long a job took, or has taken so far."""
    return (job.completed_at or job.updated_at) - job.created_at
