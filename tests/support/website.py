"""A public website in process: its files can be read by ranges, or it misbehaves; and what DashScope downloads."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import respx
from gallop.adapters import safe_http
from moto.s3.models import s3_backends

from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "example.com"
PUBLIC, PRIVATE = "93.184.215.14", "10.0.0.1"


@dataclass(slots=True)
class Website:
    """The files of a host by their paths; ``reply`` replaces what it answers, ``address`` is that of the host."""

    files: dict[str, bytes] = field(default_factory=dict)
    reply: Callable[[httpx.Request], httpx.Response] | None = None
    address: str = PUBLIC
    requests: int = 0

    def put(self, name: str, content: bytes) -> str:
        """Publish a file; return its address."""
        self.files[f"/{name}"] = content
        return f"https://{HOST}/{name}"

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Send a range of a file, as the standard says (RFC 9110 §15.3.7)."""
        self.requests += 1
        if self.reply:
            return self.reply(request)
        content = self.files[request.url.path]
        first, last = map(int, re.findall(r"\d+", request.headers["range"]))
        data = content[first : last + 1]
        place = f"bytes {first}-{first + len(data) - 1}/{len(content)}"
        return httpx.Response(206, headers={"Content-Range": place}, content=data)

    def download(self, url: str, max_bytes: int, timeout: float) -> bytes:
        """Download a file as DashScope does: from here, or from a bucket by its presigned address."""
        del timeout
        parts = urlsplit(url)
        if parts.hostname == HOST:
            return self.files[parts.path][: max_bytes + 1]
        bucket = (parts.hostname or "").partition(".")[0]
        version = parse_qs(parts.query).get("versionId", [None])[0]
        found = s3_backends[ACCOUNT]["aws"].get_object(bucket, unquote(parts.path[1:]), version_id=version)
        content: bytes = found.value  # type: ignore[union-attr] # moto's own
        return content[: max_bytes + 1]

    def look_up(self, *_: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - as the system's resolver
        """Resolve any name to the address of the host."""
        return [(0, 0, 0, "", (self.address, 443))]


@contextmanager
def opened() -> Iterator[Website]:
    """Serve a website as long as the block lasts."""
    website = Website()
    with respx.mock(assert_all_called=False) as router, patch.object(safe_http, "_look_up", website.look_up):
        router.route(host=HOST).mock(side_effect=website.answer)
        yield website
