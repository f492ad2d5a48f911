"""The only wait on real time in tests: for what real processes and threads do, with a deadline.

A clock that jumps may do so meanwhile. Everything else waits on the clock of the testbed or of the test.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.testbed.jumping_clock import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 180.0
GLANCE_S = 0.01


def glances(patience_s: float = PATIENCE_S, every_s: float = GLANCE_S) -> Iterator[None]:
    """Yield again and again, until patience is over."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        yield
        clock = current()
        if clock is None:
            time.sleep(every_s)  # noqa: TID251 - see above
        else:
            clock.glance(every_s)


def eventually(
    condition: Callable[[], Any],
    patience_s: float = PATIENCE_S,
    every_s: float = GLANCE_S,
    otherwise: str = "it did not come about in time",
) -> Any:  # noqa: ANN401 - whatever the condition gives
    """Return what the condition gives, as soon as that is something."""
    for _ in glances(patience_s, every_s):
        if found := condition():
            return found
    raise AssertionError(otherwise)
