"""The external calls of a function, each of which may be its last."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.client import BaseClient

from tests.testbed.aws.kill_points import after, before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.direct import Direct
    from tests.testbed.aws.kill_points import KillPoint


class Killed(BaseException):
    """The process is gone: nothing that it still tries reaches anyone."""


@dataclass(slots=True)
class Calls:
    """Notes the calls of one run after the other, and kills a run at a named one of them."""

    made: list[str] = field(default_factory=list)
    on_call: Callable[[str], None] | None = None
    """Called with each call's name once it was served."""
    has_struck: bool = False
    """Whether the last run was killed."""
    stumbles: int = 0
    """How often a run met the bug that it has."""
    is_running: bool = False
    """Whether a function runs: other calls are the test's own."""
    _kill: KillPoint | None = None
    _bug: KillPoint | None = None
    _dead: bool = False

    @contextmanager
    def run(self, kill: KillPoint | None = None, bug: KillPoint | None = None) -> Iterator[None]:
        """Make one run of a function; its end, too, is a place to be killed at. A bug raises an exception at a call."""
        self.made, self._kill, self._bug, self.has_struck, self.is_running = [], kill, bug, False, True
        try:
            yield
            self._check()
        finally:
            self._kill, self._bug, self._dead, self.is_running = None, None, False, False

    def suspended(self) -> tuple[Any, ...]:
        """Return what ``restore`` needs of the run, which sleeps while others run."""
        run = (self.made, self.has_struck, self.is_running, self._kill, self._bug, self._dead)
        self.is_running, self._kill, self._bug, self._dead = False, None, None, False
        return run

    def restore(self, run: tuple[Any, ...]) -> None:
        """Continue a run that slept."""
        self.made, self.has_struck, self.is_running, self._kill, self._bug, self._dead = run

    def before(self, name: str) -> None:
        """Let a call leave, unless the process is gone."""
        if self._kill == before(name, self.made.count(name) + 1):
            self._dead = True
        self._check()
        self._stumble(before(name, self.made.count(name) + 1))

    def after(self, name: str) -> None:
        """Note a call that was served."""
        self.made.append(name)
        if self.on_call:
            self.on_call(name)
        if self._kill == after(name, self.made.count(name)):
            self._dead = True
        self._stumble(after(name, self.made.count(name)))

    @contextmanager
    def noted(self, name: str) -> Iterator[None]:
        """Make a call, unless the process is gone."""
        self.before(name)
        try:
            yield
        finally:
            self.after(name)

    @contextmanager
    def of_all_clients(self, direct: Direct | None) -> Iterator[None]:
        """Note the calls that a function makes, whichever client it makes; they go directly where there is a way."""
        by_http = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - botocore has no other seam

        def answer(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - any answer
            found = direct and direct.answer(client, operation, parameters)
            return by_http(client, operation, parameters) if found is None else found

        def call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - any answer
            if not self.is_running:
                return answer(client, operation, parameters)
            with self.noted(operation):
                return answer(client, operation, parameters)

        with patch.object(BaseClient, "_make_api_call", call):
            yield

    def _stumble(self, place: KillPoint) -> None:
        if self._bug == place:
            self.stumbles += 1
            raise KeyError("a bug")

    def _check(self) -> None:
        if self._dead:
            # What a dying process does on its way out does not happen either.
            self.has_struck = True
            raise Killed
