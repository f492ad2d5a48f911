"""What docs/operations.md shows of the operator's commands: their rights, and what some of them print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import typer.main
from gallop.cli import operators
from gallop.cli.app import app
from gallop.domain.budget import Parked
from gallop.domain.doors import Door
from gallop.domain.job import JobState
from gallop.domain.metrics import METRICS
from gallop.services import self_check
from gallop.services.doctor import examine
from typer.testing import CliRunner

from fake_dashscope.clock import ManualClock
from tests.docs.markdown import table
from tests.support import gateway
from tests.support import sandbox as sandboxes
from tests.support.stack import deployed

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

EVERY_COMMAND = ("cloudformation:DescribeStacks",)
_SETTINGS = ("cloudformation:ListStackResources", "lambda:GetFunctionConfiguration")
_RUN = ("cloudformation:ListStackResources", "dynamodb:GetItem", "lambda:InvokeFunction")
_READ = (*_SETTINGS, "dynamodb:BatchGetItem", "dynamodb:Query")
_ACCOUNTS = (
    *(*_SETTINGS, "dynamodb:Query", "dynamodb:UpdateItem"),
    *("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"),
)
_ERASE = (
    *("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
    *("s3:DeleteObjectVersion", "s3:ListBucketVersions"),
)
_DOCTOR = (
    *("cloudformation:ListStackResources", "cloudwatch:DescribeAlarms", "dynamodb:GetItem", "events:DescribeRule"),
    *("iam:SimulatePrincipalPolicy", "lambda:GetAccountSettings", "lambda:GetEventSourceMapping"),
    *("lambda:GetFunctionConfiguration", "lambda:InvokeFunction", "logs:FilterLogEvents", "s3:GetBucketCORS"),
    *("s3:GetBucketNotification", "sns:ListSubscriptionsByTopic", "sqs:GetQueueAttributes"),
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
        *("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"),
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
    "forget": (*_SETTINGS, *_ERASE, "dynamodb:BatchGetItem", "dynamodb:Scan", "dynamodb:UpdateItem"),
    "doctor": _DOCTOR,
    "doctor --spend": (*_DOCTOR, "dynamodb:PutItem", "dynamodb:UpdateItem", "s3:GetObject"),
    "accounts list": (*_READ, "secretsmanager:GetSecretValue"),
    "accounts add": (*_ACCOUNTS, "dynamodb:PutItem"),
    "accounts pause": (*_ACCOUNTS, "dynamodb:BatchGetItem"),
    "accounts resume": _ACCOUNTS,
    "accounts remove": (*_ACCOUNTS, "dynamodb:BatchGetItem"),
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


def doctor() -> str:
    """Return what ``gallop doctor`` prints of a stack on AWS whose parameters are the defaults."""
    runtime = {"python": "3.13.1", "machine": "aarch64", "botocore": "1.40.4", "has_bytecode": True}
    with (
        deployed(ManualClock(), executing=True) as stack,
        sandboxes.opened(stack) as sandbox,
        gateway.opened(sandbox),
        patch.object(self_check, "runtime", lambda: {**runtime, "botocore_needed": "1.36"}),
        patch.object(examine, "MAX_AT_A_TIME", 1),
    ):
        sandbox.log_of_sweep()
        return f"```console\n$ gallop doctor --stack gallop\n{_run('gallop doctor', is_result_first=True)}\n```"


def shown() -> str:
    """Return what some commands print, of a stack with more jobs than slots."""
    with deployed(ManualClock(), executing=False) as stack, sandboxes.opened(stack) as sandbox:
        _fill(sandbox)
        printed = [f"$ {command}\n{_run(command)}" for command in SHOWN]
    return "```console\n" + "\n".join(printed) + "\n```"


def _help(name: str) -> str:
    command: Any = typer.main.get_command(operators.app)
    for word in name.split():
        if word.startswith("--"):
            return str(next(option.help for option in command.params if word in option.opts))
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


def _run(command: str, *, is_result_first: bool = False) -> str:
    result = CliRunner().invoke(app, [*command.split()[1:], "--stack", "gallop"])
    parts = (result.stdout, result.stderr) if is_result_first else (result.stderr, result.stdout)
    lines = [line for part in parts for line in part.splitlines()]
    return "\n".join(line.rstrip() for line in lines)
