"""How a job can end without a video: every ``code`` that its ``error`` may have.

The classes of ``gallop.domain.errors`` that end a job are here by name; the other codes are outcomes, not exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from gallop.domain import errors
from gallop.domain.job import CANCELLED

if TYPE_CHECKING:
    from gallop.domain.job import Job


class Billed(StrEnum):
    """Whether DashScope charged for it."""

    NO = "no"
    PERHAPS = "perhaps"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class FailureKind:
    """What a code says. ``retryable``: the same request, created anew, may succeed."""

    code: str
    what: str
    retryable: bool
    billed: Billed
    remedy: str


_LOOK = errors.OutcomeUnknown.remedy
_AGAIN = "Create the job again."
_FREE = frozenset({CANCELLED, "generation_failed"})

FAILURE_KINDS = {
    end.code: end
    for end in (
        FailureKind(
            "generation_failed",
            "DashScope could not make the video, or its moderation refused it",
            True,
            Billed.NO,
            "By DashScope's own code: see below.",
        ),
        FailureKind(
            errors.VendorRefused.code,
            "DashScope refused the request, for its key, its bill or its content",
            False,
            Billed.NO,
            "By DashScope's own code: see below.",
        ),
        FailureKind(
            errors.VendorUnreachable.code,
            "There was no connection to DashScope, or no turn, through all retries",
            True,
            Billed.NO,
            errors.VendorUnreachable.remedy,
        ),
        FailureKind(
            errors.VendorThrottled.code,
            "DashScope had too many requests, through all retries",
            True,
            Billed.NO,
            errors.VendorThrottled.remedy,
        ),
        FailureKind(
            errors.VendorUnavailable.code,
            "DashScope gave no usable answer about the finished task, through all retries",
            True,
            Billed.YES,
            errors.VendorUnavailable.remedy,
        ),
        FailureKind(
            errors.OutcomeUnknown.code,
            "A reply was lost, and DashScope's list does not tell whether there is a task",
            True,
            Billed.PERHAPS,
            _LOOK,
        ),
        FailureKind(
            "deadline_exceeded",
            "There was no end `DeadlineMinutes` (4 hours) after its turn came",
            True,
            Billed.PERHAPS,
            f"{_LOOK} If the message says that nothing was sent, nothing was charged.",
        ),
        FailureKind(
            "waited_too_long",
            "Its turn did not come within `QueueHours` (72)",
            True,
            Billed.NO,
            "Create the job again later.",
        ),
        FailureKind(
            errors.BudgetExceeded.code,
            "The job was parked for a cap on what may be spent, and no room came in time",
            True,
            Billed.NO,
            "Let the operator raise the cap, then create the job again. Nothing was charged.",
        ),
        FailureKind(
            "task_unknown",
            "DashScope no longer knows the task",
            True,
            Billed.YES,
            "Look for the task in the console of the account that made it.",
        ),
        FailureKind(
            errors.ResultExpired.code,
            "DashScope no longer has the video",
            True,
            Billed.YES,
            errors.ResultExpired.remedy,
        ),
        FailureKind(
            errors.ResultIncomplete.code,
            "The video could not be copied whole",
            True,
            Billed.YES,
            errors.ResultIncomplete.remedy,
        ),
        FailureKind(errors.ResultUnusable.code, "The file is no video", True, Billed.YES, errors.ResultUnusable.remedy),
        FailureKind(CANCELLED, "The job was cancelled, and surely cost nothing", True, Billed.NO, _AGAIN),
        FailureKind("timed_out", "A step of the workflow did not answer in time", True, Billed.PERHAPS, _LOOK),
        FailureKind("workflow_lost", "The workflow broke down and could not be resumed", True, Billed.PERHAPS, _LOOK),
        FailureKind(
            errors.AwsTrouble.code, "AWS did not do what was asked", True, Billed.PERHAPS, errors.AwsTrouble.remedy
        ),
        FailureKind(errors.WrongState.code, "The record kept moving on", True, Billed.PERHAPS, _LOOK),
        FailureKind(errors.GallopError.code, "Something broke inside Gallop", True, Billed.PERHAPS, _LOOK),
    )
}
"""By code, in the order in which they are worth reading."""


def charge_of(job: Job) -> Decimal | None:
    """Tell what an ended job cost: what DashScope's usage says, or nothing; None where nobody can tell.

    A task that was lost sight of, by a lost reply or by a deadline, may be charged.
    """
    if job.cost is not None:
        return job.cost
    is_free = job.made_no_task or (job.failure is not None and job.failure.code in _FREE)
    return Decimal(0) if is_free else None
