"""What both clients have in common when they use httpx: its limits, its arguments for a call, and what is logged."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.client.effects import Call

AT_A_TIME = 4
# A long poll answers within 25 seconds, and API Gateway ends every request after 30.
TIMEOUT = httpx.Timeout(40, connect=10)
# Without encryption only this machine is called: a proxy of the environment must not see the key in clear.
NO_PROXY = {"http://": None}


@contextmanager
def options(call: Call) -> Iterator[dict[str, Any]]:
    """Yield the arguments of httpx for a call; its file is open as long as the block lasts."""
    made: dict[str, Any] = {"headers": dict(call.headers), "follow_redirects": False}
    if call.form is None:
        yield made if call.content is None else {**made, "content": call.content}
        return
    with call.form.file.open(call.form.report) as file:
        # S3 ignores what follows the file.
        yield {**made, "data": dict(call.form.fields), "files": {"file": ("file", file)}}


def keep_addresses_out_of_logs() -> None:
    """Let httpx, which logs the address of each request, log signed ones without their signature."""
    logger = logging.getLogger("httpx")
    if _unsigned not in logger.filters:
        logger.addFilter(_unsigned)


def _unsigned(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(_without_query(one) if isinstance(one, httpx.URL) else one for one in record.args)
    return True


def _without_query(url: httpx.URL) -> httpx.URL:
    return url.copy_with(query=None) if b"signature" in url.query.lower() else url
