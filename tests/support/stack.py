"""The template, deployed in process, each function with the environment that the template gives it and no other."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import boto3
from moto.core.config import default_user_config

from fake_dashscope import KEY
from tests.testbed.aws.account import ACCOUNT, REGION
from tests.testbed.aws.inprocess import Context, InProcessRunner, in_process, load_handler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fake_dashscope.clock import ManualClock
    from tests.testbed.aws.deploy import Deployment
    from tests.testbed.aws.functions import FunctionSpec

ROOT = Path(__file__).parents[2]
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDTESTS",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
    "AWS_SESSION_TOKEN": "token-of-the-tests",
    "AWS_DEFAULT_REGION": REGION,
}


@cache
def aws(service: str) -> Any:  # noqa: ANN401 - the client of any service
    """Give a client of moto that may do everything."""
    with patch.dict(os.environ, CREDENTIALS):
        return boto3.client(cast("Any", service))


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack whose functions are run in this process."""

    clock: ManualClock
    deployment: Deployment
    runner: InProcessRunner
    """Who runs the steps of an execution, if executions run."""

    def resource(self, logical_id: str) -> str:
        """Give the physical id of a resource."""
        return self.deployment.resources[logical_id].physical_id

    @contextmanager
    def acting_as(self, function: str) -> Iterator[None]:
        """Set the environment that the template gives a function, and none that it gives another."""
        all_names = {name for spec in self.deployment.functions.values() for name in spec.environment}
        spec = self.deployment.functions[function]
        with patch.dict(os.environ, {**CREDENTIALS, **InProcessRunner.variables(spec)}):
            for name in all_names - spec.environment.keys():
                os.environ.pop(name, None)
            yield

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        """Run a function by its logical id, with event and answer as JSON; lets its exceptions through."""
        spec = self.deployment.functions[function]
        with self.acting_as(function):
            return json.loads(json.dumps(load_handler(spec)(json.loads(json.dumps(event)), context_of(spec))))


def context_of(spec: FunctionSpec) -> Context:
    """Return the context that Lambda passes to a function."""
    return Context(spec.name, spec.arn, spec.memory_mb, spec.log_group)


@contextmanager
def deployed(clock: ManualClock, *, executing: bool, **parameters: str) -> Iterator[Stack]:
    """Deploy the template; executions of its state machine run, or are only recorded."""
    runner = InProcessRunner()
    chosen = {"DashScopeApiKey": KEY, **parameters}
    with in_process(ROOT / "template.yaml", chosen, clock, runner) as inner, patch.dict(os.environ, CREDENTIALS):
        runner.functions = inner.deployment.functions
        stack = Stack(clock, inner.deployment, runner)
        if executing:
            yield stack
            return
        with patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": False}}):
            for machine in stack.deployment.of_type("AWS::StepFunctions::StateMachine"):
                _record_only(machine.physical_id)
            yield stack


def _record_only(arn: str) -> None:
    """Create a second copy of the state machine, in the backend of moto that only records executions."""
    aws("stepfunctions").create_state_machine(
        name=arn.rpartition(":")[2], definition="{}", roleArn=f"arn:aws:iam::{ACCOUNT}:role/unused"
    )
