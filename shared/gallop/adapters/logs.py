"""The stack's log groups, searched for an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters import aws
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator


@frozen
class Line:
    """A line of a log; ``at`` is in seconds since the epoch."""

    at: float
    text: str


@aws.guarded
def lines_with(word: str, group: str, since: float, until: float) -> list[Line]:
    """Return the lines of a log group that contain a word, within two times in seconds since the epoch."""
    return list(_lines(word, group, since, until))


def _lines(word: str, group: str, since: float, until: float) -> Iterator[Line]:
    pages = (
        aws.complete("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=group, filterPattern=f'"{word}"', startTime=int(since * 1000), endTime=int(until * 1000) + 1
        )
    )
    for page in pages:
        yield from (Line(event["timestamp"] / 1000, event["message"]) for event in page["events"])
