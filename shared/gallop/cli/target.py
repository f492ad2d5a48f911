"""The stack that a command operates on: the testbed that ``make up`` started here, or one in an AWS account.

For the latter, the shell's AWS credentials must allow to describe the stack and to do what the command does:
docs/operations.md lists the rights.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from gallop import clock, log
from gallop.adapters import aws
from gallop.cli import testbed
from gallop.cli.show import fail, refuse
from gallop.domain.errors import GallopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TESTBED_STACK = "gallop"

StackOption = Annotated[
    str,
    typer.Option("--stack", envvar="GALLOP_STACK", help="A stack in your AWS account. Default: the running testbed."),
]


@dataclass(frozen=True)
class Target:
    """A stack, its outputs and its clock: a testbed's runs ``speed`` times as fast as real time since ``anchor``.

    ``status`` is CloudFormation's word, and ``real`` returns the real time.
    """

    stack: str
    outputs: Mapping[str, str]
    status: str = ""
    anchor: float = 0.0
    speed: float = 1.0
    real: Callable[[], float] = clock.wall

    def now(self) -> float:
        """Return the stack's time in seconds since the epoch."""
        return self.anchor + (self.real() - self.anchor) * self.speed

    @property
    def is_here(self) -> bool:
        """Whether this is a testbed on this machine, which may call receivers on it."""
        return bool(self.anchor)

    @property
    def resources(self) -> Mapping[str, str]:
        """The physical IDs of the stack's resources, by the names that the template gives them."""
        return {name: physical for name, (physical, _) in self._listed.items()}

    @property
    def types(self) -> Mapping[str, str]:
        """The types of the stack's resources, by the same names."""
        return {name: kind for name, (_, kind) in self._listed.items()}

    @cached_property
    def _listed(self) -> Mapping[str, tuple[str, str]]:
        pages = aws.complete("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack)
        found = (resource for page in pages for resource in page["StackResourceSummaries"])
        return {
            one["LogicalResourceId"]: (one["PhysicalResourceId"], one["ResourceType"])
            for one in found
            if one.get("PhysicalResourceId")
        }

    def resource(self, name: str) -> str:
        """Return the physical ID of a resource of the stack."""
        if name not in self.resources:
            refuse(f"Stack {self.stack!r} has no {name}: its version is too old for this command. Update the stack.")
        return self.resources[name]

    def use_settings_of(self, function: str) -> None:
        """Set the variables that a function of the stack has, so that the services decide here as they do there."""
        found = aws.complete("lambda").get_function_configuration(FunctionName=self.resource(function))
        variables = found.get("Environment", {}).get("Variables", {})
        os.environ.update({name: str(value) for name, value in variables.items() if not name.startswith("POWERTOOLS_")})

    def use_queues(self) -> None:
        """Set the variables that name the S3 door's queues."""
        os.environ["DROP_QUEUE_URL"] = self.resource("DropQueue")
        os.environ["DROP_DEAD_LETTER_QUEUE_URL"] = self.resource("DropDeadLetterQueue")
        os.environ["INBOX_BUCKET"] = self.outputs["InboxBucketName"]

    def run(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """Invoke a function of the stack, by its name in the template, and return its result."""
        response = aws.complete("lambda").invoke(
            FunctionName=self.resource(function), Payload=json.dumps(event).encode()
        )
        found = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            fail(f"Stack {self.stack!r}: {function} failed: {found.get('errorMessage', found)}")
        return found


@contextmanager
def opened(stack: str) -> Iterator[Target]:
    """Connect to a stack, so that the adapters find its table; an empty name is the running testbed.

    Inside, the product's clock is the stack's, and its log is silent: standard output is for results. Nothing outlives
    the context: neither variables of the environment nor clients that were made from them.

    Raises:
        typer.Exit: The stack does not exist, or AWS refuses a call inside the context.

    """
    running = {} if stack else _running()
    name = stack or TESTBED_STACK
    before, real = dict(os.environ), clock.now
    os.environ.update(_credentials(running) if running else {})
    logging.getLogger(log.NAME).disabled = True
    _forget_clients()
    try:
        outputs, status = _described(name)
        # A testbed's API has another address than on AWS.
        outputs |= {"ApiUrl": running["api_url"]} if "api_url" in running else {}
        target = Target(name, outputs, status, running.get("anchor", 0.0), running.get("speed", 1.0), real)
        if "JobTableName" not in outputs:
            refuse(
                f"Stack {name!r} ({status}) has no output JobTableName: it is not a Gallop stack, or was not deployed. "
                f"Check its name, or see: aws cloudformation describe-stack-events --stack-name {name}"
            )
        os.environ["JOB_TABLE"] = target.outputs["JobTableName"]
        os.environ["WEBHOOK_WORKFLOW_ARN"] = target.outputs.get("WebhookWorkflowArn", "")
        cast("Any", clock).now = target.now
        yield target
    except (BotoCoreError, ClientError, GallopError) as error:
        fail(f"Stack {name!r}: {_explained(error, is_here=bool(running))}")
    finally:
        cast("Any", clock).now = real
        logging.getLogger(log.NAME).disabled = False
        _forget_clients()
        os.environ.clear()
        os.environ.update(before)


def _forget_clients() -> None:
    """Let new clients be made with the credentials that the environment then has."""
    aws.forget()


def _explained(error: Exception, *, is_here: bool) -> str:
    """Return what is wrong, and what to do about it where that is known."""
    # An adapter's error has botocore's as its cause.
    found = error.__cause__ or error
    match found:
        case EndpointConnectionError() if is_here:
            return "The testbed does not answer. Start it again with `make up`."
        case NoRegionError():
            return "No region is set. Set AWS_REGION to the region of the stack."
        case NoCredentialsError():
            return "No AWS credentials were found. Set AWS_PROFILE, or run `aws configure`."
        case ClientError() if "AccessDenied" in found.response["Error"]["Code"]:
            return f"{error} docs/operations.md lists the rights that each command needs."
    return str(error)


def _running() -> dict[str, Any]:
    running = testbed.running()
    if not running:
        refuse("No testbed is running. Start one with `make up`, or name a stack in your AWS account with --stack.")
    return running


def _credentials(running: Mapping[str, str]) -> dict[str, str]:
    """Return the running testbed's address and credentials as the variables that boto3 reads."""
    names = ("aws_endpoint_url", "aws_access_key_id", "aws_secret_access_key")
    region = {"AWS_REGION": running["region"], "AWS_DEFAULT_REGION": running["region"]}
    return region | {name.upper(): running[name] for name in names}


def _described(stack: str) -> tuple[dict[str, str], str]:
    """Return the outputs of a stack, and its status."""
    try:
        described = aws.complete("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        refuse(f"There is no stack {stack!r} in this account and region. Check --stack, AWS_PROFILE and AWS_REGION.")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    return outputs, described["StackStatus"]
