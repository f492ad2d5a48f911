"""What arrived and what it cost, so that a test can prove "one job, one charge"."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fake_dashscope.catalogue import price

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fake_dashscope.task import Task

KINDS = ("submit", "query", "cancel", "list", "upload", "download")
DATA_URI_SHOWN = 64


class Ledger:
    """Counts every request that arrived, answered or not, in total and by account."""

    def __init__(self) -> None:
        """Start with no requests."""
        self._requests: Counter[str] = Counter()
        self._by_account: dict[str, Counter[str]] = {}

    def arrived(self, kind: str) -> None:
        """Count a request."""
        self._requests[kind] += 1

    def by_account(self, kind: str, account: str) -> None:
        """Count a request with a known key."""
        self._by_account.setdefault(account, Counter())[kind] += 1

    def clear(self) -> None:
        """Forget all requests."""
        self._requests.clear()
        self._by_account.clear()

    def view(self, tasks: Iterable[Task], accounts: Iterable[str]) -> dict[str, Any]:
        """Return the tasks, the requests by kind, and both by account."""
        listed = list(tasks)
        return {
            "tasks": [_entry(task) for task in listed],
            "requests": _counts(self._requests),
            "accounts": {
                name: self._account(name, [task for task in listed if task.account.name == name]) for name in accounts
            },
        }

    def _account(self, name: str, tasks: list[Task]) -> dict[str, Any]:
        return {
            "tasks": len(tasks),
            "billed_seconds": round(sum(task.billed_seconds for task in tasks), 2),
            "billed_usd": round(sum(_cost(task) for task in tasks), 6),
            "requests": _counts(self._by_account.get(name, Counter())),
        }


def _counts(requests: Counter[str]) -> dict[str, int]:
    return {kind: requests[kind] for kind in KINDS}


def _cost(task: Task) -> float:
    return task.billed_seconds * price(task.order.model, task.order.resolution, task.account.region)


def _entry(task: Task) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "request_id": task.request_id,
        "account": task.account.name,
        "model": task.order.model.name,
        "status": task.status,
        "prompt": task.order.prompt_used,
        "images": [_shown(item.url) for item in task.order.media],
        "media": [{"type": item.type, "url": _shown(item.url)} for item in task.order.media],
        "parameters": task.order.parameters,
        "created_at": task.submitted,
        "billed_seconds": task.billed_seconds,
        "billed_usd": round(_cost(task), 6),
    }


def _shown(url: str) -> str:
    if not url.startswith("data:") or len(url) <= DATA_URI_SHOWN:
        return url
    return f"{url[:DATA_URI_SHOWN]}… ({len(url)} characters)"
