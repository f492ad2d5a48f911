"""The key is sent to https addresses only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import respx
from gallop.adapters import dashscope
from gallop.domain.errors import VendorUnreachable

from fake_dashscope import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS: dict[str, Callable[[str], object]] = {
    "submit": lambda url: dashscope.submit(url, KEY, {}),
    "query": lambda url: dashscope.query(url, KEY, "task"),
    "cancel": lambda url: dashscope.cancel(url, KEY, "task"),
    "list": lambda url: dashscope.tasks_between(url, KEY, "model", 0, 60),
}


@pytest.mark.parametrize("url", ["http://dashscope.aliyuncs.com/api/v1", "http://127.0.0.1@example.com/api/v1"])
@pytest.mark.parametrize("call", CALLS)
def test_no_request_is_sent_in_clear(call: str, url: str) -> None:
    """A record of an earlier version may name such an address: the request counts as not sent, and is tried later."""
    with respx.mock(assert_all_called=False) as router:
        router.route().respond(200)
        with pytest.raises(VendorUnreachable, match="is not https"):
            CALLS[call](url)
        assert 0 == len(router.calls)
