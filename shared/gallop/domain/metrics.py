"""The metrics that the functions emit."""

from __future__ import annotations

from enum import StrEnum

from gallop.domain.frozen import frozen

NAMESPACE = "Gallop"
# Every metric has the stack's name; the failures are also counted by code.
STACK, CODE = "Stack", "Code"


class Metric(StrEnum):
    """The name of a metric; there is no other."""

    JOBS_ACCEPTED = "JobsAccepted"
    JOBS_SUCCEEDED = "JobsSucceeded"
    JOBS_FAILED = "JobsFailed"
    JOBS_CANCELED = "JobsCanceled"
    COST = "Cost"
    QUEUE_SECONDS = "QueueSeconds"
    TASK_SECONDS = "TaskSeconds"
    NOTICE_SECONDS = "NoticeSeconds"
    OVERHEAD_SECONDS = "OverheadSeconds"
    LOST_REPLIES = "LostReplies"
    VENDOR_THROTTLES = "VendorThrottles"
    MESSAGES_FAILED = "MessagesFailed"
    NOTICES_FAILED = "NoticesFailed"
    VIDEOS_UNSIGNED = "VideosUnsigned"
    SLOTS_HELD = "SlotsHeld"
    JOBS_WAITING = "JobsWaiting"
    JOBS_PARKED = "JobsParked"
    OLDEST_WAITING_SECONDS = "OldestWaitingSeconds"
    LANES_CLOSED = "LanesClosed"
    DEAD_LETTERS = "DeadLetters"
    DAY_CAP_USED_PERCENT = "DayCapUsedPercent"
    MONTH_CAP_USED_PERCENT = "MonthCapUsedPercent"
    SWEEPS = "Sweeps"


class Unit(StrEnum):
    """CloudWatch's name of a unit; it has none for money."""

    COUNT = "Count"
    SECONDS = "Seconds"
    PERCENT = "Percent"
    NONE = "None"


@frozen
class Meaning:
    """What a metric says: its unit, when a value is emitted, and what the value is."""

    unit: Unit
    when: str
    what: str


_ACCEPTED, _ENDED, _ASKED, SWEPT = "a job is accepted", "a job ends", "DashScope is called", "every minute"
METRICS = {
    Metric.JOBS_ACCEPTED: Meaning(Unit.COUNT, _ACCEPTED, "Jobs that were recorded; a repeated create counts once."),
    Metric.JOBS_SUCCEEDED: Meaning(Unit.COUNT, _ENDED, "Jobs that ended with a video."),
    Metric.JOBS_FAILED: Meaning(Unit.COUNT, _ENDED, "Jobs that ended without a video; also by `Code`."),
    Metric.JOBS_CANCELED: Meaning(Unit.COUNT, _ENDED, "Jobs that were cancelled."),
    Metric.COST: Meaning(Unit.NONE, _ENDED, "What the job cost, in USD; the estimate if that is unknown."),
    Metric.QUEUE_SECONDS: Meaning(Unit.SECONDS, _ENDED, "From the creation of the job until it got a slot."),
    Metric.TASK_SECONDS: Meaning(Unit.SECONDS, _ENDED, "From DashScope's acceptance of the task to the task's end."),
    Metric.NOTICE_SECONDS: Meaning(Unit.SECONDS, _ENDED, "From the end of the task until Gallop noticed it."),
    Metric.OVERHEAD_SECONDS: Meaning(
        Unit.SECONDS, _ENDED, "All other time of the job, with NoticeSeconds: Gallop's own."
    ),
    Metric.LOST_REPLIES: Meaning(Unit.COUNT, _ASKED, "Submits whose reply was lost."),
    Metric.VENDOR_THROTTLES: Meaning(Unit.COUNT, _ASKED, "Answers of DashScope that its rate limit is exceeded."),
    Metric.MESSAGES_FAILED: Meaning(
        Unit.COUNT, "a drop is checked", "Messages of the S3 door that failed; each comes again, or is a dead letter."
    ),
    Metric.NOTICES_FAILED: Meaning(
        Unit.COUNT, "a notice is due", "Mails about ended jobs that the topic did not take; the sweep tries again."
    ),
    Metric.VIDEOS_UNSIGNED: Meaning(
        Unit.COUNT, "a video is signed", "Videos without a copy with Content Credentials; the logs say why."
    ),
    Metric.SLOTS_HELD: Meaning(Unit.COUNT, SWEPT, "Slots that jobs hold, in all lanes."),
    Metric.JOBS_WAITING: Meaning(Unit.COUNT, SWEPT, "Jobs that wait for a slot."),
    Metric.JOBS_PARKED: Meaning(Unit.COUNT, SWEPT, "Jobs that wait for a budget."),
    Metric.OLDEST_WAITING_SECONDS: Meaning(
        Unit.SECONDS, SWEPT, "The age of the oldest job that waits for a slot; 0 if none waits."
    ),
    Metric.LANES_CLOSED: Meaning(
        Unit.COUNT, SWEPT, "Lanes that have failed three times or more and take no jobs, if there are several accounts."
    ),
    Metric.DEAD_LETTERS: Meaning(Unit.COUNT, SWEPT, "Messages of the S3 door that failed too often."),
    Metric.DAY_CAP_USED_PERCENT: Meaning(Unit.PERCENT, SWEPT, "What is spent and reserved of `DayCap`, if it is set."),
    Metric.MONTH_CAP_USED_PERCENT: Meaning(
        Unit.PERCENT, SWEPT, "What is spent and reserved of `MonthCap`, if it is set."
    ),
    Metric.SWEEPS: Meaning(Unit.COUNT, SWEPT, "Sweeps that went through."),
}
