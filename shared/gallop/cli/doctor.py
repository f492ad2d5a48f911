"""``gallop doctor``: whether a deployed stack works, and what to do if not."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from gallop import clock
from gallop.adapters.table import client_keys
from gallop.cli import show
from gallop.cli.target import StackOption, opened
from gallop.domain.diagnosis import Level
from gallop.services import api_keys
from gallop.services.doctor import spend as spending
from gallop.services.doctor.deployment import Deployment
from gallop.services.doctor.examine import examine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gallop.cli.target import Target
    from gallop.domain.diagnosis import Finding

UNREACHABLE = 3
WIDTH = 13

SpendOption = Annotated[
    bool,
    typer.Option("--spend", help="Also make one 3-second video of the cheapest model, for real money, and check it."),
]


def doctor(
    spend: SpendOption = False, yes: show.YesOption = False, json: show.JsonOption = False, stack: StackOption = ""
) -> None:
    """Check a deployed stack, without cost: one line per check, with what to do if it is not ok.

    Exit code 0 if there is no failure, 1 if there is one, 3 if AWS or the stack cannot be reached.
    """
    found: list[Finding] = []
    with ExitStack() as closing:
        try:
            target = closing.enter_context(opened(stack))
        except typer.Exit:
            # It has said why.
            raise typer.Exit(UNREACHABLE) from None
        deployment = _deployment(target)
        found += _told(examine(deployment), is_aside=json)
        if spend:
            found += _told(_spend(deployment, is_sure=yes), is_aside=json)
    counts = Counter(finding.level for finding in found)
    if json:
        show.as_json([_view(finding) for finding in found])
    show.remark(", ".join(_counted(counts[level], level) for level in Level))
    if counts[Level.FAILURE]:
        raise typer.Exit(1)


def _deployment(target: Target) -> Deployment:
    return Deployment(target.stack, target.status, target.outputs, target.resources, target.types)


def _spend(deployment: Deployment, *, is_sure: bool) -> Iterator[Finding]:
    offer = spending.cheapest(deployment.variables("ReconcileFunction")["DASHSCOPE_BASE_URL"])
    what = f"DashScope charges ${offer.cost} for a video of {spending.SECONDS} s ({offer.model}, {offer.resolution})."
    show.confirm(f"{what} A run that was interrupted today continues, and is not charged again.", is_sure=is_sure)
    now = clock.now()
    secret, key = api_keys.issue(spending.CLIENT, now, now + spending.KEY_SECONDS)
    try:
        yield from spending.make(deployment, offer, secret, show.remark)
    finally:
        client_keys.revoke(key, clock.now())


def _told(findings: Iterable[Finding], *, is_aside: bool) -> Iterator[Finding]:
    """Print each finding as soon as it is there."""
    for finding in findings:
        for line in _lines(finding):
            typer.echo(line, err=is_aside)
        yield finding


def _lines(finding: Finding) -> list[str]:
    line = f"{finding.level.value:<7}  {finding.check:<{WIDTH}}  {finding.seen}"
    return [line, f"{'':<7}  {'':<{WIDTH}}  -> {finding.remedy}"] if finding.remedy else [line]


def _counted(count: int, level: Level) -> str:
    return f"{count} {level.value}{'s' if level is not Level.OK and count != 1 else ''}"


def _view(finding: Finding) -> dict[str, str | None]:
    return {
        "check": finding.check,
        "level": finding.level.value,
        "seen": finding.seen,
        "remedy": finding.remedy or None,
    }
