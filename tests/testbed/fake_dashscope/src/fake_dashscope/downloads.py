"""Downloads of results: signed GETs, whole or by range, and the faults armed for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from fake_dashscope import ids, oss
from fake_dashscope.wire import Body, Dropped, Stalled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_dashscope.faults import Fault
    from fake_dashscope.studio import Film
    from fake_dashscope.task import Task

RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
INTERNAL = oss.OssError(500, "InternalError", "We encountered an internal error. Please try again.")
BAD_RANGE = oss.OssError(416, "InvalidRange", "The requested range cannot be satisfied.")


def reply(request: httpx.Request, task: Task, film: Film, fault: Fault | None) -> httpx.Response:
    """Answer a GET whose signature is valid; raises ``OssError``."""
    kind = fault.kind if fault else ""
    if kind in {"403_expired", "500"}:
        raise oss.EXPIRED if kind == "403_expired" else INTERNAL
    start, stop = _range(request.headers.get("range", ""), film.size)
    partial = (start, stop) != (0, film.size)
    headers = _headers(task, stop - start)
    if partial:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{film.size}"
    if kind == "no_content_length":
        del headers["content-length"]
        headers["transfer-encoding"] = "chunked"
    return httpx.Response(206 if partial else 200, headers=headers, stream=Body(_chunks(film, start, stop, fault)))


def _headers(task: Task, length: int) -> dict[str, str]:
    return {
        "server": "AliyunOSS",
        "content-type": "video/mp4",
        "content-length": str(length),
        "accept-ranges": "bytes",
        "etag": f'"{task.id.replace("-", "").upper()}"',
        "last-modified": ids.http_date(task.ended),
        "x-oss-object-type": "Normal",
        "x-oss-storage-class": "Standard",
    }


def _range(header: str, size: int) -> tuple[int, int]:
    match = RANGE.match(header.strip())
    if not match or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
    if start >= stop:
        raise BAD_RANGE
    return start, stop


def _chunks(film: Film, start: int, stop: int, fault: Fault | None) -> Callable[[], Iterator[bytes]]:
    kind = fault.kind if fault else ""
    if kind == "wrong_bytes":
        return lambda: _wrong_bytes(stop - start)
    if fault is not None and kind in {"truncate", "stall"}:
        return lambda: _broken_off(film, start, stop, fault)
    return lambda: film.read(start, stop)


def _wrong_bytes(length: int) -> Iterator[bytes]:
    page = b"<html><body>This is not the video that you are looking for.</body></html>\n"
    while length > 0:
        yield page[:length]
        length -= len(page)


def _broken_off(film: Film, start: int, stop: int, fault: Fault) -> Iterator[bytes]:
    middle = (start + stop) // 2
    yield from film.read(start, middle)
    if fault.kind == "stall":
        raise Stalled(fault.options["seconds"])
    raise Dropped(
        "peer closed connection without sending complete message body "
        f"(received {middle - start} bytes, expected {stop - start})",
    )
