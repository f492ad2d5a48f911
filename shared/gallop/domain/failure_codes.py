"""The codes of failures; they are stable."""

from __future__ import annotations

from enum import StrEnum


class FailureCode(StrEnum):
    """The codes with which a job can end without a video; ``gallop.domain.failures`` says what each means."""

    GENERATION_FAILED = "generation_failed"
    VENDOR_REFUSED = "vendor_refused"
    VENDOR_UNREACHABLE = "vendor_unreachable"
    VENDOR_THROTTLED = "vendor_throttled"
    VENDOR_UNAVAILABLE = "vendor_unavailable"
    OUTCOME_UNKNOWN = "outcome_unknown"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    WAITED_TOO_LONG = "waited_too_long"
    BUDGET_EXCEEDED = "budget_exceeded"
    TASK_UNKNOWN = "task_unknown"
    RESULT_EXPIRED = "result_expired"
    RESULT_INCOMPLETE = "result_incomplete"
    RESULT_UNUSABLE = "result_unusable"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    WORKFLOW_LOST = "workflow_lost"
    AWS_TROUBLE = "aws_trouble"
    WRONG_STATE = "wrong_state"
    INTERNAL_ERROR = "internal_error"
