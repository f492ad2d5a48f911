"""``gallop redrive``: messages of the S3 door that failed too often, and how they are tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop.adapters import drop_queue
from gallop.cli import show
from gallop.cli.show import refuse
from gallop.cli.target import StackOption, opened
from gallop.domain import times
from gallop.domain.drops import drop, messages
from gallop.services import redrive as service

if TYPE_CHECKING:
    from gallop.adapters.drop_queue import DeadLetter

WhatArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="IDs of dead letters to put back, or drops to look at again: drop/spring/, drop/cat.jpg.",
        metavar="[ID|drop/PATH]...",
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="Put back all dead letters that name a drop or batch.")]


def redrive(
    what: WhatArgument = None, everything: AllOption = False, json: show.JsonOption = False, stack: StackOption = ""
) -> None:
    """Show the dead letters of the S3 door's queue, or put them back, once the cause of their failure is fixed.

    The sweep writes an error.json for each drop that a dead letter names, and removes the letter. Name such a drop by
    its path: the door looks at its files again, and nobody has to upload them again.
    """
    paths = [one for one in what or () if one.startswith(drop.PREFIX)]
    ids = [one for one in what or () if one not in paths]
    if what and everything:
        refuse("Use --all or name what to put back, not both.")
    with opened(stack) as target:
        target.use_queues()
        if not (what or everything):
            letters = service.dead_letters()
            _list(letters, json=json)
            _hint_at_more(len(letters))
            return
        absent = [path for path in paths if not service.look_again(path)]
        moved, left = service.redrive(None if everything else ids) if ids or everything else ([], [])
    _report(moved, left if everything else [], [path for path in paths if path not in absent], json=json)
    unknown = [one for one in ids if one not in {letter.id for letter in moved}]
    _hint_at_more(len(moved) + len(left))
    for one in (*absent, *unknown):
        show.remark(f"Not found: {one}. Run `gallop redrive` to see the dead letters; a path begins with drop/.")
    if absent or unknown or (everything and left):
        raise typer.Exit(1)


def _hint_at_more(count: int) -> None:
    if count >= drop_queue.MAX_LISTED:
        show.remark("There may be more. Put these back, then run the command again.")


def _list(letters: list[DeadLetter], *, json: bool) -> None:
    if json:
        show.as_json([_view(letter) for letter in letters])
    elif letters:
        rows = [(letter.id, times.day_and_time(letter.sent_at), _what(letter)) for letter in letters]
        show.as_table(("ID", "SENT", "WHAT"), rows)
    else:
        show.remark("There are no dead letters. Drops that the sweep has reported have an error.json.")


def _report(moved: list[DeadLetter], left: list[DeadLetter], paths: list[str], *, json: bool) -> None:
    if json:
        show.as_json(
            {"put_back": [letter.id for letter in moved], "left": [_view(one) for one in left], "paths": paths}
        )
    for letter in moved:
        show.remark(f"{letter.id} is put back: {_what(letter)}")
    for path in paths:
        show.remark(f"{path} is looked at again.")
    for letter in left:
        show.remark(
            f"{letter.id} stays a dead letter: {_what(letter)}. Read it with --json; its ID puts it back anyway."
        )
    if not (moved or left or paths):
        show.remark("There are no dead letters.")


def _view(letter: DeadLetter) -> dict[str, Any]:
    return {"id": letter.id, "sent_at": times.timestamp(letter.sent_at), "drops": _names(letter), "body": letter.body}


def _what(letter: DeadLetter) -> str:
    return ", ".join(_names(letter)) or f"names no drop ({len(letter.body.encode()):,} bytes)"


def _names(letter: DeadLetter) -> list[str]:
    return [messages.name_of(subject) for subject in messages.subjects_in(letter.body)]
