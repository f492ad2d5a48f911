"""``gallop redrive``: messages of the S3 door that failed too often, and how they are tried again or discarded."""

from __future__ import annotations

from json import dumps
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
    from collections.abc import Sequence

    from gallop.adapters.drop_queue import DeadLetter

WhatArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="IDs of dead letters to put back or discard, or drops to look at again: drop/spring/, drop/cat.jpg.",
        metavar="[ID|drop/PATH]...",
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="Put back all dead letters that name a drop or batch.")]
DiscardOption = Annotated[bool, typer.Option("--discard", help="Delete the dead letters with these IDs permanently.")]
# Of a letter that is about to be deleted.
SHOWN_CHARACTERS = 200


def redrive(  # noqa: PLR0913, PLR0917 - options
    what: WhatArgument = None,
    everything: AllOption = False,
    discard: DiscardOption = False,
    yes: show.YesOption = False,
    json: show.JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Show the dead letters of the S3 door's queue, put them back once the cause is fixed, or discard them.

    The sweep writes an error.json for each drop that a dead letter names, and removes the letter. Name such a drop by
    its path: the door looks at its files again, and nobody has to upload them again.
    """
    paths = [one for one in what or () if one.startswith(drop.PREFIX)]
    ids = [one for one in what or () if one not in paths]
    if what and everything:
        refuse("Use --all or name what to put back, not both.")
    if discard and (paths or everything or not ids):
        refuse("Name the dead letters to discard by their IDs; `gallop redrive` shows them.")
    with opened(stack) as target:
        target.use_queues()
        if discard:
            _discard(ids, is_sure=yes, json=json)
        elif what or everything:
            _put_back(ids, paths, everything=everything, json=json)
        else:
            letters = service.dead_letters()
            _list(letters, json=json)
            _hint_at_more(len(letters), len(letters))


def _put_back(ids: list[str], paths: list[str], *, everything: bool, json: bool) -> None:
    absent = [path for path in paths if not service.look_again(path)]
    moved, left = service.redrive(None if everything else ids) if ids or everything else ([], [])
    _report(moved, left if everything else [], [path for path in paths if path not in absent], json=json)
    unknown = [one for one in ids if one not in {letter.id for letter in moved}]
    if everything or unknown:
        _hint_at_more(len(moved) + len(left), len(left))
    _name_absent(*absent, *unknown)
    if absent or unknown or (everything and left):
        raise typer.Exit(1)


def _discard(ids: list[str], *, is_sure: bool, json: bool) -> None:
    gone, left = service.discard(ids, lambda letters: _ask(letters, is_sure=is_sure))
    if json:
        show.as_json({"discarded": [letter.id for letter in gone]})
    for letter in gone:
        show.remark(f"{letter.id} is discarded.")
    if unknown := [one for one in ids if one not in {letter.id for letter in gone}]:
        _hint_at_more(len(gone) + len(left), len(left))
        _name_absent(*unknown)
        raise typer.Exit(1)


def _ask(letters: Sequence[DeadLetter], *, is_sure: bool) -> None:
    for letter in letters:
        show.remark(f"{letter.id}: {_what(letter)}: {dumps(letter.body)[:SHOWN_CHARACTERS]}")
        if names := _names(letter):
            show.remark(
                f"  Without it, {', '.join(names)} has no job unless it had one before. "
                "To make one, give the path of its folder or file to `gallop redrive`."
            )
    if letters:
        show.confirm("These dead letters are deleted, and cannot be restored.", is_sure=is_sure)


def _name_absent(*names: str) -> None:
    for one in names:
        show.remark(f"Not found: {one}. Run `gallop redrive` to see the dead letters; a path begins with drop/.")


def _hint_at_more(read: int, there: int) -> None:
    if read >= drop_queue.MAX_LISTED:
        show.remark("There may be more. Put these back, then run the command again.")
    elif hidden := service.hidden(there):
        is_being = "1 dead letter is" if hidden == 1 else f"{hidden} dead letters are"
        show.remark(f"{is_being} being read at the moment, perhaps by the sweep: try again in a minute.")
    elif not read:
        show.remark("There are no dead letters. Drops that the sweep has reported have an error.json.")


def _list(letters: list[DeadLetter], *, json: bool) -> None:
    if json:
        show.as_json([_view(letter) for letter in letters])
    elif letters:
        rows = [(letter.id, times.day_and_time(letter.sent_at), _what(letter)) for letter in letters]
        show.as_table(("ID", "SENT", "WHAT"), rows)


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
            f"{letter.id} stays a dead letter: {_what(letter)}. "
            "Read it with --json; if S3 did not send it, delete it with --discard and its ID."
        )


def _view(letter: DeadLetter) -> dict[str, Any]:
    return {"id": letter.id, "sent_at": times.timestamp(letter.sent_at), "drops": _names(letter), "body": letter.body}


def _what(letter: DeadLetter) -> str:
    return ", ".join(_names(letter)) or f"names no drop ({len(letter.body.encode()):,} bytes)"


def _names(letter: DeadLetter) -> list[str]:
    return [messages.name_of(subject) for subject in messages.subjects_in(letter.body)]
