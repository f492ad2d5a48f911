"""The front of a drop: what the receipts directly under its path tell of. Earlier jobs have folders of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NOBODY = ""


@dataclass(frozen=True, slots=True)
class Front:
    """What stands at the front of a drop: a job, or what was said of the drop while it has none.

    ``path`` is the prefix of its receipts and ``job`` an id, or ``NOBODY``; then ``words`` are the receipts, by file
    name. ``asked_at`` is when the newest of the files that it is about was uploaded, ``cancelled_at`` when the last
    CANCEL was. ``behind`` names those whose files may still lie at the front, and ``turn`` counts the changes; in
    turn 0 nothing was ever said.
    """

    path: str
    job: str = NOBODY
    words: Mapping[str, Any] = field(default_factory=dict)
    asked_at: float = 0.0
    cancelled_at: float = 0.0
    behind: tuple[str, ...] = ()
    turn: int = 0

    def place_of(self, job_id: str) -> str:
        """Give the prefix under which a job's files belong now."""
        return self.path if self.turn == 0 or self.job == job_id else f"{self.path}/{job_id}"

    def outlasts(self, asked_at: float, job_id: str = NOBODY) -> bool:
        """Tell whether files whose newest is from then were overtaken: by a CANCEL, or by another job of newer ones.

        ``job_id`` is the job that is made of them: it never overtakes itself, however its time was rounded.
        """
        return self.cancelled_at >= asked_at or (self.job not in (NOBODY, job_id) and self.asked_at > asked_at)

    def with_job(self, job_id: str, asked_at: float) -> Front:
        """Put a job to the front."""
        return self._turned(job_id, {}, asked_at)

    def with_words(self, words: Mapping[str, Any], asked_at: float) -> Front:
        """Put what is said of a drop without a job to the front."""
        return self._turned(NOBODY, words, asked_at)

    def cancelled(self, at: float) -> Front:
        """Note a CANCEL: what was uploaded before it starts no more."""
        return replace(self, cancelled_at=at, turn=self.turn + 1)

    def tidied(self) -> Front:
        """Note that nobody else's files lie at the front any more."""
        return replace(self, behind=(), turn=self.turn + 1)

    def may_remove(self, owner: str, name: str) -> bool:
        """Tell whether a file at the front is left from before."""
        return owner in self.behind and not (owner == NOBODY and name in self.words)

    def says(self, words: Mapping[str, Any]) -> bool:
        """Tell whether this is said already; when it was first said does not matter."""
        return self.turn > 0 and self.job == NOBODY and _timeless(self.words) == _timeless(words)

    def _turned(self, job_id: str, words: Mapping[str, Any], asked_at: float) -> Front:
        before = () if self.turn == 0 else (*self.behind, self.job)
        behind = tuple(owner for owner in dict.fromkeys(before) if owner != job_id or owner == NOBODY)
        return replace(self, job=job_id, words=words, asked_at=asked_at, behind=behind, turn=self.turn + 1)


def _timeless(words: Mapping[str, Any]) -> str:
    plain = {
        name: {key: value for key, value in receipt.items() if key not in {"since", "time", "until"}}
        for name, receipt in words.items()
    }
    return json.dumps(plain, sort_keys=True)
