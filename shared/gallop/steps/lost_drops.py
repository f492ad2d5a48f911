"""Reports drops whose messages failed too often to their owners: no drop ends without a receipt, whatever broke."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import clock, log
from gallop.adapters import drop_queue
from gallop.adapters.s3 import buckets
from gallop.adapters.table import batches as batch_table
from gallop.adapters.table import drops as drop_table
from gallop.domain.drops import batch as batches
from gallop.domain.drops import drop as drops
from gallop.domain.drops import messages, receipts
from gallop.domain.drops.batch import BatchState
from gallop.domain.drops.drop import Folder
from gallop.domain.errors import AwsTrouble
from gallop.services import drop_updates
from gallop.services.isolation import left_to_next_sweep

if TYPE_CHECKING:
    from gallop.domain.drops.drop import Scope

# The sweep has less than a minute.
MAX_MESSAGES = 100


def report() -> None:
    """Write a receipt for each drop that a message of the dead-letter queue names, and remove the message.

    A message that names none stays in the queue, for the operator.
    """
    seen, foreign = 0, list[str]()
    while seen < MAX_MESSAGES and (letters := drop_queue.given_up()):
        seen += len(letters)
        for body, handle in letters:
            if lost := messages.subjects_in(body):
                with left_to_next_sweep("lost drop not reported"):
                    _report(lost, handle)
            else:
                foreign.append(handle)
    if foreign:
        log.warning("dead letters name no drop: see them with `gallop redrive`", count=len(foreign))
        # Otherwise the operator would not see them for half of each minute.
        drop_queue.show_again(foreign)


def _report(lost: list[Scope | str], handle: str) -> None:
    for scope in lost:
        if isinstance(scope, str):
            _show_batch(scope)
        else:
            _show(scope)
    log.warning("drop lost", drops=[messages.name_of(scope) for scope in lost])
    drop_queue.remove(handle)


def _show(scope: Scope) -> None:
    try:
        found = drops.drops_of(scope, buckets.list_scope(scope))
    except AwsTrouble:
        raise
    except Exception as error:  # noqa: BLE001 - what cannot be listed is what may have failed
        log.exception("lost drop not readable", error=type(error).__name__)
        path = drops.receipts_of(scope.path if isinstance(scope, Folder) else scope.stem)
        current = drop_table.get(path)
        # Whether the message was about the files of that job, nobody knows; its receipts say what is charged.
        if not (current.job or current.is_refused):
            drop_updates.show_receipts(path, receipts.lost(clock.now()), clock.now())
        return
    for drop in found:
        current = drop_table.get(drop.receipts)
        # What was taken or refused after all needs no receipt.
        if current.uploaded_at < drop.used_at or not (current.job or current.is_refused):
            drop_updates.show_receipts(drop.receipts, receipts.lost(clock.now(), current.job), drop.newest)


def _show_batch(key: str) -> None:
    batch = batches.batch_of(key, "", clock.now())
    uploaded_at = max((entry.time for entry in buckets.list_beside(key) if entry.key == key), default=0.0)
    # What was started, or removed, after all needs no receipt.
    if uploaded_at <= batch_table.newest_started(batch):
        return
    refusal = batches.refusal(batch, BatchState.FAILED, AwsTrouble.code, batches.aws_failure(), clock.now())
    buckets.put_receipt(batch.receipt, {**refusal, "batch": None})
