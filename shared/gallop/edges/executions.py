"""Executions of state machines: each starts once however often it is asked for, because its name is taken then."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from gallop.edges import aws

if TYPE_CHECKING:
    from collections.abc import Mapping


@aws.guarded
def start(machine_arn: str, name: str, given: Mapping[str, object]) -> None:
    """Start an execution of this name, unless there is or was one."""
    client = aws.stepfunctions()
    with suppress(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(given))
