"""``gallop drain``, ``gallop undrain`` and ``gallop forget``: what an operator does to a whole stack, or a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gallop import clock
from gallop.adapters.table import drains
from gallop.cli import show
from gallop.cli.show import fail, refuse
from gallop.cli.target import StackOption, opened
from gallop.domain import times
from gallop.domain.clients import keys
from gallop.domain.errors import JobNotFinished
from gallop.services import drain as service
from gallop.services import forget as forgetting

if TYPE_CHECKING:
    from collections import Counter

    from gallop.cli.target import Target
    from gallop.services.forget import Holdings

MAPPING, BATCHES = "SubmitFunctionDrops", "BatchWorkflow"
POLL_SECONDS = 2

ClientArgument = Annotated[str, typer.Argument(help="A client of the HTTPS door.", metavar="CLIENT")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until all jobs have ended.")]


def drain(wait: WaitOption = False, json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Accept no new jobs at either door: creates get 503 and Retry-After, and dropped files wait in the queue.

    Accepted jobs continue, with the other lines of batches that have begun. Nothing is lost: after `gallop undrain` the
    S3 door takes what was dropped meanwhile.
    """
    with opened(stack) as target:
        service.drain(target.resource(MAPPING))
        show.remark("Dropped files wait until `gallop undrain`.")
        show.remark("CANCEL files wait, too: cancel jobs with `gallop jobs cancel` meanwhile.")
        left = _all_ended(target) if wait else _still_open(target)
        since = drains.since() or target.now()
    if json:
        show.as_json({"draining_since": times.timestamp(since), "open": dict(left)})
        return
    ended = "All jobs have ended" if wait else "No jobs are open now; `gallop drain --wait` waits until none can begin"
    state = f"Still open: {_counts(left)}" if left else ended
    show.remark(f"Stack {target.stack!r} accepts no new jobs since {times.day_and_time(since)}. {state}.")
    if left["parked"]:
        show.remark("Parked jobs wait for budget. Cancel them, if you do not want to wait: gallop jobs --state parked")


def _still_open(target: Target) -> Counter[str]:
    return service.still_open(target.resource(MAPPING), target.resource(BATCHES))


def _all_ended(target: Target) -> Counter[str]:
    """Wait until nothing was open for as long as a create may be under way; return what is open then: nothing."""
    closed_since: float | None = None
    while (left := _still_open(target)) or closed_since is None or target.now() < closed_since + service.SUBMIT_SECONDS:
        if left:
            show.remark(f"Still open: {_counts(left)}")
            closed_since = None
        elif closed_since is None:
            show.remark("No jobs are open. Waiting for requests under way.")
            closed_since = target.now()
        clock.sleep(POLL_SECONDS)
    return left


def undrain(stack: StackOption = "") -> None:
    """Accept new jobs again, and take what was dropped meanwhile."""
    with opened(stack) as target:
        service.undrain(target.resource(MAPPING))
    show.remark(f"Stack {target.stack!r} accepts new jobs.")


def forget(
    client: ClientArgument, yes: show.YesOption = False, json: show.JsonOption = False, stack: StackOption = ""
) -> None:
    """Delete all data of a client: its keys, jobs, videos, uploads, webhook endpoints and budgets.

    What there is is listed first. Afterwards the table and the buckets are read again: exit code 1 if anything is left.
    """
    if not keys.is_client_name(client):
        refuse(f"{client!r} is not a client of the HTTPS door. Delete jobs of the S3 door with `gallop jobs delete`.")
    with opened(stack) as target:
        target.use_settings_of("ReconcileFunction")
        found = forgetting.holdings(client)
        if found.obstacle:
            fail(f"{client!r} cannot be forgotten. {found.obstacle}")
        for line in _inventory(found):
            show.remark(line)
        show.confirm(f"All of this is deleted from stack {target.stack!r}, and cannot be restored.", is_sure=yes)
        try:
            items, versions = forgetting.forget(client)
        except JobNotFinished as error:
            fail(f"{client!r} is not forgotten yet; its keys are revoked. {error} Then run the command again.")
    if json:
        show.as_json({"client": client, "jobs": len(found.jobs), "items_left": items, "versions_left": versions})
    show.remark(f"{client!r}: {items} items and {versions} object versions are left.")
    if items or versions:
        raise typer.Exit(1)


def _inventory(found: Holdings) -> list[str]:
    counts = {"API keys": found.keys, "jobs": found.jobs, "webhook endpoints": found.endpoints}
    size = [f"{found.client!r} has {len(things):,} {name}" for name, things in counts.items()]
    return [
        *size,
        f"{found.client!r} has {len(found.uploads):,} versions of uploads",
        *(f"  {job.id}  {job.state.value}  {times.day_and_time(job.created_at)}" for job in found.jobs),
    ]


def _counts(left: Counter[str]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in sorted(left.items()))
