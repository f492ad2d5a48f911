"""The refusal of what is new while the operator lets all jobs end."""

from __future__ import annotations

from gallop.domain.errors import CallerError


class Draining(CallerError):
    """The operator lets all jobs end, and no new one begin."""

    code = "draining"
    status = 503
    title = "Closed for maintenance"
    retryable = True
    retry_after = 60
    remedy = (
        "Retry after the seconds in `Retry-After`. This request was not charged. "
        "Accepted jobs continue, and can be read."
    )

    def __init__(self) -> None:
        """Say what is refused."""
        super().__init__("Gallop accepts no new jobs at present.")
