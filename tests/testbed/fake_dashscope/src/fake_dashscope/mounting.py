"""The fake on respx: requests that httpx would send to DashScope are answered in the same process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import respx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_dashscope.core import FakeDashScope


@contextmanager
def mounted(fake: FakeDashScope, *hosts: str) -> Iterator[respx.MockRouter]:
    """Answer DashScope's hosts, and ``hosts``, with ``fake`` inside the block; gives the router.

    No request leaves the machine: those to other hosts fail unless a route of your own answers them.
    """
    with respx.mock(assert_all_called=False) as router:
        fake.mount(router, *hosts)
        yield router
