"""A client of DashScope's protocol, at Gallop's door and at the fake DashScope itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from gallop.domain.placement import placement_from
from gallop.doors.https.identity import Caller

from fake_dashscope import KEY
from tests.functional.fake_dashscope.sandbox import SUBMIT, order
from tests.support.http import Answer, Body, event

if TYPE_CHECKING:
    from tests.support.simulated import Simulated

TASKS = "/api/v1/tasks"
HOST = "https://dashscope-intl.aliyuncs.com"


@dataclass(frozen=True, slots=True)
class Vendor:
    """A client of DashScope's protocol at Gallop's door."""

    sandbox: Simulated
    name: str = "ada"
    is_admin: bool = False
    bound: str = ""

    def submit(self, body: Any = None, **headers: str) -> Answer:  # noqa: ANN401 - JSON
        """Submit, as asynchronous calls do."""
        sent = {"x-dashscope-async": "enable", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.call("SubmitFunction", "POST", SUBMIT, order() if body is None else body, sent)

    def query(self, task_id: str) -> Answer:
        """Query the state of a task."""
        return self.call("VideosFunction", "GET", f"{TASKS}/{task_id}")

    def cancel(self, task_id: str) -> Answer:
        """Cancel a task."""
        return self.call("VideosFunction", "POST", f"{TASKS}/{task_id}/cancel")

    def call(
        self,
        function: str,
        method: str,
        path: str,
        body: Body = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Make any call."""
        caller = Caller(self.name, self.is_admin, bound=placement_from(self.bound))
        answer = self.sandbox.invoke(function, event(method, path, body, headers or {}, caller))
        return Answer(answer["statusCode"], answer.get("headers", {}), answer["body"])


def at_vendor(sandbox: Simulated, method: str, path: str, body: Any = None, **headers: str) -> Answer:  # noqa: ANN401 - JSON
    """Ask the fake DashScope itself."""
    sent = {"authorization": f"Bearer {KEY}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = sandbox.fake.handle(httpx.Request(method, HOST + path, json=body, headers=sent))
    return Answer(answer.status_code, dict(answer.headers), answer.read().decode())


def shape(value: object) -> object:
    """Give the keys of a document and the kinds of its values, and no more."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return type(value).__name__
