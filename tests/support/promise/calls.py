"""The external calls of a function, each of which may be its last."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Killed(BaseException):
    """The process is gone: nothing that it still tries reaches anyone."""


@dataclass(slots=True)
class Calls:
    """Counts the calls of one run after the other, and kills a run at the call that it was told to.

    ``kill_at`` is the number of calls that are served before the end: after so many, not one more is made.
    """

    made: list[str] = field(default_factory=list)
    kill_at: int | None = None
    on_call: Callable[[str], None] | None = None
    """Called with each call's name once it was served."""
    _dead: bool = False

    @contextmanager
    def run(self, kill_at: int | None = None) -> Iterator[None]:
        """Make one run of a function; its end, too, is a place to be killed at."""
        self.made, self.kill_at, self._dead = [], kill_at, False
        try:
            yield
            self._check()
        finally:
            self.kill_at, self._dead = None, False

    def before(self, name: str) -> None:
        """Let a call leave, unless the process is gone."""
        del name
        self._check()

    def after(self, name: str) -> None:
        """Note a call that was served."""
        self.made.append(name)
        if self.on_call:
            self.on_call(name)

    def watch(self, client: Any) -> None:  # noqa: ANN401 - a client of any service
        """Count the calls of a boto3 client."""
        events = client.meta.events
        events.register("before-call", lambda model, **_: self.before(model.name))
        events.register("after-call", lambda model, **_: self.after(model.name))

    def _check(self) -> None:
        if self._dead or (self.kill_at is not None and len(self.made) >= self.kill_at):
            # What a dying process does on its way out does not happen either.
            self._dead = True
            raise Killed
