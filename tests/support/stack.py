"""The template, deployed in process: moto has the resources, and functions are plain calls."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.core.config import default_user_config
from moto.sqs.models import sqs_backends

from tests.testbed.aws import deploy, moto_seams, template
from tests.testbed.aws.account import ACCOUNT, REGION
from tests.testbed.fake_dashscope import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.clock import StandingClock
    from tests.testbed.aws.functions import Runner
    from tests.testbed.clock import ScaledClock

ROOT = Path(__file__).parents[2]
NAME = "gallop"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDTESTS",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
    "AWS_SESSION_TOKEN": "token-of-the-tests",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


@cache
def aws(service: str) -> Any:  # noqa: ANN401 - the client of any service
    """Give a client of moto that may do everything."""
    with patch.dict(os.environ, CREDENTIALS):
        return boto3.client(cast("Any", service))


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a function about its run."""

    function_name: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:in-process"
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        """Give the time that is left."""
        return 30_000


@dataclass(slots=True)
class Stack:
    """A deployed stack whose functions are run in this process."""

    clock: StandingClock
    deployment: deploy.Deployment = field(init=False)

    def resource(self, logical_id: str) -> str:
        """Give the physical id of a resource."""
        return self.deployment.resources[logical_id].physical_id

    @contextmanager
    def acting_as(self, function: str) -> Iterator[None]:
        """Set the environment that the template gives a function, and none that it gives another."""
        all_names = {name for spec in self.deployment.functions.values() for name in spec.environment}
        own = self.deployment.functions[function].environment
        with patch.dict(os.environ, {**CREDENTIALS, **own}):
            for name in all_names - own.keys():
                os.environ.pop(name, None)
            yield

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        """Run a function by its logical id, with event and answer as JSON; lets its exceptions through."""
        app = import_module(f"functions.{self.deployment.functions[function].code.name}.app")
        with self.acting_as(function):
            return json.loads(json.dumps(app.handler(json.loads(json.dumps(event)), Context(function))))


@contextmanager
def deployed(clock: StandingClock, runner: Runner, *, executing: bool, **parameters: str) -> Iterator[Stack]:
    """Deploy the template; executions of its state machine run, or are only recorded."""
    config = {"stepfunctions": {"execute_state_machine": executing}}
    stack = Stack(clock)
    with (
        patch.dict(os.environ, CREDENTIALS),
        mock_aws(),
        moto_seams.installed(_world(clock, runner)),
        patch.dict(default_user_config, config),
    ):
        sam = template.read(ROOT / "template.yaml", REGION)
        chosen = {"DashScopeApiKey": KEY, **parameters}
        stack.deployment = deploy.deploy(aws, sam, chosen, NAME, REGION)
        if not executing:
            _record_only(stack.resource("Workflow"))
        yield stack


def _record_only(arn: str) -> None:
    """Create the state machine once more, where moto records executions and runs none."""
    aws("stepfunctions").create_state_machine(
        name=arn.rpartition(":")[2], definition="{}", roleArn=f"arn:aws:iam::{ACCOUNT}:role/unused"
    )


def _world(clock: StandingClock, runner: Runner) -> moto_seams.World:
    def s3_to_queue(_: str, queue_arn: str, message: str) -> None:
        sqs_backends[ACCOUNT][REGION].send_message(queue_arn.rpartition(":")[2], message)

    return moto_seams.World(
        clock=cast("ScaledClock", clock),
        runner=lambda: runner,
        client=lambda service, _: aws(service),
        in_background=lambda *_: None,
        s3_to_queue=s3_to_queue,
        s3_to_function=lambda *_: None,
        to_target=lambda *_: False,
    )
