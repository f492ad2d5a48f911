"""The pool of a function's processes."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, cast

from tests.support.waiting import eventually
from tests.testbed.aws.pool import Pool

if TYPE_CHECKING:
    from tests.testbed.aws.worker import Worker


class Idler:
    """A process that does nothing."""

    alive = True

    def start(self) -> None:
        """Start immediately."""

    def close(self) -> None:
        """Release nothing."""


def test_waiting_calls_are_served_in_order() -> None:
    """Under load no call waits until it times out while later ones are served."""
    pool, served = Pool(lambda: cast("Worker", Idler()), limit=1), list[str]()

    def come(name: str) -> None:
        with pool.lease():
            served.append(name)

    waiter = Thread(target=come, args=["waits"])
    with pool.lease():
        waiter.start()
        eventually(lambda: pool.waiting)
    come("comes later")
    waiter.join()
    assert ["waits", "comes later"] == served
