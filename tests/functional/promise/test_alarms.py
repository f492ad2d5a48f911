"""Faults, and the alarms of the template that each raises: these and no others.

The alarms are evaluated as CloudWatch does (``tests.testbed.aws.cloudwatch``), over what AWS and the functions emit.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import dashscope, secrets, topic
from gallop.adapters.table import notices
from gallop.domain.errors import AwsTrouble, VendorUnreachable
from gallop.doors.s3 import contents

from fake_dashscope import KEY
from tests.support.pictures import picture
from tests.support.promise import Simulation
from tests.support.promise.batches import a_line
from tests.support.promise.money import caps, created
from tests.support.promise.simulation import HANDLERS, Message
from tests.support.promise.watched import watched as watched_simulation
from tests.template import stack
from tests.testbed.aws.cloudwatch.metrics import MINUTE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.domain.job import Job

    from tests.support.promise.watched import Watched

SLOTS = int(stack.parameter("MaxInFlight"))
USERS_FAULT = {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."}
# Until everything has ended, and then longer than any alarm looks back.
BUSY_MINUTES, IDLE_MINUTES = 15, 90


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Give a quiet simulation under the template's alarms."""
    with watched_simulation() as made:
        yield made


def jobs(watched: Watched, number: int) -> list[Job]:
    """Create jobs at the HTTPS door."""
    return [created(watched.simulation, f"Clip {number} of [Image 1].") for number in range(number)]


def a_message(watched: Watched, body: str) -> Message:
    """Return a message of the S3 door's queue that nobody receives."""
    return Message(body, visible_at=watched.simulation.clock.now() + 1e6)


def broken(function: str) -> Any:  # noqa: ANN401 - a patch
    """Let each run of a function raise an exception, as a bug of an update does."""

    def handler(*_: object) -> None:
        raise KeyError(function)

    return patch.dict(HANDLERS, {function: handler})


def ends_an_execution(how: str, machine: str) -> Callable[[Watched, ExitStack], None]:
    """Return a fault that ends the execution of a job, or of a batch, before its work is done."""

    def fault(watched: Watched, _: ExitStack) -> None:
        if machine == "BatchWorkflow":
            watched.simulation.drop("drop/batch.jsonl", a_line().encode())
        else:
            jobs(watched, 1)
        watched.simulation.run_for(20)
        executions = watched.simulation.workflow.executions
        (name,) = [one.name for one in executions.values() if one.machine == machine]
        getattr(watched.simulation.workflow, how)(name)
        watched.run(3)

    return fault


def wrong_key(watched: Watched, faults: ExitStack) -> None:
    """Use a key that DashScope refuses."""
    faults.enter_context(patch.object(secrets, "dashscope_key", lambda _: "sk-of-another-region"))
    jobs(watched, 10)
    watched.run(10)


def dead_letters(watched: Watched, faults: ExitStack) -> None:
    """Let a drop fail whenever the S3 door reads it; the sweep reports it to its owner."""
    drops_failing(watched, faults)
    watched.run(20)


def drops_failing(watched: Watched, faults: ExitStack) -> None:
    """Let a drop fail a few times; it becomes a job once the cause is gone."""
    faults.enter_context(patch.object(contents, "plan_of", side_effect=KeyError("a bug")))
    watched.simulation.drop("drop/a/1.jpg", picture())
    watched.simulation.drop("drop/a/prompt.txt", b"The girl of [Image 1] waves.")
    watched.run(3)


def drops_that_crash(watched: Watched, faults: ExitStack) -> None:
    """Let each run of SubmitFunction end without an answer, as without memory."""
    faults.enter_context(broken("Submit"))
    watched.simulation.drop("drop/a/1.jpg", picture())
    watched.run(50)


def a_letter_that_names_no_drop(watched: Watched, faults: ExitStack) -> None:
    """Leave a message in the queue that only an operator can remove."""
    watched.simulation.queue.dead.append(a_message(watched, "what is this"))
    faults.callback(watched.simulation.queue.dead.clear)
    watched.run(2)


def drops_not_taken(watched: Watched, faults: ExitStack) -> None:
    """Drain the stack and forget it."""
    faults.enter_context(patch.object(Simulation, "deliver", return_value=False))
    faults.enter_context(patch.object(watched.simulation.queue, "messages", [a_message(watched, "{}")]))
    watched.run(55)


def a_broken_sweep(watched: Watched, faults: ExitStack) -> None:
    """ReconcileFunction has a bug."""
    faults.enter_context(broken("Reconcile"))
    watched.run(6)


def a_broken_function(function: str) -> Callable[[Watched, ExitStack], None]:
    """Return a fault: a function of the workflow has a bug, until the update is rolled back."""

    def fault(watched: Watched, faults: ExitStack) -> None:
        faults.enter_context(broken(function))
        jobs(watched, 1)
        watched.run(5)

    return fault


def too_few_concurrent_runs(watched: Watched, faults: ExitStack) -> None:
    """Other stacks of the account take all places."""
    faults.callback(watched.throttled.clear)
    watched.throttled |= {"Submit", "StartTask", "Status", "Finish", "Reconcile"}
    for _ in range(5):
        jobs(watched, 1)
        watched.run(1)


def refused_agents(watched: Watched, _: ExitStack) -> None:
    """Agents wait for their videos, as many as the account runs functions, and nothing else happens."""
    for _minute in range(5):
        watched.refuse("Mcp")
        watched.run(1)


def lost_replies(watched: Watched, _: ExitStack) -> None:
    """Three replies to paid requests are lost; the tasks are found."""
    watched.simulation.fake.fault(on="submit", kind="drop_after_accept", times=3)
    jobs(watched, 3)
    watched.run(14)


def expired_results(watched: Watched, _: ExitStack) -> None:
    """DashScope has charged for a video and does not hand it out."""
    watched.simulation.fake.fault(on="task", kind="succeed_without_url", times=1)
    jobs(watched, 1)
    watched.run(60)


def unreachable(watched: Watched, faults: ExitStack) -> None:
    """DashScope's address is wrong: after its retries a job fails."""
    faults.enter_context(patch.object(dashscope, "submit", side_effect=VendorUnreachable("no connection")))
    jobs(watched, 1)
    watched.run(40)


def throttles(watched: Watched, faults: ExitStack) -> None:
    """Another user of the DashScope account takes all of its rate."""
    watched.simulation.fake.fault(on="submit", kind="429", rate=1.0)
    faults.callback(watched.simulation.fake.faults.clear)
    jobs(watched, SLOTS)
    watched.run(45)


def nothing_finishes(watched: Watched, faults: ExitStack) -> None:
    """DashScope takes far longer than usual, and others wait behind those that hold the slots."""
    vendor = watched.simulation.fake.vendor
    faults.enter_context(patch.object(vendor, "switches", replace(vendor.switches, task_seconds=45 * MINUTE_SECONDS)))
    jobs(watched, SLOTS + 1)
    watched.run(35)


def a_topic_that_is_gone(watched: Watched, faults: ExitStack) -> None:
    """Delete the topic to which mails about ended jobs go, after a job has ended."""
    faults.enter_context(patch.dict("os.environ", NOTICE_TOPIC_ARN="arn:aws:sns:::notices"))
    faults.enter_context(patch.object(topic, "publish", side_effect=AwsTrouble("NotFound")))
    faults.callback(lambda: notices.remove(notices.oldest(1)))
    (job,) = jobs(watched, 1)
    watched.run(5)
    notices.add(notices.Waiting(job.id, "", watched.simulation.clock.now()))
    watched.run(15)


def server_errors(watched: Watched, _: ExitStack) -> None:
    """Let requests fail at the HTTPS door."""
    for status in (500, 202, 503, 504):
        watched.respond(status)
    watched.run(2)


def a_failing_account(watched: Watched, faults: ExitStack) -> None:
    """DashScope refuses the key of one of two accounts: the other one makes all videos."""
    url = "https://llm-two.ap-southeast-1.maas.aliyuncs.com/api/v1"
    listed = {"default": {"key": KEY}, "two": {"key": "sk-revoked", "base_url": url}}
    faults.enter_context(patch.object(secrets, "dashscope_key", lambda _: json.dumps({"accounts": listed})))
    watched.run(1)
    for _minute in range(12):
        jobs(watched, 3)
        watched.run(1)


def day_cap(watched: Watched, faults: ExitStack) -> None:
    """Five jobs of $0.42 under a cap of $2.50."""
    faults.enter_context(caps(day=2.5))
    jobs(watched, 5)
    watched.run(10)


def month_cap(watched: Watched, faults: ExitStack) -> None:
    """As for a day."""
    faults.enter_context(caps(month=2.5))
    jobs(watched, 5)
    watched.run(10)


FAULTS: dict[str, tuple[Callable[[Watched, ExitStack], None], set[str]]] = {
    "wrong key": (wrong_key, {"JobsRefused"}),
    "drops failing": (drops_failing, {"DropsFailing"}),
    "drops that crash": (drops_that_crash, {"DropsFailing"}),
    "dead letters": (dead_letters, {"DropsFailing", "DropsInDeadLetterQueue"}),
    "a letter that names no drop": (a_letter_that_names_no_drop, {"DropsInDeadLetterQueue"}),
    "drops not taken": (drops_not_taken, {"DropsNotTaken"}),
    "broken sweep": (a_broken_sweep, {"SweepMissing"}),
    "broken TakeSlot": (a_broken_function("TakeSlot"), {"JobsFailing"}),
    "broken StartTask": (a_broken_function("StartTask"), {"JobsFailing"}),
    "broken Status": (a_broken_function("Status"), {"JobsNotFinished"}),
    "broken SaveResult": (a_broken_function("SaveResult"), {"JobsNotFinished"}),
    "broken Finish": (a_broken_function("Finish"), {"JobsNotFinished"}),
    "too few concurrent runs": (too_few_concurrent_runs, {"FunctionsThrottled"}),
    "refused agents": (refused_agents, {"FunctionsThrottled"}),
    "lost replies": (lost_replies, {"RepliesLost"}),
    "paid and lost": (expired_results, {"JobsFailing"}),
    "DashScope unreachable": (unreachable, {"JobsFailing"}),
    "DashScope throttles": (throttles, {"DashScopeThrottles"}),
    "nothing finishes": (nothing_finishes, {"NothingFinishes"}),
    "topic of notices gone": (a_topic_that_is_gone, {"NoticesFailed"}),
    "5xx": (server_errors, {"DoorFailing"}),
    "an account fails": (a_failing_account, {"LanesClosed"}),
    "day cap": (day_cap, {"DayCapNearlyUsed"}),
    "month cap": (month_cap, {"MonthCapNearlyUsed"}),
    "failed execution": (ends_an_execution("crash", "Workflow"), {"JobsNotFinished"}),
    "stopped execution": (ends_an_execution("stop", "Workflow"), {"JobsNotFinished"}),
    "timed-out execution": (ends_an_execution("time_out", "Workflow"), {"JobsNotFinished"}),
    "failed batch": (ends_an_execution("crash", "BatchWorkflow"), {"BatchesNotFinished"}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_raises_its_alarm_and_no_other(watched: Watched, name: str) -> None:
    """And once the fault is gone, the alarm ends, too."""
    fault, expected = FAULTS[name]
    with ExitStack() as faults:
        fault(watched, faults)
        assert expected == watched.raised
    watched.run(BUSY_MINUTES)
    watched.idle(IDLE_MINUTES)
    assert set() == watched.alarmed
    assert expected == watched.raised
