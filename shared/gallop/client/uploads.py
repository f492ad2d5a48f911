"""How the files of a request reach Gallop: small ones inside the request, all others by signed forms, side by side."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gallop.client import replies
from gallop.client.door import ask
from gallop.client.effects import Call, Form, Together
from gallop.client.errors import Refused
from gallop.client.jobs import Transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.client.door import Door
    from gallop.client.effects import Flow
    from gallop.client.requests import Request
    from gallop.client.sources import Local

PATH, INVALID = "/v1/uploads", 400
# The maximum body is 4.5 MB, and base64 makes four bytes of three.
INLINE_BYTES = 3_000_000


def send_files(door: Door, request: Request, progress: Callable[[Transfer], object] | None) -> Flow[dict[str, str]]:
    """Upload what is large; return the addresses of all files on this machine, by their SHA-256.

    Raises:
        OSError: a file cannot be read.
        Unreachable: an upload was interrupted through all retries.
        Refused: a file is too large, or of a type that Gallop does not take.

    """
    inline = _inline(request)
    large = [file for file in request.local if file.sha256 not in inline]
    ids = (yield Together([upload(door, file, progress) for file in large])) if large else []
    return inline | {file.sha256: upload_id for file, upload_id in zip(large, ids, strict=True)}


def upload(door: Door, file: Local, progress: Callable[[Transfer], object] | None) -> Flow[str]:
    """Upload a file; return its id for a request."""
    try:
        reply = yield from ask(door.call("POST", PATH, {"content_type": file.media_type}))
        upload_id, url, fields = replies.read(reply, lambda view: (str(view["id"]), view["url"], view["fields"]))
        yield from ask(Call("POST", url, form=Form(fields, file, partial(_report, progress, file))))
    except Refused as refused:
        raise _about(file, refused) from None
    return upload_id


def _about(file: Local, refused: Refused) -> Refused:
    """Return a refusal that names the file, if it is about that: its type, or its size."""
    if refused.status != INVALID:
        return refused
    faults = tuple(replace(fault, file=file.name, pointer="") for fault in refused.faults)
    return Refused(refused.status, refused.code, f"{file.name}: {refused.detail}", refused.remedy, faults)


def _inline(request: Request) -> dict[str, str]:
    """Return the data URIs of the images that a request has room for, the smallest first."""
    count = Counter(source.sha256 for _, source in request.media if not isinstance(source, str))
    room, found = INLINE_BYTES, {}
    for file in sorted(request.local, key=lambda file: file.size):
        size = file.size * count[file.sha256]
        if size <= room and file.media_type.startswith("image/"):
            room -= size
            data = base64.b64encode(file.data()).decode()
            found[file.sha256] = f"data:{file.media_type};base64,{data}"
    return found


def _report(progress: Callable[[Transfer], object] | None, file: Local, done: int) -> None:
    if progress:
        progress(Transfer(file.name, done, file.size))
