"""What follows the end of a job: none of it depends on another part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters.stepfunctions import webhook_workflow
from gallop.adapters.table import jobs, waiters
from gallop.domain.doors import Door
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState
from gallop.services import ending, publish, settle, slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sandbox import Sandbox

FOLLOW_UPS: dict[str, tuple[Any, str]] = {
    "slot": (slots, "release"),
    "receipts": (publish, "status"),
    "batch": (waiters, "resume_all"),
    "webhooks": (webhook_workflow, "announce"),
    "budget": (settle, "settle"),
}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which follow-ups happen; each really does."""
    happened: list[str] = []

    def noting(name: str, follow_up: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401 - a job or its id
            happened.append(name)
            return follow_up(*arguments, **more)

        return noted

    for name, (module, function) in FOLLOW_UPS.items():
        monkeypatch.setattr(module, function, noting(name, getattr(module, function)))
    return happened


@pytest.mark.parametrize("error", [AwsTrouble("refused"), KeyError("field")], ids=["of AWS", "of any kind"])
@pytest.mark.parametrize("broken", FOLLOW_UPS)
def test_what_follows_an_end_happens_whatever_else_fails(
    sandbox: Sandbox, done: list[str], monkeypatch: pytest.MonkeyPatch, broken: str, error: Exception
) -> None:
    """The error is raised afterwards, and the record stays open, so that the sweep repeats all of it."""
    job = sandbox.put(JobState.FAILED, door=Door.S3)

    def refuse(*_: object, **_more: object) -> None:
        raise error

    with monkeypatch.context() as fault, sandbox.stack.acting_as("FinishFunction"):
        fault.setattr(*FOLLOW_UPS[broken], refuse)
        with pytest.raises(type(error)):
            ending.notify(job)
        assert FOLLOW_UPS.keys() - {broken} == set(done)
        assert not jobs.is_closed(sandbox.job(job.id))
    with sandbox.stack.acting_as("FinishFunction"):
        ending.notify(sandbox.job(job.id))
        assert jobs.is_closed(sandbox.job(job.id))
    assert FOLLOW_UPS.keys() == set(done)
