"""``gallop watch`` and ``gallop get``."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from gallop.cli import show
from gallop.cli.user import wording
from gallop.cli.user.address import KeyFileOption, UrlOption, find
from gallop.cli.user.running import End, Session, end_of, run
from gallop.cli.user.saving import NotSavedError, OutputOption, place
from gallop.cli.user.variants import (
    PREFIX,
    JobArgument,
    JobsArgument,
    Variants,
    code_of,
    place_of,
    show_variants,
    singles,
)
from gallop.cli.user.watching import Made, ended, leave, seconds, show_made
from gallop.client import GallopError
from gallop.domain import times

if TYPE_CHECKING:
    from gallop.cli.user.address import Address
    from gallop.cli.user.saving import Place
    from gallop.client import Group, Job

SHOWN = ("resolution", "ratio", "duration", "seed", "audio", "account", "region")


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
        return await asyncio.gather(*(ended(session, *one, at) for one in await singles(session, wanted, to)))

    ends = run(at, work, json=json)
    if json:
        show.as_json([one.view for one in ends])
    for one in ends:
        if isinstance(one, Made) and not json:
            show_made(one, json=False)
    raise typer.Exit(code_of(ends))


def get(
    job_id: JobArgument,
    output: OutputOption = "",
    json: show.JsonOption = False,
    url: UrlOption = "",
    key_file: KeyFileOption = "",
) -> None:
    """Show a job or a group as it is now, or with --output download its videos. An interrupted download continues."""
    at, to = find(url, key_file), place(output)

    async def work(session: Session) -> Made | Variants:
        session.resume = f"gallop get {job_id}{to.hint}"
        if job_id.startswith(PREFIX):
            return await _downloaded(session, await session.client.group(job_id), to, at)
        job = await session.client.get(job_id)
        return Made(job, await to.save(session.client, job, session.display) if to.text else None)

    made = run(at, work, json=json)
    if isinstance(made, Variants):
        if json or made.ends:
            show_variants(made, json=json)
        else:
            _show_group(made.group)
    elif json or made.file:
        show_made(made, json=json)
    else:
        show.as_lines(_facts(made.job))


async def _downloaded(session: Session, group: Group, to: Place, at: Address) -> Variants:
    """Download the videos of a group that are there; without a place, only return it."""

    async def one(job: Job) -> Made | End:
        try:
            return Made(job, await to.of_variant(group.id, place_of(job)).save(session.client, job, session.display))
        except (GallopError, NotSavedError) as error:
            end = end_of(error, at)
            session.display.say(end.text)
            return replace(end, view={"id": job.id, **end.view})

    return Variants(group, tuple(await asyncio.gather(*map(one, group.jobs))) if to.text else ())


def _show_group(group: Group) -> None:
    """Print what the jobs have in common, and a line for each."""
    first = group.jobs[0]
    common = {"group": group.id, "cost": wording.costs(group.jobs), "model": first.model, "prompt": first.prompt}
    show.as_lines([(name, wording.plain(value)) for name, value in common.items() if value])
    show.as_table(("VARIANT", "JOB", "STATE", "SEED", "COST"), [_row(job) for job in group.jobs])


def _row(job: Job) -> tuple[str, ...]:
    return str(place_of(job)), job.id, wording.state(job), str(job.data.get("seed") or ""), wording.cost(job)


def _facts(job: Job) -> list[tuple[str, str]]:
    view = job.data
    facts = [
        ("job", job.id),
        ("state", wording.state(job)),
        ("created", times.day_and_time(job.created_at)),
        ("took", wording.minutes(seconds(job)) if job.has_ended else ""),
        ("cost", wording.cost(job)),
        ("model", job.model),
        ("prompt", job.prompt),
        *((name, str(view[name])) for name in SHOWN if view.get(name) is not None),
        ("video", job.video.s3 if job.video else ""),
        ("error", f"{job.error.code}: {job.error.message} {job.error.remedy}" if job.error else ""),
    ]
    return [(name, wording.plain(value)) for name, value in facts if value]
