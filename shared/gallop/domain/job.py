"""A job: one request for one video, from the door to the receipt."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, assert_never

from gallop.domain import lanes, prices
from gallop.domain.failure_codes import FailureCode
from gallop.domain.frozen import frozen
from gallop.domain.scheduling.queue import QueuePosition, Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from gallop.domain.budget import Parked, Reservation
    from gallop.domain.doors import Door
    from gallop.domain.marks import Marks
    from gallop.domain.prices import Scope
    from gallop.domain.request.estimate import Estimate
    from gallop.domain.request.request import VideoRequest

_ID = re.compile(r"job_[a-z2-7]{26}")
# An id has 128 bits, of which the first 45 are its millisecond; the others are random.
_RANDOM_BITS = 83
# The year 2020: no job is older. The bits of an id that is derived from content mean another time, nearly always.
FIRST_MILLISECOND = 1_577_836_800_000


class JobState(StrEnum):
    """The state of a job. States only move forward, and a terminal state never changes."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    OUTCOME_UNKNOWN = "outcome_unknown"
    RUNNING = "running"
    STORING = "storing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


def states_before(state: JobState) -> tuple[JobState, ...]:
    """Return the states from which a job may move to ``state``."""
    match state:
        case JobState.QUEUED:
            return ()
        case JobState.SUBMITTING:
            return (JobState.QUEUED, JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN)
        case JobState.OUTCOME_UNKNOWN:
            return (JobState.SUBMITTING,)
        case JobState.RUNNING:
            return (JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN)
        case JobState.STORING:
            return (JobState.RUNNING,)
        case JobState.SUCCEEDED:
            return (JobState.STORING,)
        case JobState.FAILED:
            return tuple(before for before in JobState if not is_terminal(before))
        case JobState.CANCELLED:
            return (JobState.QUEUED, JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN, JobState.RUNNING)
    assert_never(state)


def is_terminal(state: JobState) -> bool:
    """Return whether a job in this state has ended."""
    return state in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


def openai_status(state: JobState) -> str:
    """Convert a state to one of the four that OpenAI's clients support."""
    match state:
        case JobState.QUEUED | JobState.SUBMITTING | JobState.OUTCOME_UNKNOWN:
            return "queued"
        case JobState.RUNNING | JobState.STORING:
            return "in_progress"
        case JobState.SUCCEEDED:
            return "completed"
        case JobState.FAILED | JobState.CANCELLED:
            return "failed"
    assert_never(state)


class AttemptEnd(StrEnum):
    """How an attempt ended. Another may follow only after REFUSED and ABSENT, which created no task."""

    OPEN = "open"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    ABSENT = "absent"


@frozen
class Attempt:
    """One POST that may create a task; recorded before it is sent. Times are seconds since the epoch."""

    id: str
    started_at: float
    end: AttemptEnd = AttemptEnd.OPEN
    ended_at: float | None = None


@frozen
class Failure:
    """Why a job ended without a video: Gallop's code and message, and DashScope's own where it gave them."""

    code: FailureCode
    message: str
    vendor_code: str = ""
    vendor_message: str = ""


@frozen
class Interruption:
    """With which failure the job ends if it is not resumed before its deadline; ``resume_at`` is an epoch time."""

    failure: Failure
    resume_at: float


def cancelled(message: str) -> Failure:
    """Return the failure of a job that was cancelled."""
    return Failure(FailureCode.CANCELLED, message)


# Why a job was cancelled whose drop has changed. A job with this reason is made again if its content is restored.
REPLACED = cancelled("The dropped files changed, and a new job replaced this one before DashScope had started it.")
# Why a job was cancelled whose batch was. It is made again if its line is uploaded again.
BATCH_CANCELLED = cancelled("The batch was cancelled before DashScope had started this job.")
RESTORED = (REPLACED, BATCH_CANCELLED)


def failure_from(record: Mapping[str, Any]) -> Failure:
    """Read a failure from a map; fields of other versions are ignored."""
    known = {field.name: record[field.name] for field in fields(Failure) if field.name in record}
    return Failure(**{**known, "code": FailureCode(record["code"])})


@frozen
class CancelAnswer:
    """The answer to a cancel request that was made by a file, as readable text.

    ``time`` is when the file was uploaded, in seconds since the epoch.
    """

    answer: str
    message: str
    time: float


@frozen(kw_only=True)
class Result:
    """A file in the results bucket: the video, its thumbnail or its signed copy. ``size`` is in bytes."""

    bucket: str
    key: str
    version_id: str
    size: int
    sha256: str
    content_type: str


@frozen
class GroupPlace:
    """The place of a job among the ``size`` jobs of one request, from 1; ``id`` is that of the group."""

    id: str
    place: int
    size: int


@frozen(kw_only=True)
class Job:
    """The record of a job. Times are seconds since the epoch, money is in USD.

    ``receipts`` is the prefix of its files in the results bucket. ``base_url`` is the DashScope host of its task, and
    ``key_name`` the secret with the API key for that region: every call about the task uses them, or another host of
    the same region, even after the stack has moved to another region. ``submits`` counts the attempts, ``lost`` those
    whose reply was lost.
    ``is_adopted`` marks a task that reconciliation found. ``running_since`` is when the task was created, and
    ``began_at`` when DashScope started it, or when it was last seen pending. ``task_ended_at`` is when DashScope ended
    it, if that was reported, and ``noticed_at`` when Gallop learned of that. ``unknown_since`` is when DashScope first
    reported the task as unknown. ``resumes`` counts the executions after the first. ``notes`` describe how the images
    were converted. ``dropped_at`` is when the newest file of its drop was uploaded, and ``dropped_again_at`` when the
    same content was dropped again. ``slot_since`` is when it got its slot. ``position`` is its last published position
    in the queue, from 1, and ``starts_at`` the start that was estimated at that time. ``reserved`` is what it reserves
    in the budgets, and ``parked`` says why it waits for a budget, if it does. ``interruption`` says why its last
    execution failed, if the sweep has not resumed the job since. ``content_name`` is the name under which an equal
    create without a key finds it. ``estimate`` is the arithmetic of ``estimated_cost``. ``marks`` are those of
    its video, if they were read. ``group`` is its place among the jobs of a request for several videos. ``signed`` is
    the copy of its video with Content Credentials, and ``unsigned`` says why there is none (``credentials.Unsigned``).
    ``account`` is the DashScope account of its slot, which it keeps until it has ended; empty means the default one, or
    none yet; ``price_scope`` says whose prices that has, if not its host, and ``account_reserved`` is what the job
    reserves under the caps of the account. ``unlisted_since`` is when DashScope's list first showed no task for its
    attempt whose reply was lost.
    """

    id: str
    client: str
    door: Door
    state: JobState
    request: VideoRequest
    base_url: str
    key_name: str
    receipts: str
    estimated_cost: Decimal
    created_at: float
    updated_at: float
    deadline: float
    submits: int = 0
    lost: int = 0
    polls: int = 0
    attempt: Attempt | None = None
    task_id: str = ""
    is_adopted: bool = False
    unknown_since: float | None = None
    resumes: int = 0
    vendor_request_id: str = ""
    running_since: float | None = None
    began_at: float | None = None
    task_ended_at: float | None = None
    noticed_at: float | None = None
    ended_at: float | None = None
    usage: Mapping[str, Any] | None = None
    cost: Decimal | None = None
    result: Result | None = None
    thumbnail: Result | None = None
    notes: tuple[str, ...] = ()
    dropped_at: float | None = None
    dropped_again_at: float | None = None
    slot_since: float | None = None
    position: int | None = None
    starts_at: float | None = None
    reserved: Reservation | None = None
    parked: Parked | None = None
    content_name: str = ""
    cancel: CancelAnswer | None = None
    failure: Failure | None = None
    interruption: Interruption | None = None
    estimate: Estimate | None = None
    marks: Marks | None = None
    group: GroupPlace | None = None
    signed: Result | None = None
    unsigned: str | None = None
    account: str = ""
    price_scope: str = ""
    account_reserved: Reservation | None = None
    unlisted_since: float | None = None

    @property
    def made_no_task(self) -> bool:
        """Whether no attempt of this job has created a task, for certain: then nothing was charged."""
        return self.attempt is None or self.attempt.end in (AttemptEnd.REFUSED, AttemptEnd.ABSENT)

    @property
    def lane(self) -> str:
        """The lane of its attempts and slots: an account and a model. Before that, the default account's."""
        return lanes.name_of(self.base_url, self.key_name, self.account, self.request.model)

    @property
    def scope(self) -> Scope:
        """The part of DashScope whose prices its account has."""
        return prices.scope_of(self.base_url, self.price_scope)

    @property
    def queue(self) -> str:
        """The queue in which it waits for a slot."""
        usual = lanes.name_of(self.base_url, self.key_name, "", self.request.model)
        return lanes.queue_of(usual, self.request.placement)

    @property
    def ticket(self) -> Ticket:
        """Its place in its queue."""
        return Ticket(self.client, self.request.priority, self.created_at, self.id)

    @property
    def queue_position(self) -> QueuePosition | None:
        """Its last published position and estimated start, if it is waiting in the queue."""
        if self.state is not JobState.QUEUED or self.slot_since or self.position is None or self.starts_at is None:
            return None
        return QueuePosition(self.position, self.starts_at)

    def task_age(self, now: float) -> float:
        """Return the seconds for which DashScope has been working on the task; 0 while there is none."""
        return max(now - (self.began_at or self.running_since or now), 0.0)

    def at(self, state: JobState, now: float) -> Job:
        """Return the job, moved to ``state``."""
        return replace(self, state=state, updated_at=now)


def is_job_id(text: str) -> bool:
    """Return whether a text has the format of a job's id."""
    return _ID.fullmatch(text) is not None


def new_job_id(now: float) -> str:
    """Create a unique job id, of the millisecond ``now`` (an epoch time in seconds) and random bits.

    So the id is a place in the order of jobs even after its record was deleted.
    """
    return _job_id((_milliseconds(now) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)).to_bytes(16, "big"))


def created_in(job_id: str, now: float) -> int | None:
    """Return the millisecond in which a job was created, by its id; None if the id is derived or has another format."""
    if not is_job_id(job_id):
        return None
    found = int.from_bytes(base64.b32decode(f"{job_id.removeprefix('job_')}======".upper()), "big") >> _RANDOM_BITS
    return found if FIRST_MILLISECOND <= found <= _milliseconds(now) else None


def job_id_of(*identity: str) -> str:
    """Derive the id of a job from the parts of its identity: the same parts give the same id."""
    digest = hashlib.sha256()
    for part in identity:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return _job_id(digest.digest()[:16])


def _milliseconds(seconds: float) -> int:
    return int(f"{seconds:.3f}".replace(".", ""))


def _job_id(entropy: bytes) -> str:
    return "job_" + base64.b32encode(entropy).decode().rstrip("=").lower()
