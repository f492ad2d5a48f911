"""Events for tasks that have ended, as Alibaba's EventBridge posts them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope import BadRuleError, Switches
from tests.functional.fake_dashscope.sandbox import order, until
from tests.support.receivers import receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.functional.fake_dashscope.sandbox import Sandbox

URL = "https://gallop.example/events"
MINUTE = Switches(task_seconds=60, render_ahead=False)


@dataclass(slots=True)
class Target:
    """Where events go; ``answers`` are the statuses of the first events; the others get a 200."""

    answers: list[int] = field(default_factory=list)
    got: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    sandbox: Sandbox | None = None

    def take(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Receive an event."""
        assert URL == url
        assert self.sandbox
        self.got.append((self.sandbox.clock.now(), json.loads(body)))
        self.headers.append(headers)
        return self.answers.pop(0) if self.answers else 200

    def seconds_after(self, begun: float) -> list[int]:
        """Return when the events arrived."""
        return [round(time - begun) for time, _ in self.got]


@pytest.fixture
def target() -> Target:
    """Return a target that has received nothing."""
    return Target()


@pytest.fixture
def sandbox(make_sandbox: Callable[..., Sandbox], target: Target) -> Sandbox:
    """Return a fake whose tasks take a minute, and whose events go to the target."""
    target.sandbox = make_sandbox(send=target.take, switches=MINUTE)
    return target.sandbox


def run(sandbox: Sandbox, seconds: int = 100) -> None:
    """Let seconds pass one by one; each event is sent by the end of its second."""
    notices = sandbox.fake.vendor.notices
    for _ in range(seconds):
        sandbox.advance(1)
        until(lambda: not notices.sending and all(notice.due > sandbox.clock.now() for notice in notices.waiting))


def notify(sandbox: Sandbox, **rule: object) -> None:
    """Set the rule for events."""
    answer = sandbox.client.post(f"{sandbox.base}/__fake__/events", json={"url": URL, **rule})
    assert 200 == answer.status_code, answer.text


def test_an_event_says_which_task_has_ended(sandbox: Sandbox, target: Target) -> None:
    """A CloudEvent in EventBridge's envelope: the task and its status, without the result."""
    notify(sandbox, headers={"x-eventbridge-signature-token": "a-token"})
    task_id = sandbox.submit(order(duration=3))
    run(sandbox)
    until(lambda: 1 == len(target.got))
    _, event = target.got[0]
    assert "1.0" == event["specversion"]
    assert "acs.dashscope" == event["source"]
    assert "dashscope:System:AsyncTaskFinish" == event["type"]
    assert "default" == event["aliyuneventbusname"]
    data = event["data"]
    assert (task_id, "SUCCEEDED") == (data["task_id"], data["task_status"])
    assert data["user_api_unique_key"].endswith(":happyhorse-1.0-r2v")
    assert {"start_time", "end_time", "region", "request_id", "api_key_id", "contain_result"} <= data.keys()
    assert {"x-eventbridge-signature-token": "a-token"} == target.headers[0]


def test_a_task_that_fails_has_an_event_too(sandbox: Sandbox, target: Target) -> None:
    """A failure has an event as well as a success."""
    notify(sandbox)
    sandbox.fake.fault(on="task", kind="fail")
    sandbox.submit()
    run(sandbox)
    until(lambda: 1 == len(target.got))
    assert "FAILED" == target.got[0][1]["data"]["task_status"]


@pytest.mark.parametrize(
    ("rule", "times"),
    [
        ({}, [61]),
        ({"mode": "twice"}, [61, 63]),
        ({"mode": "late", "delay_seconds": 30}, [90]),
        ({"mode": "never"}, []),
        ({"delay_seconds": 0}, [60]),
    ],
    ids=str,
)
def test_events_come_as_the_rule_says(sandbox: Sandbox, target: Target, rule: dict[str, Any], times: list[int]) -> None:
    """Once, twice, late or never, in simulated time."""
    notify(sandbox, **rule)
    begun = sandbox.clock.now()
    sandbox.submit()
    run(sandbox)
    until(lambda: len(times) == len(target.got))
    assert times == pytest.approx(target.seconds_after(begun), abs=1)
    assert len(times) == len({event["data"]["task_id"] for _, event in target.got}) * len(times)


def test_what_is_not_answered_well_is_sent_again(sandbox: Sandbox, target: Target) -> None:
    """A maximum of three retries, 15 seconds apart."""
    notify(sandbox)
    target.answers = [0, 500, 403, 503, 200]
    begun = sandbox.clock.now()
    sandbox.submit()
    run(sandbox, 150)
    assert [61, 76, 91, 106] == pytest.approx(target.seconds_after(begun), abs=2)
    assert [0, 500, 403, 503] == [sent["status"] for sent in sandbox.fake.events()["sent"]]


def test_without_a_rule_there_are_no_events(sandbox: Sandbox, target: Target) -> None:
    """There are none before a rule is set, and none after a reset."""
    sandbox.submit()
    run(sandbox)
    notify(sandbox)
    sandbox.fake.reset()
    sandbox.submit()
    run(sandbox)
    assert ([], None) == (target.got, sandbox.fake.events()["rule"])


@pytest.mark.parametrize(
    "rule",
    [
        {},
        [],
        {"url": "gallop"},
        {"url": URL, "mode": "sometimes"},
        {"url": URL, "headers": {"x": 1}},
        {"url": URL, "delay_seconds": -1},
        {"url": URL, "delay_seconds": True},
        {"url": URL, "times": 2},
    ],
    ids=str,
)
def test_an_invalid_rule_is_refused(sandbox: Sandbox, rule: object) -> None:
    """A bad rule is a 400 that lists the modes."""
    answer = sandbox.client.post(f"{sandbox.base}/__fake__/events", json=rule)
    assert (400, ["once", "twice", "late", "never"]) == (answer.status_code, list(answer.json()["modes"]))
    if isinstance(rule, dict):
        with pytest.raises(BadRuleError):
            sandbox.fake.notify(**rule)


def test_a_body_that_is_not_json_is_refused(sandbox: Sandbox) -> None:
    """Python raises an error that says what is allowed."""
    assert 400 == sandbox.client.post(f"{sandbox.base}/__fake__/events", content=b"{").status_code


def test_events_come_by_http(http_sandbox: Sandbox) -> None:
    """A receiver without any link to the fake gets them, with the headers of the rule."""
    http_sandbox.fake.reset()
    with receiver() as shop:
        http_sandbox.fake.notify(url=shop.url, headers={"x-token": "a-token"})
        task_id = http_sandbox.submit()
        http_sandbox.advance(1)
        http_sandbox.advance(3 * 3600)
        (received,) = shop.wait_for(1)
    http_sandbox.fake.reset()
    assert task_id == json.loads(received.body)["data"]["task_id"]
    assert ("a-token", "application/json;charset=utf-8") == (
        received.headers["x-token"],
        received.headers["content-type"],
    )
