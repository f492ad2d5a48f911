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
    yield bytecode(facts["runtime"])
    yield task_tokens(facts["task_tokens"])
    for account in facts["dashscope"]:
        yield from findings(account, secret)


def _runtime(facts: Mapping[str, str]) -> Finding:
    # The function would not have started with an older one.
    seen = f"Python {facts['python']} on {facts['machine']}, botocore {facts['botocore']}"
    return ok("runtime", f"{seen} ({facts['botocore_needed']} or newer is needed).")


def bytecode(facts: Mapping[str, object]) -> Finding:
    """Judge whether the layer was built for the runtime's Python."""
    if facts["has_bytecode"]:
        return ok("bytecode", "The layer has bytecode for this Python.")
    seen = f"The layer has no bytecode for Python {facts['python']}: cold starts take twice as long."
    return warning("bytecode", seen, "Build with Python 3.13 on the path: sam build && sam deploy")


def task_tokens(code: str) -> Finding:
    """Judge what AWS answered to a task token of nobody: to those without the right, that it is missing."""
    if code in ("", *_NO_SUCH_TOKEN):
        seen = f"{FUNCTION} may resume jobs: an unknown token is answered {code or 'silently'}, not with a refusal."
        return ok("task tokens", seen)
    remedy = f'Allow states:SendTaskSuccess on "*" in the role of {FUNCTION}, as in template.yaml: sam deploy'
    return failure("task tokens", f"{FUNCTION} may not resume jobs that wait: {code}", remedy)
