"""``gallop make`` and ``gallop price``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop.cli import show
from gallop.cli.user import fields
from gallop.cli.user.address import KeyFileOption, UrlOption, find
from gallop.cli.user.fields import Wanted, takes_a_request
from gallop.cli.user.running import Session, run
from gallop.cli.user.saving import OutputOption, place
from gallop.cli.user.variants import Variants, accepted, show_variants, waited
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
    With --n, it makes several videos to choose from: a group, whose ID it prints, or the paths of the videos.
    """
    wanted = fields.wanted(given.pop("folder"), given)
    at = find(url, key_file)
    if dry_run:
        _price(at, wanted, json=json)
        return
    to = place(output, [wanted.options.get("video", "")])

    is_waiting = wait or bool(to.text)

    async def work(session: Session) -> Made | Variants:
        session.if_stopped = "Stopped. Nothing is lost: the same command continues the job if it was made."
        group = await wanted.make(session.client, again, session.display.uploading)
        leave(session, group.id, to)
        if group.is_repeated:
            session.display.say(f"This content is a job already: {group.id}. For another video, add: --again 2")
        if group.id != group.jobs[0].id:
            return await waited(session, group, to, at) if is_waiting else accepted(group)
        return await finished(session, group.jobs[0], to) if is_waiting else Made(group.jobs[0], None)

    made = run(at, work, json=json, place=wanted.place)
    if not is_waiting and not json:
        show.remark(f"Accepted: {made.cost}. To watch it, run: gallop watch {made.id}")
    _show(made, json=json)


def _show(made: Made | Variants, *, json: bool) -> None:
    if isinstance(made, Variants):
        show_variants(made, json=json)
    else:
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
        several = f", x {found.data['n']} = ${found.estimated_cost:.2f}" if "n" in found.data else ""
        typer.echo(f"{found.formula}{several}")
