"""How many paid tasks the official ``dashscope`` package creates for the same requests under the same faults."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dashscope
from dashscope import VideoSynthesis

from fake_dashscope import KEY, Limits, Switches
from fake_dashscope.clock import ScaledClock
from fake_dashscope.server import serve
from tests.testbed.targeted_faults import TargetedDashScope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MODEL = "happyhorse-1.0-r2v"
MEDIA = [{"type": "reference_image", "url": "https://example.com/girl.jpg"}]
SPEED = 200.0
AT_A_TIME = 8


@dataclass(frozen=True, slots=True)
class Paid:
    """A client's result: submits, tasks, tasks beyond one per request, and requests that it wrongly took for failed."""

    submits: int
    tasks: int
    duplicates: int
    lost: int
    """Requests with a task that the client does not know of."""


def measure(faults: Sequence[dict[str, Any] | None]) -> dict[str, Paid]:
    """Send one request per fault with each of the package's two APIs, as its users do, and count."""
    return {"dashscope, 1.x API": _measure(faults, _by_v1), "dashscope, v2 Client": _measure(faults, _by_v2)}


def _measure(faults: Sequence[dict[str, Any] | None], client: Callable[[str], Callable[[str], str | None]]) -> Paid:
    fake = TargetedDashScope(ScaledClock(SPEED), limits=Limits.none(), switches=Switches(render_ahead=False))
    prompts = [f"Clip {number} of [Image 1]" for number in range(len(faults))]
    for prompt, fault in zip(prompts, faults, strict=True):
        if fault:
            fake.aim(prompt, **fault)
    with serve(fake) as server, ThreadPoolExecutor(AT_A_TIME) as pool:
        known = sum(task_id is not None for task_id in pool.map(client(server.api_url), prompts))
        ledger = fake.ledger()
    made = Counter(task["prompt"] for task in ledger["tasks"])
    return Paid(
        submits=ledger["requests"]["submit"],
        tasks=len(ledger["tasks"]),
        duplicates=len(ledger["tasks"]) - len(made),
        lost=len(made) - known,
    )


def _by_v1(url: str) -> Callable[[str], str | None]:
    dashscope.base_http_api_url = url

    def submit(prompt: str) -> str | None:
        try:
            response = VideoSynthesis.async_call(api_key=KEY, model=MODEL, prompt=prompt, media=[*MEDIA])
        except Exception:  # noqa: BLE001 - after any error, the caller has no task
            return None
        return response.output.task_id if response.status_code == 200 and response.output else None

    return submit


def _by_v2(url: str) -> Callable[[str], str | None]:
    client = dashscope.Client(base_url=url, api_key=KEY)

    def submit(prompt: str) -> str | None:
        try:
            task_id: str = client.videos.jobs.create(model=MODEL, prompt=prompt, media=[*MEDIA]).task_id
        except Exception:  # noqa: BLE001 - as above
            return None
        return task_id

    return submit
