"""What Gallop answers, as values that cannot be changed. Unknown fields of later versions are in ``data``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["queued", "submitting", "outcome_unknown", "running", "storing", "succeeded", "failed", "cancelled"]
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job ended without a video: a stable ``code``, what happened, and what to do."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the results bucket: its size in bytes, its SHA-256 in hexadecimal, its type, and its S3 address."""

    bytes: int
    sha256: str
    content_type: str
    s3: str


@dataclass(frozen=True, slots=True)
class Marks:
    """Which marks of origin a video carries: found, not verified. None where that is not known."""

    c2pa: bool | None
    xmp: bool | None
    aigc: bool | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a video comes from.

    ``generated_at`` is ISO 8601, hashes are SHA-256 in hexadecimal. ``prompt_sha256`` is None without a prompt, and
    ``marks`` for a video that was stored by a version which did not read them. ``data`` is all that the door says.
    """

    ai_generated: bool
    digital_source_type: str
    generator: str
    model: str
    task_id: str | None
    generated_at: str | None
    video_sha256: str
    prompt_sha256: str | None
    watermark_requested: bool | None
    marks: Marks | None
    data: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Job:
    """A job, as it was when it was asked for.

    Times are seconds since the epoch, costs US dollars. ``progress`` is from 0 to 100. ``queue_position`` counts from 1
    while the job waits. ``cost`` is what was charged, and known at the end. ``is_repeated`` says that ``make`` found a
    job which existed. ``data`` is the whole answer of the door.
    """

    id: str
    state: State
    progress: int
    model: str
    prompt: str = field(repr=False)
    created_at: int
    updated_at: int
    completed_at: int | None
    queue_position: int | None
    estimated_start: int | None
    estimated_cost: float
    cost: float | None
    metadata: Mapping[str, Any] = field(repr=False)
    error: JobError | None
    video: StoredFile | None
    thumbnail: StoredFile | None
    signed: StoredFile | None
    provenance: Provenance | None
    is_repeated: bool
    data: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def has_ended(self) -> bool:
        """Whether the state can no longer change."""
        return self.state in ENDED

    @classmethod
    def read(cls, view: Mapping[str, Any], *, is_repeated: bool = False) -> Self:
        """Read the JSON of the HTTPS door.

        Raises:
            KeyError: it is not a job.

        """
        error = view["error"]
        return cls(
            **{name: view[name] for name in _PLAIN},
            error=JobError(error["code"], error["message"], error.get("remedy", "")) if error else None,
            video=_file(view.get("video")),
            thumbnail=_file(view.get("thumbnail")),
            signed=_file((view.get("credentials") or {}).get("file")),
            provenance=_provenance(view.get("provenance")),
            is_repeated=is_repeated,
            data=view,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """The jobs of one request for several videos, in their order: each has a seed of its own, in ``job.data["seed"]``.

    ``make_folder_group`` returns one of a single job, which has the id of that job.

    ``estimated_cost`` is that of all, in US dollars. ``is_repeated`` says that ``make_group`` found a group which
    existed; jobs of it that were deleted are missing. ``data`` is the whole answer of the door.
    """

    id: str
    jobs: tuple[Job, ...]
    estimated_cost: float
    is_repeated: bool
    data: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, view: Mapping[str, Any], *, is_repeated: bool = False) -> Self:
        """Read the JSON of the HTTPS door: a group, or a single job.

        Raises:
            KeyError: it is neither.

        """
        if view["object"] != "video.group":
            return cls.of(Job.read(view, is_repeated=is_repeated))
        jobs = tuple(Job.read(one, is_repeated=is_repeated) for one in view["data"])
        return cls(view["id"], jobs, view["estimated_cost"], is_repeated, view)

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return a group of a single job."""
        return cls(job.id, (job,), job.estimated_cost, job.is_repeated, job.data)


@dataclass(frozen=True, slots=True)
class Price:
    """What a request would cost, in US dollars; ``formula`` is the arithmetic of one video, for people."""

    model: str
    estimated_cost: float
    formula: str
    data: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, view: Mapping[str, Any]) -> Self:
        """Read the JSON of the HTTPS door.

        Raises:
            KeyError: it is not a price.

        """
        return cls(view["model"], view["estimated_cost"], view["estimated_cost_detail"]["formula"], view)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The answer to a cancel, and the job after it.

    ``too_late`` means that DashScope has started, or may have: the job continues, and may be charged.
    """

    answer: Literal["cancelled", "too_late", "already_finished"]
    message: str
    job: Job

    @classmethod
    def read(cls, view: Mapping[str, Any]) -> Self:
        """Read the JSON of the HTTPS door.

        Raises:
            KeyError: it is not the answer to a cancel.

        """
        return cls(view["cancel"]["answer"], view["cancel"]["message"], Job.read(view))


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far an upload or a download is: the file's name, and its bytes that are done, of how many."""

    name: str
    done: int
    total: int


_PLAIN = (
    "id",
    "state",
    "progress",
    "model",
    "prompt",
    "created_at",
    "updated_at",
    "completed_at",
    "queue_position",
    "estimated_start",
    "estimated_cost",
    "cost",
    "metadata",
)


_ORIGIN = (
    "ai_generated",
    "digital_source_type",
    "generator",
    "model",
    "task_id",
    "generated_at",
    "video_sha256",
    "prompt_sha256",
    "watermark_requested",
)


def _provenance(view: Mapping[str, Any] | None) -> Provenance | None:
    if view is None:
        return None
    marks = view["marks"]
    found = marks and Marks(marks["c2pa"], marks["xmp"], marks["aigc"])
    return Provenance(**{name: view[name] for name in _ORIGIN}, marks=found, data=view)


def _file(view: Mapping[str, Any] | None) -> StoredFile | None:
    return StoredFile(view["bytes"], view["sha256"], view["content_type"], view["s3"]) if view else None
