"""All checks of a stack, side by side: a finding is there as soon as its check has ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from gallop.domain.diagnosis import Finding, RightMissing, failure, warning
from gallop.domain.errors import GallopError
from gallop.services.doctor import alarms, door, functions, inbox, inside, quotas, rights, signing, stack, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gallop.services.doctor.deployment import Deployment

    Check = Callable[[Deployment], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "stack": stack.check,
    "draining": stack.check_draining,
    "functions": functions.check,
    "inside": inside.check,
    "inbox": inbox.check,
    "uploads": inbox.check_cors,
    "rights": rights.check,
    "open routes": door.check_open_routes,
    "authorizer": door.check_authorizer,
    "concurrency": quotas.check,
    "sweep": sweep.check,
    "alarms": alarms.check,
    "notices": alarms.check_notices,
    "signing": signing.check,
}
MAX_AT_A_TIME = 6


def examine(deployment: Deployment) -> Iterator[Finding]:
    """Yield what the checks find, in the order in which they end."""
    with ThreadPoolExecutor(MAX_AT_A_TIME) as threads:
        running = [threads.submit(_made, name, check, deployment) for name, check in CHECKS.items()]
        for done in as_completed(running):
            yield from done.result()


def _made(name: str, check: Check, deployment: Deployment) -> list[Finding]:
    """Make a check; what keeps it from being made is a finding, too."""
    try:
        return list(check(deployment))
    except RightMissing as missing:
        seen = f"Not checked: your credentials do not have the right {missing.right}."
        return [warning(name, seen, "Add the right, or run the command with credentials that have it.")]
    except GallopError as error:
        return [
            failure(name, str(error), "Run the command again. If this persists, look at the stack's events in AWS.")
        ]
