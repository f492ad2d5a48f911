"""Whether the deployment is complete, and whether the stack is drained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters.operator_calls import ask, needing
from gallop.adapters.table import drains
from gallop.domain import times
from gallop.domain.diagnosis import failure, ok, warning
from gallop.services.doctor.deployment import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
ROLLED_BACK = ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")
MAPPING = "SubmitFunctionDrops"
_EVENTS = "aws cloudformation describe-stack-events --stack-name {name}"


def check(deployment: Deployment) -> Iterator[Finding]:
    """Check the stack's status and its outputs."""
    missing = [name for name in OUTPUTS if name not in deployment.outputs]
    status, events = deployment.status, _EVENTS.format(name=deployment.name)
    if missing:
        yield failure("stack", f"{status}; it has no output {', '.join(missing)}.", f"Deploy again. {events}")
    elif status in COMPLETE:
        yield ok("stack", f"{status}, with all outputs.")
    elif status in ROLLED_BACK:
        yield warning("stack", f"{status}: the last update failed, and the version before it runs.", events)
    else:
        yield failure("stack", f"{status}: the last deployment failed or has not ended.", events)


def check_draining(deployment: Deployment) -> Iterator[Finding]:
    """Check that both doors are open."""
    since = needing("dynamodb:GetItem", drains.since)
    mapping = ask("lambda", "get_event_source_mapping", UUID=deployment.resource(MAPPING))
    state = mapping["State"]
    if since:
        seen = f"The stack is drained since {times.day_and_time(since)}: it accepts no new jobs."
        yield warning("draining", seen, f"gallop undrain --stack {deployment.name}")
    elif state not in ("Enabled", "Enabling", "Updating", "Creating"):
        seen = f"The S3 door does not read its queue (event source mapping {state})."
        yield failure("draining", seen, f"aws lambda update-event-source-mapping --enabled --uuid {mapping['UUID']}")
    else:
        yield ok("draining", "Both doors accept jobs.")
