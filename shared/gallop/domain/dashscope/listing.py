"""DashScope's query for a list of tasks: filters, time window and pages (fact sheet §3)."""

from __future__ import annotations

import re
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar

from gallop.domain.dashscope.task import STATUSES, ZONE, entry, status
from gallop.domain.errors import DashScopeRefusal
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.job import Job

WINDOW_SECONDS = 24 * 3600
PAGE_SIZE, MAX_PAGE_SIZE = 10, 100

T = TypeVar("T")

_NUMBER = re.compile(r"[0-9]{1,6}")
_STAMP = re.compile(r"[0-9]{14}")


@frozen(kw_only=True)
class Question:
    """A query: one page of the tasks submitted from ``since`` to ``until`` (seconds since the epoch).

    ``task_id``, ``model`` and ``status`` are filters; an empty one matches every task.
    """

    since: float
    until: float
    page_no: int
    page_size: int
    task_id: str
    model: str
    status: str

    @property
    def is_about_all(self) -> bool:
        """Whether no filter is set, so that every task of the window matches."""
        return not (self.task_id or self.model or self.status)

    def takes(self, job: Job) -> bool:
        """Return whether a job of the window matches the filters."""
        return (
            self.task_id in ("", job.id)
            and self.model in ("", job.request.model)
            and self.status in ("", status(job.state))
        )

    def page_of(self, found: list[T]) -> list[T]:
        """Return the page of all matching items."""
        return found[(self.page_no - 1) * self.page_size : self.page_no * self.page_size]


def read(parameters: Mapping[str, str], now: float) -> Question:
    """Read the parameters; the window is at most 24 hours, by default the last 24 hours.

    Raises:
        DashScopeRefusal: a parameter is invalid.

    """
    since, until = _window(_time(parameters, "start_time"), _time(parameters, "end_time"), now)
    status = parameters.get("status") or ""
    if status and status not in STATUSES:
        raise _invalid("status")
    return Question(
        since=since,
        until=until,
        page_no=_number(parameters, "page_no", 1),
        page_size=min(_number(parameters, "page_size", PAGE_SIZE), MAX_PAGE_SIZE),
        task_id=parameters.get("task_id") or "",
        model=parameters.get("model_name") or "",
        status=status,
    )


def answer(question: Question, total: int, shown: Sequence[Job]) -> dict[str, Any]:
    """Return the answer: a page of ``total`` tasks."""
    return {
        "total": total,
        "data": [entry(job) for job in shown],
        "total_page": ceil(total / question.page_size),
        "page_no": question.page_no,
        "page_size": question.page_size,
    }


def _window(begin: float | None, end: float | None, now: float) -> tuple[float, float]:
    if begin is None:
        end = now if end is None else end
        return end - WINDOW_SECONDS, end
    end = begin + WINDOW_SECONDS if end is None else end
    if not 0 <= end - begin <= WINDOW_SECONDS:
        raise _invalid("start_time")
    return begin, end


def _time(parameters: Mapping[str, str], name: str) -> float | None:
    text = parameters.get(name)
    if not text:
        return None
    try:
        # DashScope does not document the time zone; all its own times are in this one.
        return datetime.strptime(_stamp(text), "%Y%m%d%H%M%S").replace(tzinfo=ZONE).timestamp()
    except (ValueError, OverflowError):
        raise _invalid(name) from None


def _stamp(text: str) -> str:
    if not _STAMP.fullmatch(text):
        raise ValueError(text)
    return text


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name) or str(default)
    if not _NUMBER.fullmatch(text) or not int(text):
        raise _invalid(name)
    return int(text)


def _invalid(name: str) -> DashScopeRefusal:
    message = f"Required parameter({name}) missing or invalid, please check the request parameters."
    return DashScopeRefusal("InvalidParameter", message)
