"""Whether videos can be signed with the certificate in the owner's secret, if the stack signs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import clock
from gallop.domain import times
from gallop.domain.diagnosis import failure, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

FUNCTION = "SignFunction"
CHECK = "signing"
SOON_DAYS = 30


def check(deployment: Deployment) -> Iterator[Finding]:
    """Let the function sign a small file that nobody keeps."""
    if FUNCTION in deployment.resources:
        secret = deployment.variables(FUNCTION)["CONTENT_CREDENTIALS_SECRET_ARN"]
        yield judged(deployment.run(FUNCTION, {"action": "try"}), secret)


def judged(facts: Mapping[str, object], secret_arn: str) -> Finding:
    """Judge what the function says: jobs succeed in any case, but their videos may have no signed copy."""
    store = f"aws secretsmanager put-secret-value --secret-id {secret_arn} --secret-string file://signing.pem"
    if facts["code"]:
        detail = f" ({facts['detail']})" if facts["detail"] else ""
        return failure(CHECK, f"Videos are not signed. {facts['reason']}{detail}", store)
    ends = float(str(facts["valid_until"]))
    seen = f"The certificate signs videos; it is valid until {times.day_and_time(ends)}."
    if ends - clock.now() < SOON_DAYS * 86_400:
        return warning(CHECK, seen, f"Store a new one before that. {store}")
    return ok(CHECK, seen)
