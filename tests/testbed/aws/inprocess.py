"""The stack inside one process, for fast tests: the real template on moto's decorators, handlers as plain calls.

No permission is enforced here and no event source polls. The template's resources, its state machines and the handlers
are real, and each handler runs with the variables that the template sets for its function.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import traceback
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.moto_api._internal import mock_random
from moto.sqs.models import sqs_backends

from . import deploy, moto_hooks, template
from .account import ACCOUNT, REGION
from .functions import FunctionSpec, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fake_dashscope.clock import ManualClock
    from tests.testbed.jumping_clock import RunningClock

    from .deploy import Deployment
    from .functions import Runner

    Handler = Callable[[Any, Any], Any]

_REMAINING_MS = 30_000
# The one parameter that SAM itself reads.
_OF_SAM = "BrowserOrigins"


@dataclass(frozen=True, slots=True)
class Context:
    """The context object of a handler."""

    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: int
    log_group_name: str
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    log_stream_name: str = "in-process"

    def get_remaining_time_in_millis(self) -> int:
        """Return more than any test needs."""
        return _REMAINING_MS


@dataclass(slots=True)
class InProcessRunner:
    """Runs handlers by calling them, one at a time: they share this process and its environment."""

    functions: Mapping[str, FunctionSpec] = field(default_factory=dict)
    """By logical ID."""
    replaced: dict[str, Handler] = field(default_factory=dict)
    """Handlers to call instead of the real ones, by logical ID."""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """Each invocation so far: logical ID and event."""
    _lock: RLock = field(init=False, default_factory=RLock)

    def invoke(self, function: str, payload: bytes) -> Result:
        """Call the handler; an exception becomes Lambda's description of it."""
        spec = self._spec(function)
        event = json.loads(payload)
        context = Context(spec.name, spec.arn, spec.memory_mb, spec.log_group)
        with self._lock, patch.dict(os.environ, self.variables(spec)):
            self.calls.append((spec.logical_id, event))
            try:
                handler = self.replaced.get(spec.logical_id) or load_handler(spec)
                return Result(json.dumps(handler(event, context)), request_id=context.aws_request_id)
            except Exception as error:  # noqa: BLE001 - any exception of a handler is a result
                return Result(_description(error), error=True, request_id=context.aws_request_id)

    @staticmethod
    def variables(spec: FunctionSpec) -> dict[str, str]:
        """Return what the template and Lambda set, except credentials: moto's are already set."""
        own = {
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        }
        return {**spec.environment, **own}

    def _spec(self, function: str) -> FunctionSpec:
        for spec in self.functions.values():
            if function in (spec.logical_id, spec.name, spec.arn):
                return spec
        raise KeyError(function)


@dataclass(frozen=True, slots=True)
class InProcessStack:
    """A stack that is deployed for the duration of a ``with`` block."""

    deployment: Deployment
    runner: Runner
    client: Callable[[str], Any]
    """Returns a boto3 client of the stack's region."""


@contextmanager
def in_process(
    source: Path, parameters: Mapping[str, str], clock: RunningClock | ManualClock, runner: Runner | None = None
) -> Iterator[InProcessStack]:
    """Deploy a template on moto; without a runner, the real handlers are called.

    On a ``ManualClock`` a Wait state advances the time and takes none.
    """
    own = InProcessRunner()
    with mock_aws(), moto_hooks.installed(_hooks(clock, runner or own)):
        client = cache(_session().client)
        # Equal names in each deployment: what is computed once for a definition or policy is computed once a process.
        mock_random.seed(0)
        deployment = deploy.deploy(client, _translated(source, parameters.get(_OF_SAM, "")), parameters, "gallop")
        mock_random.seed()
        own.functions = deployment.functions
        yield InProcessStack(deployment, runner or own, client)


@cache
def _session() -> boto3.Session:
    """Return the session of this process, which keeps the descriptions of AWS's services."""
    return boto3.Session(region_name=REGION)


@cache
def _translated(source: Path, of_sam: str) -> template.Template:
    """Translate a template once: no test changes the file, and nothing changes its translation."""
    return template.read(source, REGION, {_OF_SAM: of_sam} if of_sam else {})


def load_handler(spec: FunctionSpec) -> Handler:
    """Import a function's handler from its folder, once."""
    module_name, _, attribute = spec.handler.rpartition(".")
    path = spec.code / f"{module_name.replace('.', '/')}.py"
    unique = f"{spec.code.parent.name}.{spec.code.name}.{module_name}"
    if unique not in sys.modules:
        found = importlib.util.spec_from_file_location(unique, path)
        if found is None or found.loader is None:
            raise ImportError(f"{path} does not exist")
        module = importlib.util.module_from_spec(found)
        sys.modules[unique] = module
        found.loader.exec_module(module)
    handler: Handler = getattr(sys.modules[unique], attribute)
    return handler


def _description(error: Exception) -> str:
    lines = traceback.format_list(traceback.extract_tb(error.__traceback__))
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": lines})


def _hooks(clock: RunningClock | ManualClock, runner: Runner) -> moto_hooks.MotoHooks:
    def to_queue(bucket_arn: str, queue_arn: str, message: str) -> None:
        del bucket_arn
        sqs_backends[ACCOUNT][REGION].send_message(queue_arn.rsplit(":", 1)[1], message)

    def to_function(bucket_arn: str, function_arn: str, event: str) -> None:
        del bucket_arn
        runner.invoke(function_arn, event.encode())

    def in_background(function: str, event: bytes) -> None:
        runner.invoke(function, event)

    @cache
    def client(service: str, role_arn: str) -> Any:  # noqa: ANN401 - any service
        del role_arn
        return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]

    return moto_hooks.MotoHooks(
        clock=clock,
        runner=lambda: runner,
        client=client,
        in_background=in_background,
        s3_to_queue=to_queue,
        s3_to_function=to_function,
        to_target=lambda *_: False,
    )
