"""Whether the account runs enough functions at a time for the stack's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters.operator_calls import ask
from gallop.domain.diagnosis import failure, ok, warning
from gallop.services.doctor.stack import MAPPING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

# For the authorizer, the sweep, and a step of a job. The waits of steps give way to these.
OTHERS = 3
ENOUGH = 1000
MIN_DROPS = 2
_RAISE = (
    "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value"
)


def check(deployment: Deployment) -> Iterator[Finding]:
    """Compare the account's concurrent executions with what drops and requests that wait may take."""
    limits = ask("lambda", "get_account_settings")["AccountLimit"]
    free = int(limits["UnreservedConcurrentExecutions"])
    mapping = ask("lambda", "get_event_source_mapping", UUID=deployment.resource(MAPPING))
    drops, held = int(mapping["ScalingConfig"]["MaximumConcurrency"]), _held(deployment.variables("VideosFunction"))
    left, missing = max(0, free - drops - held), drops + held + OTHERS - free
    seen = (
        f"The account runs {free:,} functions at a time; drops may take {drops:,}, requests that wait {held:,}: "
        f"{left:,} are left for jobs"
    )
    if missing <= 0:
        yield ok("concurrency", f"{seen}.")
        return
    desired = max(ENOUGH, int(limits["ConcurrentExecutions"]) + missing)
    remedy = f"{_RAISE} {desired}. {_until_then(free, drops, held)}".rstrip()
    if left:
        yield warning("concurrency", f"{seen}, and {OTHERS} are needed: jobs may be late.", remedy)
    else:
        yield failure("concurrency", f"{seen}, and {OTHERS} are needed.", remedy)


def _held(variables: Mapping[str, str]) -> int:
    return int(variables["MAX_HELD_REQUESTS"]) if int(variables["MAX_WAIT_SECONDS"]) else 0


def _until_then(free: int, drops: int, held: int) -> str:
    """Return the command that makes room with less of what takes it, if there is less."""
    fitting = max(0, free - MIN_DROPS - OTHERS)
    less = [f"DropConcurrency={MIN_DROPS}"] if drops > MIN_DROPS else []
    less += [f"MaxHeldRequests={fitting}"] if held > fitting else []
    return f"Until then: sam deploy --parameter-overrides {' '.join(less)}" if less else ""
