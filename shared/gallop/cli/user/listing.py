"""``gallop list`` and ``gallop cancel``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from gallop.cli import moments, show
from gallop.cli.user import wording
from gallop.cli.user.address import KeyFileOption, UrlOption, find
from gallop.cli.user.running import FAILED, Session, run
from gallop.cli.user.variants import PREFIX, JobsArgument, place_of
from gallop.client import State
from gallop.domain import times

if TYPE_CHECKING:
    from gallop.client import Cancelled, Job

PROMPT_CHARACTERS = 40

StateOption = Annotated[State | None, typer.Option(help="Show only jobs in this state.")]
SinceOption = Annotated[
    str, typer.Option(help="Show only jobs created since then: 2h, 7d, 2026-11-27T12:00Z.", metavar="7d")
]
LimitOption = Annotated[int, typer.Option(help="Maximum number of jobs.", min=1, max=100_000)]


def list_jobs(  # noqa: PLR0913, PLR0917 - the options of a list
    state: StateOption = None,
    since: SinceOption = "",
    limit: LimitOption = 20,
    json: show.JsonOption = False,
    url: UrlOption = "",
    key_file: KeyFileOption = "",
) -> None:
    """List your jobs, the newest first."""
    start = moments.parse("--since", since, time.time()) or 0.0

    async def work(session: Session) -> list[Job]:
        found: list[Job] = []
        async for job in session.client.list(status=state or ""):
            if job.created_at < start or len(found) == limit:
                break
            found.append(job)
        return found

    found = run(find(url, key_file), work, json=json)
    if json:
        show.as_json([dict(job.data) for job in found])
    elif found:
        head = ("JOB", "STATE", "CREATED", "COST", "MODEL", "PROMPT", "GROUP")
        rows = [_row(job) for job in found]
        columns = len(head) if any(row[-1] for row in rows) else len(head) - 1
        show.as_table(head[:columns], [row[:columns] for row in rows])
    else:
        show.remark("No jobs.")


def cancel(
    job_ids: JobsArgument, json: show.JsonOption = False, url: UrlOption = "", key_file: KeyFileOption = ""
) -> None:
    """Cancel jobs that DashScope has not started, or all of a group. Exit code 1 if one of them continues."""

    async def work(session: Session) -> list[Cancelled]:
        found: list[Cancelled] = []
        for one in dict.fromkeys(job_ids):
            is_group = one.startswith(PREFIX)
            found += await session.client.cancel_group(one) if is_group else [await session.client.cancel(one)]
        return found

    answers = run(find(url, key_file), work, json=json)
    if json:
        show.as_json([dict(one.job.data) for one in answers])
    else:
        for one in answers:
            show.remark(f"{one.job.id}: {one.message}")
    if any(one.job.state != "cancelled" for one in answers):
        raise typer.Exit(FAILED)


def _group(job: Job) -> str:
    """Return the group of a job, and which of its variants the job is."""
    group = job.data.get("group")
    return f"{group['id']} {place_of(job)}/{group['size']}" if group else ""


def _row(job: Job) -> tuple[str, ...]:
    prompt = wording.plain(job.prompt)
    short = prompt if len(prompt) <= PROMPT_CHARACTERS else f"{prompt[: PROMPT_CHARACTERS - 1]}…"
    created = times.day_and_time(job.created_at)
    return job.id, wording.state(job), created, wording.cost(job), job.model, short, _group(job)
