"""Functions as the template describes them, the protocol of their runners, and the result of an invocation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_TIMEOUT_S = 3
DEFAULT_MEMORY_MB = 128

RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function as the template describes it, with everything resolved."""

    logical_id: str
    name: str
    arn: str
    handler: str
    runtime: str
    code: Path
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout_s: float
    memory_mb: int
    role_arn: str
    log_group: str
    log_format: str = "Text"
    reserved_concurrency: int | None = None
    traced: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an invocation: the reply as JSON text, or Lambda's description of the error."""

    payload: str
    error: bool = False
    request_id: str = ""
    log: str = field(default="", repr=False)


class Throttled(Exception):
    """The function's reserved concurrency, or the account's, is in use."""


class Runner(Protocol):
    """Runs functions: in processes on the testbed, by plain calls in tests of the workflow alone."""

    def invoke(self, function: str, payload: bytes) -> Result:
        """Run the function (name or ARN) on a JSON payload; raise ``Throttled`` if its concurrency is in use."""
        ...


def function_spec(
    logical_id: str, arn: str, properties: Mapping[str, Any], code: Path, layers: Mapping[str, Path]
) -> FunctionSpec:
    """Read a function from its resolved properties; ``layers`` maps the ARN of each layer version to its folder."""
    name = arn.rsplit(":", 1)[1]
    logging = properties.get("LoggingConfig", {})
    reserved = properties.get("ReservedConcurrentExecutions")
    return FunctionSpec(
        logical_id=logical_id,
        name=name,
        arn=arn,
        handler=properties["Handler"],
        runtime=properties["Runtime"],
        code=code,
        layers=tuple(layers[layer] for layer in properties.get("Layers", [])),
        environment=_environment(logical_id, properties),
        timeout_s=float(properties.get("Timeout", DEFAULT_TIMEOUT_S)),
        memory_mb=int(properties.get("MemorySize", DEFAULT_MEMORY_MB)),
        role_arn=properties["Role"],
        log_group=logging.get("LogGroup", f"/aws/lambda/{name}"),
        log_format=logging.get("LogFormat", "Text"),
        reserved_concurrency=None if reserved is None else int(reserved),
        traced=properties.get("TracingConfig", {}).get("Mode") == "Active",
    )


def _environment(logical_id: str, properties: Mapping[str, Any]) -> dict[str, str]:
    variables = properties.get("Environment", {}).get("Variables", {})
    reserved = sorted(RESERVED_VARIABLES.intersection(variables))
    if reserved:
        raise TemplateError(f"{logical_id}: Lambda sets {', '.join(reserved)} itself. Remove it from the template.")
    return {name: str(value) for name, value in variables.items()}
