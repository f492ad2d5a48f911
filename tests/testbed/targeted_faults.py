"""A fake DashScope with targeted faults: each affects the requests for one prompt, whatever else happens."""

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
    """A fault for the next request of its kind for a prompt."""

    prompt: str
    fault: dict[str, Any]


@dataclass(slots=True)
class TargetedFaults:
    """The faults that have not been triggered yet."""

    waiting: list[TargetedFault] = field(default_factory=list)

    def take(self, on: str, prompt: str) -> dict[str, Any] | None:
        """Remove and return the next fault for this request; None if there is none."""
        for target in self.waiting:
            if target.fault["on"] == on and target.prompt == prompt:
                self.waiting.remove(target)
                return target.fault
        return None


class TargetedDashScope(FakeDashScope):
    """The fake, whose faults are selected by prompt instead of by count and rate."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the fake's own
        super().__init__(*args, **options)
        self.aims = TargetedFaults()

    def aim(self, prompt: str, **fault: Any) -> None:  # noqa: ANN401 - as ``fault`` takes them
        """Add a fault for the next request of its kind for a prompt."""
        with self._lock:
            self.aims.waiting.append(TargetedFault(prompt, fault))

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Arm the fault for this request, if there is one, and respond."""
        with self._lock:
            on, prompt = self._about(request)
            kinds = ("task", on) if on == "submit" else (on,)
            for fault in filter(None, (self.aims.take(kind, prompt) for kind in kinds)):
                self.fault(**fault)
            try:
                return super().handle(request)
            finally:
                self._disarm(prompt)

    def _disarm(self, prompt: str) -> None:
        """Keep a fault that was not triggered, because the request was refused: it must not affect another's."""
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
