"""Everything that can go wrong, as one tree.

::

    GallopError
    ├── CallerError             the caller can fix it: the answer says how; nothing is charged
    │   ├── InvalidRequest      carries every fault that was found
    │   │   └── PlacementRefused  the job may not run on any account that its request allows
    │   ├── Unauthenticated
    │   ├── UnknownSender       an event without this stack's token
    │   ├── TooManyRequests     the key exceeds its rate limit
    │   ├── BudgetExceeded      a spending cap has no room for the job
    │   ├── IdempotencyMismatch the key was used for another request
    │   ├── JobDeleted          the key belongs to a job that was deleted
    │   ├── JobNotFound         also for another client's job
    │   ├── (Draining, NotSigned: in domain; NoSuchRoute, MethodNotAllowed: in doors.https)
    │   ├── DashScopeRefusal    for a DashScope client, in DashScope's format
    │   ├── BodyTooLarge
    │   ├── UnsupportedMediaType
    │   ├── VideoNotReady
    │   ├── NoThumbnail
    │   ├── VideoRemoved        the video is no longer in the results bucket
    │   ├── JobNotFinished
    │   └── JobNotDeletable     the job belongs to the S3 door
    ├── TryAgain                the same step may run again: it cost nothing
    │   ├── VendorUnreachable   the request was certainly never sent
    │   ├── VendorThrottled     DashScope's rate limits refused it
    │   ├── VendorUnavailable   a query, never a submit, got no usable answer
    │   ├── AttemptInFlight     another run of the step may still be in progress
    │   ├── LaneBusy            another job's attempt is in flight
    │   ├── ResultIncomplete    the download of the video was interrupted
    │   ├── ResultUnusable      the file that DashScope delivered is not a video
    │   ├── ResultExpired       DashScope no longer has the video
    │   ├── WrongState          the record has changed since: this run came late
    │   └── AwsTrouble          an AWS service returned an error
    ├── VendorRefused           DashScope refused permanently
    ├── OutcomeUnknown          a submit was sent and its reply was lost: only reconciliation may follow
    ├── Stranded                the execution of a job that is or may be charged has failed: the sweep resumes it
    ├── AlreadyCompleted        the task has been reported as ended: nothing to wait for
    ├── CallFailed              an external host did not answer within the limits
    │   └── UnsafeAddress       an address that Gallop must not call
    ├── NoRoom                  the budgets have no room for a reservation
    ├── NoSuchObject            the inbox has no object with this key
    └── ObjectTooLarge          an object exceeds the limit for reading it

Step Functions matches errors by class name: the names in ``workflow.asl.yaml`` are these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain.failure_codes import FailureCode
from gallop.domain.faults import bounded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gallop.domain.budget import Shortfall
    from gallop.domain.faults import Fault


class GallopError(Exception):
    """The root of the tree. ``code`` is stable; ``remedy`` says what to do.

    ``retryable`` says whether the same request may succeed later.
    """

    code: str = FailureCode.INTERNAL_ERROR
    retryable = False
    remedy = "Retry. If the error persists, check the logs of the stack."


class CallerError(GallopError):
    """The caller can fix it. ``status`` and ``title`` are those of the HTTP answer.

    ``retry_after`` is the number of seconds after which the same request may succeed, where that is known.
    """

    status = 400
    title = "Request refused"
    retry_after: int | None = None


class InvalidRequest(CallerError):
    """An invalid request; ``faults`` lists every problem, or the first ones and how many more there are."""

    code = "invalid_request"
    title = "Invalid request"
    remedy = "Fix the problems listed in `errors` and resend. You have not been charged."

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Store the faults, in the order in which they were found."""
        self.faults = bounded(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))


class PlacementRefused(InvalidRequest):
    """No account may make the job where its request, or its client's key, says."""

    code = "placement_refused"
    title = "No account may make it there"


class Unauthenticated(CallerError):
    """The API key is missing or invalid."""

    code = "unauthenticated"
    status = 401
    title = "Missing or invalid API key"
    remedy = "Send the header `Authorization: Bearer <key>`. `make key CLIENT=name` creates a key."


class UnknownSender(CallerError):
    """An event that does not come from the rule that the operator set up."""

    code = "unknown_sender"
    status = 403
    title = "Missing or invalid event token"
    remedy = "Configure the rule's target with the token in the secret of `CompletionSecretArn`."


class TooManyRequests(CallerError):
    """The key exceeds its rate limit."""

    code = "too_many_requests"
    status = 429
    title = "Rate limit exceeded"
    retryable = True
    remedy = (
        "Wait for the seconds in `Retry-After`, and poll jobs only as often as their answers say. "
        "You have not been charged."
    )

    def __init__(self, retry_after: int) -> None:
        """Store the seconds after which to retry."""
        super().__init__(f"Rate limit exceeded. Retry in {retry_after} second{'' if retry_after == 1 else 's'}.")
        self.retry_after = retry_after


class BudgetExceeded(CallerError):
    """A spending cap has no room for the job; ``shortfall`` has the figures."""

    code = FailureCode.BUDGET_EXCEEDED
    status = 402
    title = "Spending cap reached"
    retryable = True
    remedy = (
        "Wait until the next day or month, create smaller jobs, or ask the operator to raise the cap. "
        "You have not been charged."
    )

    def __init__(self, shortfall: Shortfall, now: float) -> None:
        """Store the amounts."""
        super().__init__(shortfall.message)
        self.shortfall = shortfall
        self.retry_after = shortfall.seconds_left(now)
        self.retryable = self.retry_after is not None


class IdempotencyMismatch(CallerError):
    """The Idempotency-Key was used for another request."""

    code = "idempotency_mismatch"
    status = 422
    title = "Idempotency-Key already used"
    remedy = "Use a new key for a new request, or resend the first request unchanged."


class JobDeleted(CallerError):
    """The Idempotency-Key belongs to a job that was deleted."""

    code = "job_deleted"
    status = 409
    title = "Job deleted"
    remedy = "Use a new Idempotency-Key to create the video again, which is charged again."


class JobNotFound(CallerError):
    """No such job, or it belongs to another client."""

    code = "not_found"
    status = 404
    title = "No such video"
    remedy = "Check the id: it begins with `job_` and belongs to the client that created it."


class DashScopeRefusal(CallerError):
    """A refusal with DashScope's own code, ``vendor_code``, for a client of DashScope."""

    code = "dashscope_refusal"
    title = "Refused in DashScope's format, for a DashScope client"
    remedy = "See DashScope's codes below."

    def __init__(self, vendor_code: str, message: str, status: int = 400) -> None:
        """Store DashScope's code and status."""
        super().__init__(message)
        self.vendor_code = vendor_code
        self.status = status


class BodyTooLarge(CallerError):
    """A body over the limit of one request."""

    code = "body_too_large"
    status = 413
    title = "Body too large"
    remedy = "Upload each image with POST /v1/uploads first, and send its `upload_...` id instead."


class UnsupportedMediaType(CallerError):
    """A body of a type that is not supported."""

    code = "unsupported_media_type"
    status = 415
    title = "Unsupported media type"
    remedy = "Send UTF-8 JSON with `Content-Type: application/json`, or a form with `multipart/form-data`."


class VideoNotReady(CallerError):
    """The job has no video (yet), or what follows it is still being made."""

    code = "not_ready"
    retryable = True
    status = 409
    title = "Video not ready"
    remedy = "Poll GET /v1/videos/{id} until `status` is `completed`; the other files follow a few seconds later."


class NoThumbnail(CallerError):
    """The video has no thumbnail."""

    code = "no_thumbnail"
    status = 404
    title = "No thumbnail"
    remedy = "Use the video itself."


class VideoRemoved(CallerError):
    """The video was made, and somebody has removed it from the results bucket since."""

    code = "video_removed"
    status = 410
    title = "Video removed"
    remedy = "Restore the file in the results bucket, or create the video again, which is charged again."


class JobNotFinished(CallerError):
    """Only a job that has ended can be deleted."""

    code = "not_finished"
    status = 409
    title = "Job not finished"
    retryable = True
    remedy = "Cancel the job, or wait until it has ended, then delete it."


class JobNotDeletable(CallerError):
    """Jobs of the S3 door cannot be deleted at the HTTPS door."""

    code = "not_deletable"
    status = 409
    title = "Job of the S3 door"
    remedy = "Ask the operator to delete it with its files under `drop/`, by `gallop jobs delete`."


class TryAgain(GallopError):
    """The same step may run again: it cost nothing."""

    code = "not_available"
    retryable = True
    remedy = "Retry later. You have not been charged for this attempt."


class VendorUnreachable(TryAgain):
    """No connection to DashScope: the request was certainly never sent."""

    code = FailureCode.VENDOR_UNREACHABLE


class VendorThrottled(TryAgain):
    """DashScope's rate limits refused the request."""

    code = FailureCode.VENDOR_THROTTLED


class VendorUnavailable(TryAgain):
    """DashScope gave no usable answer to a query (never to a submit)."""

    code = FailureCode.VENDOR_UNAVAILABLE


class AttemptInFlight(TryAgain):
    """Another run of the submit step may still be waiting for its reply."""

    code = FailureCode.OUTCOME_UNKNOWN


class LaneBusy(TryAgain):
    """Another job's attempt is in flight: one at a time, so that a lost one can be identified."""

    code = FailureCode.VENDOR_UNREACHABLE


class ResultIncomplete(TryAgain):
    """The download of the video was interrupted."""

    code = FailureCode.RESULT_INCOMPLETE


class ResultUnusable(TryAgain):
    """The file that DashScope delivered is not a video; the next download may be."""

    code = FailureCode.RESULT_UNUSABLE


class ResultExpired(TryAgain):
    """DashScope no longer has the video."""

    code = FailureCode.RESULT_EXPIRED


class WrongState(TryAgain):
    """The record has changed since it was read: this run came late. The next one reads it again."""

    code = FailureCode.WRONG_STATE


class AwsTrouble(TryAgain):
    """A table, bucket, queue, workflow or secret returned an error."""

    code = FailureCode.AWS_TROUBLE


class VendorRefused(GallopError):
    """DashScope refused permanently; ``vendor_code`` and ``vendor_message`` are its own."""

    code = FailureCode.VENDOR_REFUSED

    def __init__(self, vendor_code: str, message: str) -> None:
        """Store DashScope's code and message."""
        super().__init__(f"DashScope refused: {vendor_code}: {message}")
        self.vendor_code = vendor_code
        self.vendor_message = message


class OutcomeUnknown(GallopError):
    """A submit was sent and its reply was lost: there may be a task, and a charge."""

    code = FailureCode.OUTCOME_UNKNOWN


class Stranded(GallopError):
    """The execution of a job that is or may be charged has failed: the sweep resumes the job."""

    code = "stranded"


class AlreadyCompleted(GallopError):
    """The task has been reported as ended: query it instead of waiting."""

    code = "told_already"


class CallFailed(GallopError):
    """An external host, such as a webhook receiver, did not answer within the limits."""

    code = "call_failed"
    remedy = "Check the receiver: it must be up and answer within 10 seconds."


class UnsafeAddress(CallFailed):
    """An address that Gallop must not call: its host is not public."""

    code = "unsafe_address"
    remedy = "Use an https address on port 443 whose host has only public addresses."


class NoRoom(GallopError):
    """The budgets have no room for a reservation: nothing was written."""

    code = "no_room"


class NoSuchObject(GallopError):
    """The inbox has no object with this key."""

    code = "no_such_object"


class ObjectTooLarge(GallopError):
    """An object exceeds the limit for reading it; ``size`` is in bytes."""

    code = "object_too_large"

    def __init__(self, size: int) -> None:
        """Store the size."""
        super().__init__(f"The object has {size:,} bytes.")
        self.size = size
