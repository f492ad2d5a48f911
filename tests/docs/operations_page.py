"""What docs/operations.md shows of the operator's commands: their rights, and what some of them print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import typer.main
from gallop.cli.app import app
from gallop.domain.budget import Parked
from gallop.domain.doors import Door
from gallop.domain.job import JobState
from gallop.domain.metrics import METRICS
from typer.testing import CliRunner

from fake_dashscope.clock import ManualClock
from tests.docs.markdown import table
from tests.support import sandbox as sandboxes
from tests.support.stack import deployed

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

EVERY_COMMAND = ("cloudformation:DescribeStacks",)
_SETTINGS = ("cloudformation:ListStackResources", "lambda:GetFunctionConfiguration")
_RUN = ("cloudformation:ListStackResources", "dynamodb:GetItem", "lambda:InvokeFunction")
_READ = (*_SETTINGS, "dynamodb:BatchGetItem", "dynamodb:Query")
_ERASE = (
    *("dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
    *("s3:DeleteObjectVersion", "s3:ListBucketVersions"),
)
# A test compares them with the calls of each command.
RIGHTS: dict[str, tuple[str, ...]] = {
    "jobs": ("dynamodb:BatchGetItem", "dynamodb:Query"),
    "jobs show": (*_SETTINGS, "dynamodb:GetItem", "dynamodb:Query"),
    "jobs cancel": _RUN,
    "jobs resume": _RUN,
    "jobs delete": (*_SETTINGS, *_ERASE, "s3:GetObjectVersion", "s3:ListBucket"),
    "queue": (*_READ, "dynamodb:GetItem"),
    "slots": _READ,
    "spend": (*_READ, "dynamodb:GetItem"),
    "trace": (*_SETTINGS, *_RUN, "logs:FilterLogEvents", "states:GetExecutionHistory"),
    "redrive": (
        *("cloudformation:ListStackResources", "dynamodb:DeleteItem", "s3:ListBucket", "sqs:ChangeMessageVisibility"),
        *("sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage"),
    ),
    "drain": (
        *("cloudformation:ListStackResources", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"),
        *("dynamodb:Query", "dynamodb:UpdateItem", "lambda:GetEventSourceMapping"),
        *("lambda:UpdateEventSourceMapping", "states:ListExecutions"),
    ),
    "undrain": (
        *("cloudformation:ListStackResources", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query"),
        *("dynamodb:UpdateItem", "lambda:UpdateEventSourceMapping"),
    ),
    "forget": (*_SETTINGS, *_ERASE, "dynamodb:Scan", "dynamodb:UpdateItem"),
    "keys create": ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
    "keys list": ("dynamodb:GetItem", "dynamodb:Query"),
    "keys revoke": ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"),
}
SHOWN = ("gallop jobs --state open", "gallop queue", "gallop slots", "gallop spend")
JOBS = tuple(f"job_{letter * 3}yfunr5cm5plzmmrwbldlea" for letter in "abcdefgh")
MINUTE_SECONDS = 60


def commands() -> str:
    """Return the table of commands: what each does, and the rights that it needs besides those of every command."""
    rows = ((f"`gallop {name}`", _help(name), _rights(rights)) for name, rights in RIGHTS.items())
    return table(("command", "what it does", "rights"), rows)


def metrics() -> str:
    """Return the table of metrics."""
    rows = ((f"`{name.value}`", one.unit.value, one.when, one.what) for name, one in METRICS.items())
    return table(("metric", "unit", "emitted when", "value"), rows)


def shown() -> str:
    """Return what some commands print, of a stack with more jobs than slots."""
    with deployed(ManualClock(), executing=False) as stack, sandboxes.opened(stack) as sandbox:
        _fill(sandbox)
        printed = [f"$ {command}\n{_run(command)}" for command in SHOWN]
    return "```console\n" + "\n".join(printed) + "\n```"


def _help(name: str) -> str:
    command: Any = typer.main.get_command(app)
    for word in name.split():
        command = command.commands[word]
    text = command.help if name != "jobs" else command.commands["list"].help
    return re.split(r"(?<=\.)\s", " ".join(text.split()))[0]


def _rights(rights: tuple[str, ...]) -> str:
    return ", ".join(f"`{right}`" for right in sorted(set(rights)))


def _fill(sandbox: Sandbox) -> None:
    for number, job_id in enumerate(JOBS):
        client = ("acme", "bolt")[number % 2]
        if number == len(JOBS) - 1:
            parked = Parked("The stack's daily cap is reached.", sandbox.clock.now() + MINUTE_SECONDS)
            sandbox.put(id=job_id, door=Door.S3, client="s3", parked=parked)
            continue
        sandbox.put(id=job_id, client=client)
        sandbox.invoke("TakeSlotFunction", {"job_id": job_id, "token": "token"})
        sandbox.clock.advance(MINUTE_SECONDS)
    assert JobState.QUEUED is sandbox.job(JOBS[0]).state


def _run(command: str) -> str:
    result = CliRunner().invoke(app, [*command.split()[1:], "--stack", "gallop"])
    lines = [*result.stderr.splitlines(), *result.stdout.splitlines()]
    return "\n".join(line.rstrip() for line in lines)
