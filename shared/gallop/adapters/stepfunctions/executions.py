"""Executions of state machines: started once per name, and resumed by the task tokens with which they wait."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from gallop.adapters import aws

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of nobody.
_NO_TOKEN = "gallop-doctor"  # noqa: S105 - it grants no access


@aws.guarded
def start(machine_arn: str, name: str, data: Mapping[str, object]) -> None:
    """Start an execution, unless one of this name exists or has existed."""
    client = aws.stepfunctions()
    with suppress(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(data))


@aws.guarded
def running(machine_arn: str) -> int:
    """Return the number of a state machine's executions that are running."""
    pages = aws.complete("stepfunctions").get_paginator("list_executions")
    found = pages.paginate(stateMachineArn=machine_arn, statusFilter="RUNNING")
    return sum(len(page["executions"]) for page in found)


@aws.guarded
def resume(token: str) -> bool:
    """Resume the execution that waits with this token; return False if it no longer waits."""
    client = aws.stepfunctions()
    with suppress(client.exceptions.TaskTimedOut, client.exceptions.InvalidToken, client.exceptions.TaskDoesNotExist):
        client.send_task_success(taskToken=token, output="{}")
        return True
    return False


@aws.guarded
def refusal_of_unknown_token() -> str:
    """Answer a token that no execution waits with; return AWS's word for that, which is another without the right.

    Nothing resumes. AWS checks the right first.
    """
    client = aws.stepfunctions()
    try:
        client.send_task_success(taskToken=_NO_TOKEN, output="{}")
    except client.exceptions.ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
