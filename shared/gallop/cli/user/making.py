"""``gallop make`` and ``gallop price``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop.cli import show
from gallop.cli.user import fields, wording
from gallop.cli.user.address import KeyFileOption, UrlOption, find
from gallop.cli.user.fields import Wanted, takes_a_request
from gallop.cli.user.running import Session, run
from gallop.cli.user.saving import OutputOption, place
from gallop.cli.user.watching import Made, finished, leave, show_made

if TYPE_CHECKING:
    from gallop.cli.user.address import Address
    from gallop.client import Price

WaitOption = Annotated[
    bool, typer.Option("--wait", "-w", help="Wait until the video is made. Default: return when the job is accepted.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only check everything, and print the price.")]
AgainOption = Annotated[
    str,
    typer.Option(
        help="Make and charge another video of the same content. Without it, and for each word that you have used "
        "here, the same content is the same job for 24 hours.",
        metavar="WORD",
    ),
]


@takes_a_request
def make(  # noqa: PLR0913, PLR0917 - the options of a command
    wait: WaitOption = False,
    output: OutputOption = "",
    dry_run: DryRunOption = False,
    again: AgainOption = "",
    json: show.JsonOption = False,
    url: UrlOption = "",
    key_file: KeyFileOption = "",
    **given: Any,  # noqa: ANN401 - an option for each field
) -> None:
    """Make a video: from a folder, by the rules of a drop, or from options. Prints the job's ID, or the video's path.

    The same command is the same job for 24 hours: after an interruption, run it again. --output waits, too.
    """
    wanted = fields.wanted(given.pop("folder"), given)
    at = find(url, key_file)
    if dry_run:
        _price(at, wanted, json=json)
        return
    to = place(output, [wanted.options.get("video", "")])

    is_waiting = wait or bool(to.text)

    async def work(session: Session) -> Made:
        session.if_stopped = "Stopped. Nothing is lost: the same command continues the job if it was made."
        job = await wanted.make(session.client, again, session.display.uploading)
        leave(session, job.id, to)
        if job.is_repeated:
            session.display.say(f"This content is a job already: {job.id}. For another video, add: --again 2")
        return await finished(session, job, to) if is_waiting else Made(job, None)

    made = run(at, work, json=json, place=wanted.place)
    if not is_waiting and not json:
        show.remark(f"Accepted: {wording.cost(made.job)}. To watch it, run: gallop watch {made.job.id}")
    show_made(made, json=json)


@takes_a_request
def price(
    json: show.JsonOption = False,
    url: UrlOption = "",
    key_file: KeyFileOption = "",
    **given: Any,  # noqa: ANN401 - an option for each field
) -> None:
    """Check a request as `gallop make` does, and print its price. Makes nothing and costs nothing."""
    wanted = fields.wanted(given.pop("folder"), given)
    _price(find(url, key_file), wanted, json=json)


def _price(at: Address, wanted: Wanted, *, json: bool) -> None:
    async def work(session: Session) -> Price:
        session.if_stopped = "Stopped. Nothing was made."
        return await wanted.price(session.client, session.display.uploading)

    found = run(at, work, json=json, place=wanted.place)
    if json:
        show.as_json(found.data)
    else:
        # The arithmetic ends with the price.
        typer.echo(found.formula)
