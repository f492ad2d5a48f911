"""Everything that can go wrong, as one tree.

::

    GallopError
    ├── CallerError             whoever asked can mend it: an answer in words, no charge
    │   ├── InvalidRequest      carries every fault that was found
    │   ├── Unauthenticated
    │   ├── UnknownSender       an event without this stack's token
    │   ├── TooManyRequests     the key is used faster than its pace
    │   ├── BudgetExceeded      a cap on what may be spent has no room for the job
    │   ├── IdempotencyMismatch the key was used for another request
    │   ├── JobNotFound         also what another client's job looks like
    │   ├── NoSuchRoute
    │   ├── DashScopeRefusal    for a client of DashScope's, in DashScope's words
    │   ├── BodyTooLarge
    │   ├── UnsupportedMediaType
    │   ├── VideoNotReady
    │   ├── NoThumbnail
    │   ├── JobNotFinished
    │   └── JobNotDeletable     it belongs to the S3 door
    ├── TryAgain                the same step may be run again: it cost nothing
    │   ├── VendorUnreachable   the request surely never left
    │   ├── VendorThrottled     DashScope said: later
    │   ├── VendorUnavailable   a question, never a submit, got no usable answer
    │   ├── AttemptInFlight     another run of the step may still be at it
    │   ├── LaneBusy            another job's attempt is in the air
    │   ├── ResultIncomplete    the video broke off on its way
    │   ├── ResultUnusable      what DashScope delivered is not a video
    │   ├── ResultExpired       DashScope says that it no longer has the video
    │   ├── WrongState          the record has moved on: this run came late, and the next one sees where to
    │   └── AwsTrouble          the table, a bucket, the queue or the vault did not do what was asked
    ├── VendorRefused           DashScope said no, and will say so again
    ├── OutcomeUnknown          a submit was sent and its reply was lost: only reconciliation may follow
    ├── Stranded                an execution broke down under a job that is, or may be, paid: the sweep takes it up
    ├── AlreadyCompleted        there is nothing to wait for: the task is said to have ended
    ├── CallFailed              a host that somebody else named did not answer
    │   └── UnsafeAddress       it is none that Gallop may call
    ├── NoRoom                  the budgets have no room for what was to be reserved
    ├── NoSuchObject            the inbox has no object of that key
    └── ObjectTooLarge          an object is over what may be read of it

Step Functions matches errors by the name of the class: the names in ``workflow.asl.yaml`` are these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.budget import Shortfall


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request: where, what, and how to mend it.

    ``where`` is a JSON pointer (``/ratio``), empty for the whole body, or the name of a file (``prompt.txt``).
    """

    where: str
    problem: str
    remedy: str

    @property
    def message(self) -> str:
        """Say where it is, if at a place, and what it is."""
        return f"{self.where}: {self.problem}" if self.where else self.problem


class GallopError(Exception):
    """The root. ``code`` is stable, ``remedy`` tells the reader what to do.

    ``retryable`` says that the very same may succeed later.
    """

    code = "internal_error"
    retryable = False
    remedy = "Try again; if it stays, look into the logs of the stack."


class CallerError(GallopError):
    """Whoever asked can mend it. ``status`` and ``title`` are those of the HTTP answer.

    ``retry_after`` is the seconds after which the same request may be served, where that is known.
    """

    status = 400
    title = "The request cannot be served"
    retry_after: int | None = None


class InvalidRequest(CallerError):
    """A request with faults, all of them in ``faults``."""

    code = "invalid_request"
    title = "The request has faults"
    remedy = "Mend what `errors` names and send it again; nothing was charged."

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep the faults, in the order in which they were found."""
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = tuple(faults)


class Unauthenticated(CallerError):
    """No key, or none that we know."""

    code = "unauthenticated"
    status = 401
    title = "The key is missing or not valid"
    remedy = "Send the header `Authorization: Bearer <key>`; `make key CLIENT=name` mints a key."


class UnknownSender(CallerError):
    """An event that does not come from the rule that the operator has set up."""

    code = "unknown_sender"
    status = 403
    title = "The event does not carry this stack's token"
    remedy = "Give the rule's target the token that stands in the secret of `CompletionSecretArn`."


class TooManyRequests(CallerError):
    """A key that is used too fast."""

    code = "too_many_requests"
    status = 429
    title = "The key is used too often"
    retryable = True
    remedy = "Wait for the seconds in `Retry-After`; ask for a job no sooner than its answers say. Nothing was charged."

    def __init__(self, retry_after: int) -> None:
        """Keep the seconds."""
        super().__init__(f"The key makes more requests than it may; it may again in {retry_after} s.")
        self.retry_after = retry_after


class BudgetExceeded(CallerError):
    """A job for which a cap on what may be spent has no room; ``shortfall`` has the numbers."""

    code = "budget_exceeded"
    status = 402
    title = "The job is over a cap on what may be spent"
    retryable = True
    remedy = "Wait until the day or month is over, order less, or let the operator raise the cap. Nothing was charged."

    def __init__(self, shortfall: Shortfall, now: float) -> None:
        """Keep the numbers."""
        super().__init__(shortfall.message)
        self.shortfall = shortfall
        self.retry_after = shortfall.seconds_left(now)
        self.retryable = self.retry_after is not None


class IdempotencyMismatch(CallerError):
    """An Idempotency-Key that was used for another request."""

    code = "idempotency_mismatch"
    status = 422
    title = "The Idempotency-Key was used for another request"
    remedy = "Use a new key for a new request, or send the first request again unchanged."


class JobNotFound(CallerError):
    """No such job, or it belongs to another client."""

    code = "not_found"
    status = 404
    title = "There is no such video"
    remedy = "Check the id: it begins with `job_` and belongs to the client that created it."


class NoSuchRoute(CallerError):
    """Nothing is served under this path."""

    code = "no_such_route"
    status = 404
    title = "There is no such route"
    remedy = "See the list of routes in README.md."


class DashScopeRefusal(CallerError):
    """A refusal for which DashScope has a code of its own, ``vendor_code``, told to a client that knows it."""

    code = "dashscope_refusal"
    title = "Refused in DashScope's words, to a client of its"
    remedy = "See DashScope's codes below."

    def __init__(self, vendor_code: str, message: str, status: int = 400) -> None:
        """Keep DashScope's code and status."""
        super().__init__(message)
        self.vendor_code = vendor_code
        self.status = status


class BodyTooLarge(CallerError):
    """A body that is larger than what can be taken in one request."""

    code = "body_too_large"
    status = 413
    title = "The body is too large"
    remedy = "Send each image by POST /v1/uploads first, and name it by its `upload_...` id."


class UnsupportedMediaType(CallerError):
    """A body in a form that is not read here."""

    code = "unsupported_media_type"
    status = 415
    title = "The body is of a type that is not read here"
    remedy = "Send JSON in UTF-8 with `Content-Type: application/json`, or a form with `multipart/form-data`."


class VideoNotReady(CallerError):
    """The job has no video (yet)."""

    code = "not_ready"
    retryable = True
    status = 409
    title = "The video is not there"
    remedy = "Ask GET /v1/videos/{id} until `state` is `succeeded`."


class NoThumbnail(CallerError):
    """A finished video of which no picture could be made."""

    code = "no_thumbnail"
    status = 404
    title = "The video has no thumbnail"
    remedy = "Use the video itself; nothing more can be made of it."


class JobNotFinished(CallerError):
    """Only what has ended can be deleted, a moment after its end."""

    code = "not_finished"
    status = 409
    title = "The job cannot be deleted yet"
    retryable = True
    remedy = "Cancel it first, or wait until it has ended, and delete it then."


class JobNotDeletable(CallerError):
    """What was dropped is not deleted at the HTTPS door."""

    code = "not_deletable"
    status = 409
    title = "The job belongs to the S3 door"
    remedy = "Remove its files under `drop/` in the inbox, and its receipts in the results bucket, by S3."


class TryAgain(GallopError):
    """The same step may be run again: it cost nothing."""

    code = "not_available"
    retryable = True
    remedy = "Try again later; nothing was charged for this attempt."


class VendorUnreachable(TryAgain):
    """No connection to DashScope: the request surely never left."""

    code = "vendor_unreachable"
    remedy = "Check DashScopeBaseUrl and DashScope's status, then create the job again. Nothing was charged."


class VendorThrottled(TryAgain):
    """DashScope refused for its rate limits."""

    code = "vendor_throttled"
    remedy = "DashScope kept refusing for its rate limits. Create the job again later. Nothing was charged."


class VendorUnavailable(TryAgain):
    """DashScope gave no usable answer to a question (never to a submit)."""

    code = "vendor_unavailable"
    remedy = "See DashScope's status. The task may be finished there: look for it in the console before you try again."


class AttemptInFlight(TryAgain):
    """A run of the submit step may still be waiting for its reply."""

    code = "outcome_unknown"


class LaneBusy(TryAgain):
    """Another job's attempt is in the air: one at a time, so that a lost one can be told."""

    code = "vendor_unreachable"
    remedy = "Too many jobs wait for DashScope. Create the job again later. Nothing was charged."


class ResultIncomplete(TryAgain):
    """The video broke off on its way."""

    code = "result_incomplete"
    remedy = "The video was made and charged: DashScope's console shows it, by the task's id, for 24 hours."


class ResultUnusable(TryAgain):
    """What DashScope delivered is not a video; what it delivers the next time may be."""

    code = "result_unusable"
    remedy = "Report it to DashScope with the task's id."


class ResultExpired(TryAgain):
    """DashScope says that it no longer has the video."""

    code = "result_expired"
    remedy = "Create the job again, which is charged again; the operator should look why it was not fetched in time."


class WrongState(TryAgain):
    """The record has moved on: this run of a step came late. The next run sees where the job stands."""

    code = "wrong_state"


class AwsTrouble(TryAgain):
    """The table, a bucket, the queue, the workflow or the vault did not do what was asked."""

    code = "aws_trouble"
    remedy = "See the stack's logs: a permission may be missing, or AWS may be in trouble."


class VendorRefused(GallopError):
    """DashScope said no. ``vendor_code`` is its own word for why."""

    code = "vendor_refused"

    def __init__(self, vendor_code: str, message: str) -> None:
        """Keep DashScope's code beside its message."""
        super().__init__(f"DashScope refused: {vendor_code}: {message}")
        self.vendor_code = vendor_code


class OutcomeUnknown(GallopError):
    """A submit was sent and its reply was lost: there may be a task, and a charge."""

    code = "outcome_unknown"
    remedy = (
        "Look in DashScope's console for a task of this model at the time of the attempt. If there is none, "
        "create the job again; if there is one, its video can be fetched there for 24 hours."
    )


class Stranded(GallopError):
    """An execution broke down under a job that is, or may be, paid: the sweep takes the job up."""

    code = "stranded"


class AlreadyCompleted(GallopError):
    """The task is said to have ended: whoever wants to wait for that may ask instead."""

    code = "told_already"


class CallFailed(GallopError):
    """A host that somebody else named did not answer, or not within the bounds."""

    code = "call_failed"
    remedy = "Look at the receiver: is it up, and does it answer within ten seconds?"


class UnsafeAddress(CallFailed):
    """An address that Gallop may not call: its name, or what it stands for, is not public."""

    code = "unsafe_address"
    remedy = "Use an https address on port 443 whose host has public addresses only."


class NoRoom(GallopError):
    """The budgets have no room for what was to be reserved: nothing was written."""

    code = "no_room"


class NoSuchObject(GallopError):
    """The inbox has no object of that key."""

    code = "no_such_object"


class ObjectTooLarge(GallopError):
    """An object is over what may be read of it; ``size`` is in bytes."""

    code = "object_too_large"

    def __init__(self, size: int) -> None:
        """Keep the size."""
        super().__init__(f"The object has {size} bytes.")
        self.size = size
