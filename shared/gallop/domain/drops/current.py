"""The current job or receipts of a drop, directly under its path. Earlier jobs have subfolders of their own."""

from __future__ import annotations

import json
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from gallop.domain.drops.receipts import ERROR
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_JOB = ""


@frozen
class CurrentDrop:
    """The current state of a drop: its newest job, or the receipts that were written while it has no job.

    ``path`` is the prefix of its receipts. ``job`` is the id of its job, or of the group of its jobs, or ``NO_JOB``;
    ``receipts`` are then the receipts of the drop itself, by file name. ``uploaded_at`` is when the newest of its files
    was uploaded, and ``cancelled_at`` when the last CANCEL was, in seconds since the epoch. ``displaced`` has the
    earlier jobs and groups whose receipts may still be directly under ``path``, and ``previous`` is the one before the
    current one. ``version`` counts the changes; at 0 nothing was written yet.
    """

    path: str
    job: str = NO_JOB
    receipts: Mapping[str, Any] = field(default_factory=dict)
    uploaded_at: float = 0.0
    cancelled_at: float = 0.0
    displaced: tuple[str, ...] = ()
    previous: str = NO_JOB
    version: int = 0

    @property
    def is_refused(self) -> bool:
        """Whether its receipts say what must be fixed."""
        return ERROR in self.receipts

    @property
    def earlier(self) -> tuple[str, ...]:
        """The jobs that the current one replaced; of those whose receipts have been moved, only the last one."""
        return tuple(job for job in dict.fromkeys((*self.displaced, self.previous)) if job != NO_JOB)

    def prefix_for(self, owner: str, place: int = 0) -> str:
        """Return the prefix for the receipts of a job or group: the drop's own for the current one, else a subfolder.

        Those of a group's jobs are below that, by their ``place`` in it.
        """
        prefix = self.path if self.version == 0 or self.job == owner else f"{self.path}/{owner}"
        return f"{prefix}/{place}" if place else prefix

    def supersedes(self, uploaded_at: float, job_id: str = NO_JOB) -> bool:
        """Return whether this state supersedes files of which the newest was uploaded at ``uploaded_at``.

        It does after a later CANCEL, or with another job whose files are newer. ``job_id`` is the job of these files,
        which never supersedes itself, however its time is rounded.
        """
        return self.cancelled_at >= uploaded_at or (self.job not in (NO_JOB, job_id) and self.uploaded_at > uploaded_at)

    def with_job(self, job_id: str, uploaded_at: float) -> CurrentDrop:
        """Make a job the current one."""
        return self._replaced(job_id, {}, uploaded_at)

    def with_receipts(self, receipts: Mapping[str, Any], uploaded_at: float) -> CurrentDrop:
        """Set the receipts of a drop that has no job."""
        return self._replaced(NO_JOB, receipts, uploaded_at)

    def without_job(self) -> CurrentDrop:
        """Record that the current job was deleted, and that no earlier one is current for that."""
        return replace(self, job=NO_JOB, version=self.version + 1)

    def with_cancel(self, at: float) -> CurrentDrop:
        """Record a CANCEL: files that were uploaded before it no longer start a job."""
        return replace(self, cancelled_at=at, version=self.version + 1)

    def cleaned_up(self) -> CurrentDrop:
        """Record that the receipts of all earlier jobs have been moved."""
        return replace(self, displaced=(), version=self.version + 1)

    def may_remove(self, owner: str, name: str) -> bool:
        """Return whether a receipt directly under ``path`` belongs to an earlier state, and may be removed."""
        return owner in self.displaced and not (owner == NO_JOB and name in self.receipts)

    def shows(self, receipts: Mapping[str, Any]) -> bool:
        """Return whether these receipts are the current ones, regardless of their times."""
        return self.version > 0 and self.job == NO_JOB and _without_times(self.receipts) == _without_times(receipts)

    def _replaced(self, job_id: str, receipts: Mapping[str, Any], uploaded_at: float) -> CurrentDrop:
        before = () if self.version == 0 else (*self.displaced, self.job)
        displaced = tuple(owner for owner in dict.fromkeys(before) if owner != job_id or owner == NO_JOB)
        previous = self.job if self.job not in (NO_JOB, job_id) else self.previous
        return replace(
            self,
            job=job_id,
            receipts=receipts,
            uploaded_at=uploaded_at,
            displaced=displaced,
            previous=NO_JOB if previous == job_id else previous,
            version=self.version + 1,
        )


def _without_times(receipts: Mapping[str, Any]) -> str:
    plain = {
        name: {key: value for key, value in receipt.items() if key not in {"updated_at", "waiting_until", "retry_at"}}
        for name, receipt in receipts.items()
    }
    return json.dumps(plain, sort_keys=True)
