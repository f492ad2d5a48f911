"""Whether the account runs enough functions at a time for the stack's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters.operator_calls import ask
from gallop.domain.diagnosis import failure, ok, warning
from gallop.services.doctor.stack import MAPPING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

# For the authorizer, the sweep, and a step of the workflow or two.
OTHERS = 4
ENOUGH = 1000
_RAISE = (
    "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
    f"--desired-value {ENOUGH}"
)
_UNTIL_THEN = "Until then: sam deploy --parameter-overrides DropConcurrency=2 MaxWaitSeconds=0"


def check(deployment: Deployment) -> Iterator[Finding]:
    """Compare the account's concurrent executions with what drops and waits may take."""
    limits = ask("lambda", "get_account_settings")["AccountLimit"]
    free = int(limits["UnreservedConcurrentExecutions"])
    mapping = ask("lambda", "get_event_source_mapping", UUID=deployment.resource(MAPPING))
    drops = int(mapping["ScalingConfig"]["MaximumConcurrency"])
    status = deployment.variables("StatusFunction")
    waits = int(status["MAX_IN_FLIGHT"]) if int(status["MAX_WAIT_SECONDS"]) else 0
    needed = drops + waits + OTHERS
    seen = f"The account runs {free:,} functions at a time; drops may take {drops}, tasks about to end {waits}"
    if free <= drops:
        yield failure("concurrency", f"{seen}: nothing may be left for jobs.", f"{_RAISE}. {_UNTIL_THEN}")
    elif free < needed:
        yield warning(
            "concurrency", f"{seen}, and {OTHERS} more are needed: jobs may be late.", f"{_RAISE}. {_UNTIL_THEN}"
        )
    else:
        yield ok("concurrency", f"{seen}.")
