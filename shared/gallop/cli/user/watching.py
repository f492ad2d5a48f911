"""``gallop watch`` and ``gallop get``."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop.cli import show
from gallop.cli.user import wording
from gallop.cli.user.address import KeyFileOption, UrlOption, find
from gallop.cli.user.completion import jobs
from gallop.cli.user.running import End, Session, end_of, run
from gallop.cli.user.saving import NotSavedError, OutputOption, Place, place
from gallop.client import GallopError, Job, Unreachable
from gallop.domain import times

if TYPE_CHECKING:
    from pathlib import Path

    from gallop.cli.user.address import Address

# How long a job that was reached before is watched without a connection, and the pause between two tries.
PATIENCE_SECONDS, RETRY_SECONDS = 600.0, 5.0
SHOWN = ("resolution", "ratio", "duration", "seed", "audio")

JobArgument = Annotated[str, typer.Argument(help="A job's ID, job_...", metavar="JOB", autocompletion=jobs)]
JobsArgument = Annotated[list[str], typer.Argument(help="IDs of jobs, job_...", metavar="JOB...", autocompletion=jobs)]


@dataclass(frozen=True, slots=True)
class Made:
    """A job, and the file of its video if it was saved."""

    job: Job
    file: Path | None

    @property
    def view(self) -> dict[str, Any]:
        """The job as the door shows it, with the file."""
        return {**self.job.data, **({"file": str(self.file)} if self.file else {})}


def watch(
    job_ids: JobsArgument,
    output: OutputOption = "",
    json: show.JsonOption = False,
    url: UrlOption = "",
    key_file: KeyFileOption = "",
) -> None:
    """Watch jobs until they have ended: state, place in the queue, seconds, cost. Exit code 1 if one has no video."""
    wanted, at = list(dict.fromkeys(job_ids)), find(url, key_file)
    to = place(output, count=len(wanted))

    async def work(session: Session) -> list[Made | End]:
        leave(session, " ".join(wanted), to)
        return await asyncio.gather(*(_ended(session, one, to, at) for one in wanted))

    ends = run(at, work, json=json)
    if json:
        show.as_json([one.view for one in ends])
    for one in ends:
        if isinstance(one, Made) and not json:
            show_made(one, json=False)
    raise typer.Exit(max((one.code for one in ends if isinstance(one, End)), default=0))


def get(
    job_id: JobArgument,
    output: OutputOption = "",
    json: show.JsonOption = False,
    url: UrlOption = "",
    key_file: KeyFileOption = "",
) -> None:
    """Show a job as it is now, or with --output download its video. An interrupted download continues."""
    to = place(output)

    async def work(session: Session) -> Made:
        session.resume = f"gallop get {job_id}{to.hint}"
        job = await session.client.get(job_id)
        return Made(job, await to.save(session.client, job, session.display) if to.text else None)

    made = run(find(url, key_file), work, json=json)
    if json or made.file:
        show_made(made, json=json)
    else:
        show.as_lines(_facts(made.job))


async def finished(session: Session, job: Job | str, to: Place) -> Made:
    """Wait until a job has succeeded, and save its video.

    Raises:
        GallopError: it has no video, or could not be reached.
        NotSavedError: its video could not be written.

    """
    done = await _waited(session, job)
    file = await to.save(session.client, done, session.display) if to.text else None
    session.display.say(f"{done.id}: made in {wording.minutes(_seconds(done))}, {wording.cost(done)}", ended=done.id)
    return Made(done, file)


def show_made(made: Made, *, json: bool) -> None:
    """Print the job, or the path of its video, or else its ID."""
    if json:
        show.as_json(made.view)
    else:
        typer.echo(made.file or made.job.id)


def leave(session: Session, jobs: str, to: Place) -> None:
    """Let the end of this command, by Ctrl-C or without a connection, say that jobs continue, and how to watch them."""
    session.if_stopped = f"Stopped watching; {'the jobs continue' if ' ' in jobs else 'the job continues'}."
    session.resume = f"gallop watch {jobs}{to.hint}"


async def _ended(session: Session, job_id: str, to: Place, at: Address) -> Made | End:
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


def _seconds(job: Job) -> int:
    return (job.completed_at or job.updated_at) - job.created_at


def _facts(job: Job) -> list[tuple[str, str]]:
    view = job.data
    facts = [
        ("job", job.id),
        ("state", wording.state(job)),
        ("created", times.day_and_time(job.created_at)),
        ("took", wording.minutes(_seconds(job)) if job.has_ended else ""),
        ("cost", wording.cost(job)),
        ("model", job.model),
        ("prompt", job.prompt),
        *((name, str(view[name])) for name in SHOWN if view.get(name) is not None),
        ("video", job.video.s3 if job.video else ""),
        ("error", f"{job.error.code}: {job.error.message} {job.error.remedy}" if job.error else ""),
    ]
    return [(name, wording.plain(value)) for name, value in facts if value]
