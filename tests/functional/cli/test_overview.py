"""The commands ``gallop queue``, ``gallop slots`` and ``gallop spend``, on the deployed template."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from unittest.mock import patch

from gallop import settings
from gallop.adapters.table import slots as pools
from gallop.domain.budget import Parked
from gallop.domain.doors import Door
from gallop.domain.job import JobState

from tests.support.http import Client
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox

WISH = {"prompt": "She smiles.", "images": [data_uri(picture())]}
CAPS = {"day_cap": "2", "month_cap": "0", "client_day_cap": "1", "client_month_cap": "0"}


def arrived(sandbox: Sandbox, count: int, client: str = "ada") -> list[Job]:
    """Let jobs arrive at the queue for slots; return them in their order."""
    made = []
    for _ in range(count):
        sandbox.clock.advance(1)
        job = sandbox.put(client=client)
        sandbox.invoke("TakeSlotFunction", {"job_id": job.id, "token": "token"})
        made.append(job)
    return made


def test_the_queue_shows_who_waits_and_until_when(sandbox: Sandbox, gallop: Gallop) -> None:
    """Six jobs have slots; the others wait, round robin over their clients."""
    arrived(sandbox, 6)
    (first, third), (second,) = arrived(sandbox, 2), arrived(sandbox, 1, "bob")
    (lane,) = gallop.json("queue")
    assert 3 == lane["waiting"]
    assert [second.id, first.id, third.id] == [job["id"] for job in lane["jobs"]]
    assert [1, 2, 3] == [job["position"] for job in lane["jobs"]]
    assert first.request.model == lane["lane"]["model"]
    result = gallop.ok("queue", "--limit", "1")
    assert "3 waiting" in result.stderr
    head, row = result.stdout.splitlines()
    assert ["POSITION", "JOB", "CLIENT", "WAITING", "STARTS"] == head.split()
    assert ["1", second.id, "bob"] == row.split()[:3]


def test_a_queue_that_is_too_long_is_said_to_be(sandbox: Sandbox, gallop: Gallop) -> None:
    """It is not read job by job."""
    arrived(sandbox, 9)
    with patch.object(pools, "queued", lambda *_: {}):
        assert "more than 5,000 waiting" in gallop.ok("queue").stderr
        assert None is gallop.json("queue")[0]["waiting"]


def test_the_slots_show_who_holds_them(sandbox: Sandbox, gallop: Gallop) -> None:
    """A job without a record is named, because the sweep frees its slot."""
    held = arrived(sandbox, 2)
    sandbox.clock.advance(240)
    sandbox.dynamodb.delete_item(TableName=sandbox.table, Key={"pk": {"S": f"JOB#{held[1].id}"}, "sk": {"S": "JOB"}})
    (lane,) = gallop.json("slots")
    assert 6 == lane["slots"]
    assert [job.id for job in held] == [one["id"] for one in lane["held"]]
    assert "ada" == lane["held"][0]["job"]["client"]
    result = gallop.ok("slots")
    assert "2 of 6 slots held" in result.stderr
    head, first, second = result.stdout.splitlines()
    assert ["JOB", "CLIENT", "STATE", "HELD", "FOR", "TASK"] == head.split()
    assert [held[0].id, "ada", "queued", "4", "min"] == first.split()
    assert "the sweep frees the slot" in second


def test_without_jobs_there_is_nothing_to_show(gallop: Gallop) -> None:
    """A sentence says so; JSON is an empty list."""
    for command in ("queue", "slots"):
        assert "has had no jobs yet" in gallop.ok(command).stderr
        assert [] == gallop.json(command)


def test_spending_is_shown_without_caps(sandbox: Sandbox, gallop: Gallop) -> None:
    """Of today and of this month, of all jobs and per client: what ended by its cost, what is open by its estimate."""
    now = sandbox.clock.now()
    sandbox.put(JobState.SUCCEEDED, cost=Decimal("0.42"), ended_at=now)
    sandbox.put(client="bob")
    sandbox.put(JobState.CANCELLED, submits=0, attempt=None)
    sandbox.put(door=Door.S3, client="s3", parked=Parked("The cap is reached.", now + 3600))
    sandbox.put(JobState.SUCCEEDED, cost=Decimal(5), created_at=now - 40 * 86_400)
    found = {(one["client"], one["period"]): one for one in gallop.json("spend")}
    assert (0.42, 0.7) == (found[None, "day"]["spent"], found[None, "month"]["reserved"])
    assert (0.42, 0.0) == (found["ada", "month"]["spent"], found["ada", "month"]["reserved"])
    assert (0.0, 0.7) == (found["bob", "day"]["spent"], found["bob", "day"]["reserved"])
    assert {None} == {one["cap"] for one in found.values()}


def test_spending_is_compared_with_the_caps(sandbox: Sandbox, gallop: Gallop) -> None:
    """What is left is what the budgets have counted, whose figures decide."""
    patches = [patch.object(settings, name, lambda usd=usd: Decimal(usd)) for name, usd in CAPS.items()]
    for one in patches:
        one.start()
    try:
        Client(sandbox).post(WISH)
        found = {(one["client"], one["period"]): one for one in gallop.json("spend")}
        rows = [line.split() for line in gallop.ok("spend").stdout.splitlines()]
    finally:
        for one in patches:
            one.stop()
    stack, ada = found[None, "day"], found["ada", "day"]
    assert {"cap": 2.0, "counted": 0.7, "left": 1.3} == {name: stack[name] for name in ("cap", "counted", "left")}
    assert {"cap": 1.0, "counted": 0.7, "left": 0.3} == {name: ada[name] for name in ("cap", "counted", "left")}
    assert None is found["ada", "month"]["cap"]
    assert ["0.00", "0.70", "0.70", "2.00", "1.30"] == rows[1][-5:]
    assert ["-", "-", "-"] == rows[2][-3:]
