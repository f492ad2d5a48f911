"""The functions as AWS has them: deployed, on the runtime and the processor that the layers are built for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain.diagnosis import failure, ok

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

RUNTIME, ARCHITECTURE = "python3.13", "arm64"
_DEPLOY = "sam build && sam deploy"


def check(deployment: Deployment) -> Iterator[Finding]:
    """Check each function's state, runtime and processor."""
    names = sorted(deployment.of_type("AWS::Lambda::Function"))
    broken = [f"{name} {why}" for name in names if (why := _trouble(deployment.configuration(name)))]
    if broken:
        yield failure("functions", f"{'; '.join(broken)}.", _DEPLOY)
    else:
        yield ok("functions", f"All {len(names)} are active, on {RUNTIME} and {ARCHITECTURE}.")


def _trouble(found: Mapping[str, object]) -> str:
    if found.get("State") != "Active":
        return f"is {found.get('State')}"
    if found.get("LastUpdateStatus") != "Successful":
        return f"was not updated ({found.get('LastUpdateStatus')})"
    if found.get("Runtime") != RUNTIME:
        return f"runs on {found.get('Runtime')}, not {RUNTIME}"
    return "" if found.get("Architectures") == [ARCHITECTURE] else f"is not on {ARCHITECTURE}"
