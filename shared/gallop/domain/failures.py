"""How a job can end without a video: every ``code`` of its ``error``, and what to do about it.

The error classes of ``gallop.domain.errors`` that end a job carry a code of this list.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from gallop.domain import remedies
from gallop.domain.failure_codes import FailureCode
from gallop.domain.frozen import frozen
from gallop.domain.job import RESTORED
from gallop.domain.remedies import Remedy

if TYPE_CHECKING:
    from gallop.domain.job import Failure, Job


class Billed(StrEnum):
    """Whether DashScope charged for the job."""

    NO = "no"
    PERHAPS = "perhaps"
    YES = "yes"


@frozen
class FailureKind:
    """What a code means. ``retryable`` says whether the same request, created again, may succeed."""

    code: FailureCode
    what: str
    retryable: bool
    billed: Billed
    remedy: Remedy


FAILURE_KINDS = {
    kind.code: kind
    for kind in (
        FailureKind(
            FailureCode.GENERATION_FAILED,
            "DashScope could not make the video, or its moderation refused it",
            True,
            Billed.NO,
            Remedy.READ_VENDOR_MESSAGE,
        ),
        FailureKind(
            FailureCode.VENDOR_REFUSED,
            "DashScope refused the request because of its key, its bill or its content",
            False,
            Billed.NO,
            Remedy.READ_VENDOR_MESSAGE,
        ),
        FailureKind(
            FailureCode.VENDOR_UNREACHABLE,
            "DashScope could not be reached, or another submit was in progress, through all retries",
            True,
            Billed.NO,
            Remedy.CHECK_ADDRESS,
        ),
        FailureKind(
            FailureCode.VENDOR_THROTTLED,
            "DashScope's rate limits refused the request through all retries",
            True,
            Billed.NO,
            Remedy.CREATE_AGAIN_LATER,
        ),
        FailureKind(
            FailureCode.VENDOR_UNAVAILABLE,
            "DashScope gave no usable answer about the finished task through all retries",
            True,
            Billed.YES,
            Remedy.CHECK_VENDOR,
        ),
        FailureKind(
            FailureCode.OUTCOME_UNKNOWN,
            "A reply was lost, and DashScope's list does not show whether a task exists",
            True,
            Billed.PERHAPS,
            Remedy.SEARCH_CONSOLE,
        ),
        FailureKind(
            FailureCode.DEADLINE_EXCEEDED,
            "The job did not end within `DeadlineMinutes` of getting its slot",
            True,
            Billed.PERHAPS,
            Remedy.SEARCH_CONSOLE,
        ),
        FailureKind(
            FailureCode.WAITED_TOO_LONG,
            "The job got no slot within `QueueHours`",
            True,
            Billed.NO,
            Remedy.CREATE_AGAIN_LATER,
        ),
        FailureKind(
            FailureCode.BUDGET_EXCEEDED,
            "The job was parked for a spending cap, and no budget became available in time",
            True,
            Billed.NO,
            Remedy.RAISE_CAP,
        ),
        FailureKind(FailureCode.TASK_UNKNOWN, "DashScope no longer knows the task", True, Billed.YES, Remedy.FIND_TASK),
        FailureKind(
            FailureCode.RESULT_EXPIRED,
            "DashScope no longer has the video",
            True,
            Billed.YES,
            Remedy.CREATE_AND_PAY_AGAIN,
        ),
        FailureKind(
            FailureCode.RESULT_INCOMPLETE,
            "The video could not be downloaded completely",
            True,
            Billed.YES,
            Remedy.FETCH_FROM_CONSOLE,
        ),
        FailureKind(
            FailureCode.RESULT_UNUSABLE,
            "The file that DashScope delivered is not a video",
            True,
            Billed.YES,
            Remedy.REPORT_RESULT,
        ),
        FailureKind(FailureCode.CANCELLED, "The job was cancelled in time", True, Billed.NO, Remedy.CREATE_IF_WANTED),
        FailureKind(
            FailureCode.TIMED_OUT,
            "A step of the workflow did not answer in time",
            True,
            Billed.PERHAPS,
            Remedy.SEARCH_CONSOLE,
        ),
        FailureKind(
            FailureCode.WORKFLOW_LOST,
            "The workflow failed and could not be resumed",
            True,
            Billed.PERHAPS,
            Remedy.SEARCH_CONSOLE,
        ),
        FailureKind(
            FailureCode.AWS_TROUBLE, "An AWS service returned an error", True, Billed.PERHAPS, Remedy.CHECK_LOGS
        ),
        FailureKind(
            FailureCode.WRONG_STATE,
            "The job's record kept changing",
            True,
            Billed.PERHAPS,
            Remedy.SEARCH_CONSOLE,
        ),
        FailureKind(FailureCode.INTERNAL_ERROR, "An error inside Gallop", True, Billed.PERHAPS, Remedy.SEARCH_CONSOLE),
    )
}
"""By code, the most common first."""

# What to do if the task has succeeded, and its video is gone or is none; in all other cases DashScope still has it.
OF_A_RESULT = (Remedy.CREATE_AND_PAY_AGAIN, Remedy.REPORT_RESULT)


def remedy_text(job: Job, failure: Failure, action: Remedy) -> str:
    """Put an action into words for the door of a job; they say that nothing was charged, if that is certain."""
    is_free = charge_of(job, failure) == 0
    if failure in RESTORED:
        action = Remedy.RESTORE_IF_WANTED
    elif action is Remedy.SEARCH_CONSOLE and is_free:
        action = Remedy.CREATE_AGAIN
    elif job.usage is not None and action not in OF_A_RESULT:
        action = Remedy.FETCH_FROM_CONSOLE
    elif action is Remedy.SEARCH_CONSOLE and job.task_id:
        action = Remedy.FIND_TASK
    text = remedies.text(action, job.door, job.task_id)
    return f"{text} You have not been charged." if is_free else text


def charge_of(job: Job, failure: Failure | None = None) -> Decimal | None:
    """Return what an ended job cost in USD: DashScope's usage, or 0; None if that is unknown.

    A task that was lost, through a lost reply or a deadline, may be charged. ``failure`` is the job's own if not given.
    """
    if job.cost is not None:
        return job.cost
    failure = failure or job.failure
    is_free = job.made_no_task or (
        failure is not None and failure.code in (FailureCode.CANCELLED, FailureCode.GENERATION_FAILED)
    )
    return Decimal(0) if is_free else None
