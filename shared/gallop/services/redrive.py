"""Returns messages of the S3 door that failed too often to its queue, after their cause was fixed, or discards them.

Each that is returned is sent before it is deleted, so that none is lost; a second delivery of one changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import log
from gallop.adapters import drop_queue
from gallop.adapters.s3 import buckets
from gallop.adapters.table import drops as drop_table
from gallop.domain.drops import drop as drops
from gallop.domain.drops import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gallop.adapters.drop_queue import DeadLetter


def dead_letters() -> list[DeadLetter]:
    """Return the messages that failed too often, the oldest first; they stay in their queue."""
    found = drop_queue.dead_letters()
    drop_queue.show_again(letter.handle for letter in found)
    return found


def hidden(seen: int) -> int:
    """Return how many dead letters there are besides these: others, often the sweep, received them a moment ago."""
    return max(0, drop_queue.dead_letter_count() - seen)


def redrive(wanted: Iterable[str] | None) -> tuple[list[DeadLetter], list[DeadLetter]]:
    """Return the messages with these IDs to the queue; None means all that can be understood.

    Return those that were put back, and those that are left.
    """
    chosen, found = None if wanted is None else set(wanted), drop_queue.dead_letters()
    moved = [
        letter for letter in found if (messages.subjects_in(letter.body) if chosen is None else letter.id in chosen)
    ]
    left = [letter for letter in found if letter not in moved]
    drop_queue.show_again(letter.handle for letter in left)
    for letter in moved:
        _unclaim(letter.body)
        drop_queue.send(letter.body)
        drop_queue.remove(letter.handle)
        log.info("dead letter put back", message_id=letter.id)
    return moved, left


def discard(
    wanted: Iterable[str], ask: Callable[[Sequence[DeadLetter]], None]
) -> tuple[list[DeadLetter], list[DeadLetter]]:
    """Delete the messages with these IDs, unless ``ask`` raises; return those that were deleted, and the others."""
    chosen, found = set(wanted), drop_queue.dead_letters()
    doomed = [letter for letter in found if letter.id in chosen]
    left = [letter for letter in found if letter not in doomed]
    drop_queue.show_again(letter.handle for letter in left)
    drop_queue.hold(letter.handle for letter in doomed)
    try:
        ask(doomed)
    except BaseException:
        drop_queue.show_again(letter.handle for letter in doomed)
        raise
    for letter in doomed:
        drop_queue.remove(letter.handle)
        log.info("dead letter discarded", message_id=letter.id)
    return doomed, left


def look_again(path: str) -> bool:
    """Let the S3 door look at a drop or batch, as if it had just been uploaded; return False if nothing is there.

    ``path`` begins with ``drop/`` and names a file, or a folder.
    """
    key = _key_at(path)
    if key is None:
        return False
    body = messages.arrival_of(key)
    _unclaim(body)
    drop_queue.send(body)
    return True


def _key_at(path: str) -> str | None:
    entries = [entry.key for entry in buckets.list_directly_under(path)]
    if path in entries:
        return path
    return _of_drop(entries if path.endswith("/") else [one.key for one in buckets.list_directly_under(f"{path}/")])


def _of_drop(keys: Sequence[str]) -> str | None:
    own = [key for key in keys if drops.scope_of(key)]
    return next(iter(own), None) or next((key for key in keys if drops.is_batch(key)), None)


def _unclaim(body: str) -> None:
    """Free what a message is about: its copy has another ID, and would find the work claimed by the original."""
    for subject in messages.subjects_in(body):
        if not isinstance(subject, str):
            drop_table.unclaim(drops.prefixes_of(subject)[0])
