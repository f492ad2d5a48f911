"""The list API: filters and pages over an account's tasks."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from math import ceil
from typing import TYPE_CHECKING, Any

from fake_dashscope.errors import missing_or_invalid
from fake_dashscope.task import RETENTION, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fake_dashscope.accounts import Account
    from fake_dashscope.switches import Switches
    from fake_dashscope.task import Task

STAMP = "%Y%m%d%H%M%S"
MAX_PAGE_SIZE = 100


def page(
    tasks: Iterable[Task],
    account: Account,
    params: Mapping[str, str],
    now: float,
    switches: Switches,
) -> dict[str, Any]:
    """Return one page of an account's tasks, newest first."""
    begin, end = _window(params, now, timezone(timedelta(hours=switches.list_hours)))
    page_no, page_size = _number(params, "page_no", 1), min(_number(params, "page_size", 10), MAX_PAGE_SIZE)
    if params.get("status") not in {None, "", *STATUSES}:
        raise missing_or_invalid("status")
    found = [
        task
        for task in tasks
        if task.account.name == account.name
        and now < task.submitted + RETENTION
        and begin <= task.submitted <= min(end, now - switches.list_lag)
        and params.get("model_name") in {None, "", task.order.model.name}
        and params.get("status") in {None, "", task.status}
        and params.get("task_id") in {None, "", task.id}
    ]
    found.sort(key=lambda task: task.submitted, reverse=True)
    shown = found[(page_no - 1) * page_size : page_no * page_size]
    key_id, uid = numbers(account)
    return {
        "total": len(found),
        "data": [task.entry(key_id, uid) for task in shown],
        "total_page": ceil(len(found) / page_size),
        "page_no": page_no,
        "page_size": page_size,
    }


def numbers(account: Account) -> tuple[str, str]:
    """Return the number of an account's key, and the account's own number."""
    digits = str(int(hashlib.sha256(account.name.encode()).hexdigest()[:14], 16)).zfill(16)
    return digits[:6], digits[:16]


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name) or str(default)
    if not text.isdigit() or not int(text):
        raise missing_or_invalid(name)
    return int(text)


def _window(params: Mapping[str, str], now: float, zone: timezone) -> tuple[float, float]:
    begin, end = _moment(params, "start_time", zone), _moment(params, "end_time", zone)
    if begin is None and end is None:
        return now - RETENTION, now
    if begin is None:
        begin = (end or now) - RETENTION
    if end is None:
        end = begin + RETENTION
    if not 0 <= end - begin <= RETENTION:
        raise missing_or_invalid("start_time")
    return begin, end


def _moment(params: Mapping[str, str], name: str, zone: timezone) -> float | None:
    text = params.get(name)
    if not text:
        return None
    try:
        return datetime.strptime(text, STAMP).replace(tzinfo=zone).timestamp()
    except ValueError as error:
        raise missing_or_invalid(name) from error
