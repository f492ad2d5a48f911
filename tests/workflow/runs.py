"""Jobs that run through the workflow, and what is recorded of their executions."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.stack import aws
from tests.testbed.aws.inprocess import load_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

    Handler = Callable[[Any, Any], Any]


def lambda_error(name: str) -> Exception:
    """Return an error as Step Functions sees it when Lambda reports ``name``."""
    return type(name, (Exception,), {})("broken")  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs jobs until they end."""

    sandbox: Sandbox

    def run(self, **fields: Any) -> Job:  # noqa: ANN401 - any field of a job
        """Record a job and run it; return it as it ended."""
        job = self.sandbox.put(**fields)
        aws("stepfunctions").start_execution(
            stateMachineArn=self.machine, name=job.id, input=json.dumps({"job_id": job.id})
        )
        return self.sandbox.job(job.id)

    @property
    def machine(self) -> str:
        """The state machine's ARN."""
        return self.sandbox.stack.resource("Workflow")

    def execution(self, name: str) -> dict[str, Any]:
        """Describe an execution."""
        arn = f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"
        described: dict[str, Any] = aws("stepfunctions").describe_execution(executionArn=arn)
        return described

    def history(self, name: str) -> list[dict[str, Any]]:
        """Return the events of an execution."""
        arn = self.execution(name)["executionArn"]
        pages = aws("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def states(self, name: str) -> list[str]:
        """Return the states that an execution entered, in order, without choices."""
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for event in self.history(name)
            if "stateEnteredEventDetails" in event
        ]
        return [state for state in entered if state not in ("WhatNext", "WhatFollows")]

    def calls(self) -> Counter[str]:
        """Return the number of runs of each function."""
        return Counter(name for name, _ in self.sandbox.stack.runner.calls)

    def breaks(self, function: str, errors: Iterable[Exception], *, after: bool = False) -> None:
        """Let a function fail with each of the errors, instead of its work or after it; then it works again."""
        spec, left = self.sandbox.stack.deployment.functions[function], iter(errors)

        def handler(event: Any, context: Any) -> Any:  # noqa: ANN401 - whatever a handler takes and gives
            error = next(left, None)
            answer = load_handler(spec)(event, context) if after or error is None else None
            if error is not None:
                raise error
            return answer

        self.sandbox.stack.runner.replaced[function] = handler
