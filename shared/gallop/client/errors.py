"""What the client raises about Gallop. Anything else, such as a file that is not there, is Python's own exception.

::

    GallopError
    ├── Unreachable   Gallop could not be reached, and nothing was created or changed
    ├── Unknown       the answer was lost: repeat the same call, which is safe
    ├── Refused       Gallop refused the request, which costs nothing
    ├── JobFailed     the job ended without a video
    └── Corrupt       a download is not the file that Gallop stored

No message contains an API key, a prompt or a signed address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gallop.client.jobs import Job
    from gallop.domain.faults import Fault


class GallopError(Exception):
    """The base of all errors of this client."""


class Unreachable(GallopError):
    """Gallop could not be reached through all retries. Nothing was created or changed, so that nothing was charged.

    Check the address and the network, then repeat the call.
    """


class Unknown(GallopError):
    """A request may have reached Gallop, and no answer came through all retries.

    Repeat the same call: for 24 hours, the same content is the same job, so that nothing is made or charged twice.
    """


class Refused(GallopError):
    """Gallop refused a request, before it cost anything.

    ``status`` is the HTTP status, or 0 if this client refused it itself. ``code`` is stable (docs/errors.md).
    ``detail`` says what is wrong and ``remedy`` what to do. ``faults`` has each problem with its place: a field as a
    JSON pointer (``/images/0``), a header or a file. ``retry_after`` is the number of seconds after which the same
    request may succeed, if Gallop says so.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - as many as a refusal has
        self,
        status: int,
        code: str,
        detail: str,
        remedy: str = "",
        faults: tuple[Fault, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, code, detail, remedy, faults, retry_after)
        self.status = status
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.faults = faults
        self.retry_after = retry_after

    def __str__(self) -> str:
        listed = [f"{fault.message}. {fault.remedy}" for fault in self.faults]
        return " ".join(listed or [part for part in (self.detail, self.remedy) if part])


class JobFailed(GallopError):
    """A job ended as ``failed`` or ``cancelled``, without a video.

    ``job`` is the job, ``code`` the stable code of its error (docs/errors.md), ``remedy`` what to do. The error says if
    it may have been charged. The same content is the same job for 24 hours, also a failed one: use ``again`` to make
    another.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.job = job
        self.code = job.error.code if job.error else job.state
        self.remedy = job.error.remedy if job.error else ""

    def __str__(self) -> str:
        reason = f": {self.job.error.message}" if self.job.error else ""
        return " ".join(part for part in (f"Job {self.job.id} {self.job.state}{reason}", self.remedy) if part)


class Corrupt(GallopError):
    """A file was downloaded completely, twice, and is not the one that Gallop stored: its SHA-256 differs.

    Nothing was written under the final name. Somebody may have changed the file in the results bucket.
    """
