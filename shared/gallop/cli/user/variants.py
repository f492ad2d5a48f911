"""Groups: several videos of one request, each watched and saved under a name of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop.cli import show
from gallop.cli.user import wording
from gallop.cli.user.completion import jobs
from gallop.cli.user.running import End
from gallop.cli.user.watching import Made, ended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.cli.user.address import Address
    from gallop.cli.user.running import Session
    from gallop.cli.user.saving import Place
    from gallop.client import Group, Job

PREFIX = "grp_"

JobArgument = Annotated[
    str, typer.Argument(help="The ID of a job or a group, job_... or grp_...", metavar="JOB", autocompletion=jobs)
]
JobsArgument = Annotated[
    list[str], typer.Argument(help="IDs of jobs and groups, job_... and grp_...", metavar="JOB...", autocompletion=jobs)
]


@dataclass(frozen=True, slots=True)
class Variants:
    """A group, and how each of its jobs is or has ended; empty while nobody waits for them."""

    group: Group
    ends: tuple[Made | End, ...] = ()

    @property
    def view(self) -> dict[str, Any]:
        """The group as the door shows it, with the files."""
        data = [one.view for one in self.ends] or self.group.data["data"]
        return {**self.group.data, "data": data}

    @property
    def id(self) -> str:
        """The group's ID."""
        return self.group.id

    @property
    def cost(self) -> str:
        """What all jobs cost."""
        return f"{len(self.group.jobs)} videos, {wording.costs(self.group.jobs)}"


def accepted(group: Group) -> Variants:
    """Return a group for whose videos nobody waits."""
    return Variants(group)


async def waited(session: Session, group: Group, to: Place, at: Address) -> Variants:
    """Wait until all jobs of a group have ended, and save their videos; the failure of one stops no other."""
    places = [(job.id, to.of_variant(group.id, place_of(job))) for job in group.jobs]
    return Variants(group, tuple(await asyncio.gather(*(ended(session, *one, at) for one in places))))


def show_variants(made: Variants, *, json: bool) -> None:
    """Print a group, or the paths of its videos, or else its ID; end the command if one has no video."""
    if json:
        show.as_json(made.view)
    elif not made.ends:
        typer.echo(made.id)
    for one in made.ends:
        if isinstance(one, Made) and not json:
            typer.echo(one.file or one.job.id)
    if code := code_of(made.ends):
        raise typer.Exit(code)


def code_of(ends: Sequence[Made | End]) -> int:
    """Return the exit code of several jobs: the worst."""
    return max((one.code for one in ends if isinstance(one, End)), default=0)


async def singles(session: Session, ids: Sequence[str], to: Place) -> list[tuple[str, Place]]:
    """Return the jobs of IDs, which may be those of groups, and where their videos are saved."""
    found: list[tuple[str, Place]] = []
    for one in ids:
        if one.startswith(PREFIX):
            group = await session.client.group(one)
            found += [(job.id, to.of_variant(one, place_of(job))) for job in group.jobs]
        else:
            found.append((one, to))
    return list(dict(found).items())


def place_of(job: Job) -> int:
    """Return which variant of its group a job is, from 1."""
    return int(job.data["group"]["place"])
