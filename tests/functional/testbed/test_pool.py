"""The processes of one function, taken in turns."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, cast

from tests.functional.testbed.conftest import eventually
from tests.testbed.aws.pool import Pool

if TYPE_CHECKING:
    from tests.testbed.aws.worker import Worker


class Idler:
    """Stands for a process that does nothing."""

    alive = True

    def start(self) -> None:
        """Be there at once."""

    def close(self) -> None:
        """Leave nothing."""


def test_who_waits_is_served_before_who_comes_later() -> None:
    """In a crowd nobody waits until the door gives up, while others pass."""
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
