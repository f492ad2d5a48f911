"""Schedule expressions of EventBridge: ``rate(…)`` and ``cron(…)``, in UTC."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_DAYS_AHEAD = 366 * 4


def following(expression: str) -> Callable[[float], float]:
    """Parse a schedule expression; return a function from an epoch time to the next due time (UTC)."""
    rate = _RATE.fullmatch(expression)
    if rate:
        period = int(rate.group(1)) * _UNITS[rate.group(2)]
        return lambda after: after + period
    cron = _CRON.fullmatch(expression)
    if cron:
        return _cron(*cron.groups())
    raise TemplateError(f"The testbed does not support the schedule {expression}. Use rate(...) or cron(...).")


def _cron(*texts: str) -> Callable[[float], float]:
    minutes, hours, days, months, weekdays, years = texts
    allowed_minutes, allowed_hours = _field(minutes, 0, 59), _field(hours, 0, 23)
    allowed_months, allowed_years = _field(months, 1, 12), _field(years, 1970, 2199)

    def matches(day: datetime) -> bool:
        # AWS counts weekdays from Sunday = 1, Python from Monday = 0.
        weekday = (day.weekday() + 1) % 7 + 1
        last = calendar.monthrange(day.year, day.month)[1]
        in_month = (last if days == "L" else day.day) == day.day and (days == "L" or day.day in _field(days, 1, 31))
        right_weekday = weekday in _field(weekdays, 1, 7)
        return in_month and right_weekday and day.month in allowed_months and day.year in allowed_years

    def next_after(after: float) -> float:
        start = datetime.fromtimestamp(after, UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        for ahead in range(_DAYS_AHEAD):
            day = start.replace(hour=0, minute=0) + timedelta(days=ahead)
            if matches(day):
                for hour in sorted(allowed_hours):
                    for minute in sorted(allowed_minutes):
                        moment = day.replace(hour=hour, minute=minute)
                        if moment >= start:
                            return moment.timestamp()
        return float("inf")

    return next_after


_NAMES = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_NAMES |= {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}


def _field(text: str, low: int, high: int) -> frozenset[int]:
    """Parse one field of a cron expression: ``*``, ``?``, numbers, names, ranges, steps and lists of them."""
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            begin, dash, end = span.partition("-")
            first = _number(begin)
            last = _number(end) if dash else (high if step else first)
        values.update(range(first, last + 1, int(step or 1)))
    return frozenset(values)


def _number(text: str) -> int:
    if text.upper() in _NAMES:
        return _NAMES[text.upper()]
    if not text.isdigit():
        raise TemplateError(f"The testbed does not support {text} in a cron expression.")
    return int(text)
