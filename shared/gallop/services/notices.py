"""Notifies a person that jobs have ended: through an SNS topic, at least once, and many in one mail.

An ended job is recorded before it is sent, and its record removed after: whatever dies in between, the sweep sends it,
rather twice than never. One run at a time sends, and waits longer after each mail while jobs keep ending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import clock, log, metrics, settings
from gallop.adapters.table import jobs
from gallop.adapters.table import notices as table
from gallop.domain import groups, notices
from gallop.domain.errors import AwsTrouble
from gallop.domain.metrics import Metric
from gallop.domain.notices import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.adapters.table.notices import Turn, Waiting
    from gallop.domain.job import Job


def add(ended: Sequence[Job], page_url: str) -> bool:
    """Record the end of a job, or of all jobs of a group, if a person is notified of it; return whether that is so.

    ``page_url`` is the address of the page for browsers; empty if there is none, or the jobs are not visible there.
    """
    due = [job for job in ended if notices.is_due(job, settings.notify_of())]
    for job in due:
        page = f"{page_url}#{job.id}" if page_url else ""
        # Those of a group wait since its end, so that one mail has all.
        table.add(table.Waiting(job.id, page, groups.ended_at(ended)))
    return bool(due)


def send() -> None:
    """Send one mail about all jobs that have ended since the last, if it is time; a topic that fails delays it."""
    now = clock.now()
    if not table.oldest(1):
        return
    turn = table.take_turn(now)
    if turn is None:
        return
    # Read after the turn was taken: what another run has sent meanwhile is gone.
    waiting = _fresh(table.oldest(notices.MAX_ENDINGS), now)
    try:
        _publish(waiting)
    except AwsTrouble as error:
        # The turn expires, and the sweep tries again.
        metrics.count(Metric.NOTICES_FAILED)
        log.warning("notice not sent", endings=len(waiting), error=str(error))
        return
    table.remove(waiting)
    _end(turn, len(waiting))


def _publish(waiting: list[Waiting]) -> None:
    from gallop.adapters import topic  # noqa: PLC0415 - most sweeps send nothing

    pages = {one.job_id: one.page for one in waiting}
    # A deleted job is gone, also from mails.
    endings = [Ending(job, pages[job.id]) for job in jobs.get_all([*pages])]
    if not endings:
        return
    text = notices.body_of(endings, with_prompt=settings.notify_with_prompt())
    topic.publish(settings.notice_topic_arn(), notices.subject_of(endings), text)
    log.info("notice sent", endings=len(endings))


def _fresh(waiting: list[Waiting], now: float) -> list[Waiting]:
    """Return the notices that are worth sending, and remove those that the topic did not take for too long."""
    old = [one for one in waiting if now - one.since > notices.MAX_AGE_SECONDS]
    if old:
        log.warning("notices abandoned", endings=len(old))
        table.remove(old)
    return [one for one in waiting if one not in old]


def _end(turn: Turn, sent: int) -> None:
    now = clock.now()
    gap = notices.gap_after(turn.gap, now - turn.sent_at)
    # More are waiting than one mail holds: the next sweep sends them.
    is_full = sent == notices.MAX_ENDINGS
    table.end_turn(turn, now, now if is_full else now + gap, turn.gap if is_full else gap)
