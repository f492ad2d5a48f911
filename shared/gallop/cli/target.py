"""The stack that a command operates on: the testbed that ``make up`` started here, or one in an AWS account.

For the latter, the shell's AWS credentials must allow to describe the stack and to do what the command does.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from gallop import clock
from gallop.adapters import aws
from gallop.cli.show import refuse
from gallop.domain.errors import GallopError
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RUNNING = Path(__file__).parents[3] / ".testbed.json"
TESTBED_STACK = "gallop"

StackOption = Annotated[
    str,
    typer.Option("--stack", envvar="GALLOP_STACK", help="A stack in your AWS account. Default: the running testbed."),
]


@frozen
class Target:
    """A stack, its outputs and its clock: a testbed's runs ``speed`` times as fast as real time since ``anchor``."""

    stack: str
    outputs: Mapping[str, str]
    anchor: float = 0.0
    speed: float = 1.0

    def now(self) -> float:
        """Return the stack's time in seconds since the epoch."""
        return self.anchor + (clock.now() - self.anchor) * self.speed

    @property
    def is_here(self) -> bool:
        """Whether this is a testbed on this machine, which may call receivers on it."""
        return bool(self.anchor)

    def run(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """Invoke a function of the stack and return its result; ``function`` is the output that names it."""
        response = boto3.client("lambda").invoke(
            FunctionName=self.outputs[function], Payload=json.dumps(event).encode()
        )
        found = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            refuse(f"Stack {self.stack!r}: the function failed: {found.get('errorMessage', found)}")
        return found


@contextmanager
def opened(stack: str) -> Iterator[Target]:
    """Connect to a stack, so that the adapters find its table; an empty name is the running testbed.

    Nothing outlives the context: neither variables of the environment nor clients that were made from them.

    Raises:
        typer.Exit: The stack does not exist, or AWS refuses a call inside the context.

    """
    running = {} if stack else _running()
    name = stack or TESTBED_STACK
    before = dict(os.environ)
    os.environ.update(_credentials(running) if running else {})
    _forget_clients()
    try:
        target = Target(name, _outputs(name), running.get("anchor", 0.0), running.get("speed", 1.0))
        if "JobTableName" not in target.outputs:
            refuse(f"Stack {name!r} has no output JobTableName, so it is not a Gallop stack. Check its name.")
        os.environ["JOB_TABLE"] = target.outputs["JobTableName"]
        os.environ["WEBHOOK_WORKFLOW_ARN"] = target.outputs.get("WebhookWorkflowArn", "")
        yield target
    except (BotoCoreError, ClientError, GallopError) as error:
        refuse(f"Stack {name!r}: {error}")
    finally:
        _forget_clients()
        os.environ.clear()
        os.environ.update(before)


def _forget_clients() -> None:
    aws.forget()
    boto3.DEFAULT_SESSION = None


def _running() -> dict[str, Any]:
    if not RUNNING.exists():
        refuse("No testbed is running. Start one with `make up`, or name a stack in your AWS account with --stack.")
    running: dict[str, Any] = json.loads(RUNNING.read_text(encoding="utf-8"))
    return running


def _credentials(running: Mapping[str, str]) -> dict[str, str]:
    """Return the running testbed's address and credentials as the variables that boto3 reads."""
    names = ("aws_endpoint_url", "aws_access_key_id", "aws_secret_access_key")
    region = {"AWS_REGION": running["region"], "AWS_DEFAULT_REGION": running["region"]}
    return region | {name.upper(): running[name] for name in names}


def _outputs(stack: str) -> dict[str, str]:
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
