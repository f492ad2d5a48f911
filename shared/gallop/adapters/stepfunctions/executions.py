"""Executions of state machines: started once by their names, and let go on by the tokens with which they wait."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from gallop.adapters import aws

if TYPE_CHECKING:
    from collections.abc import Mapping


@aws.guarded
def start(machine_arn: str, name: str, given: Mapping[str, object]) -> None:
    """Start an execution of this name, unless there is or was one."""
    client = aws.stepfunctions()
    with suppress(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(given))


@aws.guarded
def resume(token: str) -> bool:
    """Let an execution go on that waits with this token; False if it has gone on already, or waits no more."""
    client = aws.stepfunctions()
    with suppress(client.exceptions.TaskTimedOut, client.exceptions.InvalidToken, client.exceptions.TaskDoesNotExist):
        client.send_task_success(taskToken=token, output="{}")
        return True
    return False
