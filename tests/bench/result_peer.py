"""What a user would write: DashScope's video, streamed into ``upload_fileobj``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import boto3
import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stream:
    """The pieces of a response as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Begin before the first piece."""
        self.pieces = pieces
        self.rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; at the end, none."""
        parts, length = [self.rest], len(self.rest)
        while length < size:
            piece = next(self.pieces, b"")
            if not piece:
                break
            parts.append(piece)
            length += len(piece)
        data = b"".join(parts)
        self.rest = data[size:]
        return data[:size]


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Ask for the address of the video, and copy it into the bucket."""
    base, bucket = os.environ["DASHSCOPE_BASE_URL"], os.environ["RESULTS_BUCKET"]
    with httpx.Client(timeout=60) as client:
        url = client.get(f"{base}/tasks/{event['job_id']}").json()["output"]["video_url"]
        with client.stream("GET", url) as response:
            file = cast("BinaryIO", Stream(response.iter_bytes(256 * 1024)))
            boto3.client("s3").upload_fileobj(file, bucket, f"videos/{event['job_id']}/video.mp4")
    return {"next": "finish"}
