"""The front of a drop: what the receipts directly under its path tell of. Earlier jobs have folders of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_JOB = ""


@dataclass(frozen=True, slots=True)
class CurrentDrop:
    """What stands at the front of a drop: a job, or what was said of the drop while it has none.

    ``path`` is the prefix of its receipts and ``job`` an id, or ``NOBODY``; then ``words`` are the receipts, by file
    name. ``asked_at`` is when the newest of the files that it is about was uploaded, ``cancelled_at`` when the last
    CANCEL was. ``behind`` names those whose files may still lie at the front, and ``turn`` counts the changes; in
    turn 0 nothing was ever said.
    """

    path: str
    job: str = NO_JOB
    receipts: Mapping[str, Any] = field(default_factory=dict)
    uploaded_at: float = 0.0
    cancelled_at: float = 0.0
    displaced: tuple[str, ...] = ()
    version: int = 0

    def prefix_for(self, job_id: str) -> str:
        """Give the prefix under which a job's files belong now."""
        return self.path if self.version == 0 or self.job == job_id else f"{self.path}/{job_id}"

    def supersedes(self, uploaded_at: float, job_id: str = NO_JOB) -> bool:
        """Tell whether files whose newest is from then were overtaken: by a CANCEL, or by another job of newer ones.

        ``job_id`` is the job that is made of them: it never overtakes itself, however its time was rounded.
        """
        return self.cancelled_at >= uploaded_at or (self.job not in (NO_JOB, job_id) and self.uploaded_at > uploaded_at)

    def with_job(self, job_id: str, uploaded_at: float) -> CurrentDrop:
        """Put a job to the front."""
        return self._replaced(job_id, {}, uploaded_at)

    def with_receipts(self, receipts: Mapping[str, Any], uploaded_at: float) -> CurrentDrop:
        """Put what is said of a drop without a job to the front."""
        return self._replaced(NO_JOB, receipts, uploaded_at)

    def with_cancel(self, at: float) -> CurrentDrop:
        """Note a CANCEL: what was uploaded before it starts no more."""
        return replace(self, cancelled_at=at, version=self.version + 1)

    def cleaned_up(self) -> CurrentDrop:
        """Note that nobody else's files lie at the front any more."""
        return replace(self, displaced=(), version=self.version + 1)

    def may_remove(self, owner: str, name: str) -> bool:
        """Tell whether a file at the front is left from before."""
        return owner in self.displaced and not (owner == NO_JOB and name in self.receipts)

    def shows(self, receipts: Mapping[str, Any]) -> bool:
        """Tell whether this is said already; when it was first said does not matter."""
        return self.version > 0 and self.job == NO_JOB and _without_times(self.receipts) == _without_times(receipts)

    def _replaced(self, job_id: str, receipts: Mapping[str, Any], uploaded_at: float) -> CurrentDrop:
        before = () if self.version == 0 else (*self.displaced, self.job)
        displaced = tuple(owner for owner in dict.fromkeys(before) if owner != job_id or owner == NO_JOB)
        return replace(
            self, job=job_id, receipts=receipts, uploaded_at=uploaded_at, displaced=displaced, version=self.version + 1
        )


def _without_times(receipts: Mapping[str, Any]) -> str:
    plain = {
        name: {key: value for key, value in receipt.items() if key not in {"updated_at", "waiting_until", "retry_at"}}
        for name, receipt in receipts.items()
    }
    return json.dumps(plain, sort_keys=True)
