"""What a function of the stack says of its runtime, its rights, and DashScope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain.diagnosis import failure, ok, warning
from gallop.services.doctor.vendor import findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

FUNCTION = "ReconcileFunction"
# What AWS says of a token that it does not know, to those who have the right.
_NO_SUCH_TOKEN = ("InvalidToken", "TaskDoesNotExist", "TaskTimedOut")


def check(deployment: Deployment) -> Iterator[Finding]:
    """Let ``ReconcileFunction`` look: it has the key's right, and the route to DashScope."""
    secret = deployment.variables("SubmitFunction").get("DASHSCOPE_SECRET_ARN", "")
    facts = deployment.run(FUNCTION, {"action": "self_check", "secret_arn": secret})
    yield _runtime(facts["runtime"])
    yield _bytecode(facts["runtime"])
    yield _task_tokens(facts["task_tokens"])
    yield from findings(facts["dashscope"], secret)


def _runtime(facts: Mapping[str, str]) -> Finding:
    # The function would not have started with an older one.
    seen = f"Python {facts['python']} on {facts['machine']}, botocore {facts['botocore']}"
    return ok("runtime", f"{seen} ({facts['botocore_needed']} or newer is needed).")


def _bytecode(facts: Mapping[str, object]) -> Finding:
    if facts["has_bytecode"]:
        return ok("bytecode", "The layer has bytecode for this Python.")
    seen = f"The layer has no bytecode for Python {facts['python']}: cold starts take twice as long."
    return warning("bytecode", seen, "Build with Python 3.13 on the path: sam build && sam deploy")


def _task_tokens(code: str) -> Finding:
    if code in ("", *_NO_SUCH_TOKEN):
        seen = (
            f"{FUNCTION} may resume jobs: AWS answers {code} to a token of nobody. Lines of batches use the same call."
        )
        return ok("task tokens", seen)
    remedy = f'Allow states:SendTaskSuccess on "*" in the role of {FUNCTION}, as in template.yaml: sam deploy'
    return failure("task tokens", f"{FUNCTION} may not resume jobs that wait: {code}", remedy)
