"""A fake vendor whose faults are aimed: each strikes the requests about one prompt, whatever else goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fake_dashscope import FakeDashScope

if TYPE_CHECKING:
    import httpx

SUBMIT = "/video-synthesis"
TASKS = "/api/v1/tasks/"


@dataclass(slots=True)
class TargetedFault:
    """A fault that waits for the next request of its kind about a prompt."""

    prompt: str
    fault: dict[str, Any]


@dataclass(slots=True)
class TargetedFaults:
    """The faults that have not struck yet."""

    waiting: list[TargetedFault] = field(default_factory=list)

    def take(self, on: str, prompt: str) -> dict[str, Any] | None:
        """Give the next fault for this request, once."""
        for aim in self.waiting:
            if aim.fault["on"] == on and aim.prompt == prompt:
                self.waiting.remove(aim)
                return aim.fault
        return None


class TargetedDashScope(FakeDashScope):
    """The fake with faults by prompt, instead of those by count and rate."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the fake's own
        super().__init__(*args, **options)
        self.aims = TargetedFaults()

    def aim(self, prompt: str, **fault: Any) -> None:  # noqa: ANN401 - as ``fault`` takes them
        """Let a fault strike the next request of its kind about a prompt."""
        with self._lock:
            self.aims.waiting.append(TargetedFault(prompt, fault))

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Arm the fault that is meant for this request, if there is one, and answer."""
        with self._lock:
            on, prompt = self._about(request)
            kinds = ("task", on) if on == "submit" else (on,)
            for fault in filter(None, (self.aims.take(kind, prompt) for kind in kinds)):
                self.fault(**fault)
            try:
                return super().handle(request)
            finally:
                self._take_back(prompt)

    def _take_back(self, prompt: str) -> None:
        """Aim again what did not strike, because the request was refused: it must not strike another's."""
        for fault in self.faults.view():
            self.aim(prompt, **{name: value for name, value in fault.items() if name != "rate"})
        self.faults.clear()

    def _about(self, request: httpx.Request) -> tuple[str, str]:
        path = request.url.path
        if path.endswith(SUBMIT):
            return "submit", str(json.loads(request.content)["input"]["prompt"])
        on = "query" if path.startswith(TASKS) else "download"
        found = [task.order.prompt for task in self.vendor.tasks.values() if task.id in path]
        return on, found[0] if found else ""
