"""A fake, a client of it and its clock: what every contract test works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from fake_dashscope import KEY, Account

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from fake_dashscope import FakeDashScope
    from fake_dashscope.clock import ManualClock

ALIBABA = "https://dashscope-intl.aliyuncs.com"
SUBMIT = "/api/v1/services/aigc/video-generation/video-synthesis"
R2V = "happyhorse-1.0-r2v"
PICTURE = "https://example.com/girl.jpg"
ACCOUNTS = (
    Account(keys=(KEY, "sk-second-key")),
    Account("other", ("sk-other",)),
    Account("beijing", ("sk-beijing",), region="cn-beijing"),
    Account("overdue", ("sk-overdue",), billing_error="PostpaidBillOverdue"),
)


def order(model: str = R2V, images: int = 1, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a body that DashScope accepts."""
    media = [{"type": "reference_image", "url": f"https://example.com/{number}.jpg"} for number in range(images)]
    return {"model": model, "input": {"prompt": "The woman of [Image 1]", "media": media}, "parameters": parameters}


def authorized(key: str = KEY, **headers: str) -> dict[str, str]:
    """Return the headers of a submit."""
    return {"Authorization": f"Bearer {key}", "X-DashScope-Async": "enable", **headers}


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that happens in another thread; fails after ``seconds`` of real time."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not happen"


@dataclass(slots=True)
class Sandbox:
    """One fake behind one of its faces."""

    fake: FakeDashScope
    clock: ManualClock
    base: str
    client: httpx.Client = field(repr=False)

    def advance(self, seconds: float) -> None:
        """Move the clock forward, after all downloads are done."""
        self.fake.settle()
        self.clock.advance(seconds)
        self.fake.settle()

    def post(self, body: Any = None, key: str = KEY, **headers: str) -> httpx.Response:  # noqa: ANN401
        """Submit."""
        return self.client.post(self.base + SUBMIT, json=body or order(), headers=authorized(key, **headers))

    def submit(self, body: Any = None, key: str = KEY, **headers: str) -> str:  # noqa: ANN401
        """Submit a body that must be accepted; returns the task id."""
        response = self.post(body, key, **headers)
        assert 200 == response.status_code, response.text
        task_id: str = response.json()["output"]["task_id"]
        return task_id

    def get(self, path: str, key: str = KEY, **params: str | int) -> httpx.Response:
        """Make any GET under ``/api/v1``."""
        return self.client.get(f"{self.base}/api/v1{path}", params=params, headers={"Authorization": f"Bearer {key}"})

    def query(self, task_id: str, key: str = KEY) -> dict[str, Any]:
        """Return the reply of the query API."""
        response = self.get(f"/tasks/{task_id}", key)
        assert 200 == response.status_code, response.text
        reply: dict[str, Any] = response.json()
        return reply

    def output(self, task_id: str) -> dict[str, Any]:
        """Return the ``output`` of the query API."""
        output: dict[str, Any] = self.query(task_id)["output"]
        return output

    def cancel(self, task_id: str, key: str = KEY) -> httpx.Response:
        """Cancel."""
        return self.client.post(
            f"{self.base}/api/v1/tasks/{task_id}/cancel",
            headers={"Authorization": f"Bearer {key}"},
        )

    def finish(self, body: Any = None, **headers: str) -> dict[str, Any]:  # noqa: ANN401
        """Submit, let the task run, and return its last query reply."""
        task_id = self.submit(body, **headers)
        self.advance(1)
        self.advance(3 * 3600 - 1)
        return self.query(task_id)

    def video_url(self, body: Any = None) -> str:  # noqa: ANN401
        """Submit, let the task run, and return the URL of its video."""
        url: str = self.finish(body)["output"]["video_url"]
        return url
