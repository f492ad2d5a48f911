"""The neighbours of ``save_result`` behind one loopback port.

DashScope has a video of any size, AWS has what the step needs, and the bucket keeps nothing.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from boto3.dynamodb.types import TypeSerializer
from gallop.adapters.table import job_items

from tests.support.films import PIECE, large_film

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

KEY = "sk-neighbour"
STARTED = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
COMPLETED = "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"


class StandIns(ThreadingHTTPServer):
    """Serves one job; ``stored`` counts the bytes of all parts that came to the bucket."""

    daemon_threads = True

    def __init__(self, size: int) -> None:
        """Take any free port; the video has ``size`` bytes."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.size = size
        self.stored = 0
        self.counting = Lock()
        self.updates: list[dict[str, Any]] = []
        self.job: Job | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def table(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answer DynamoDB: the record is read, and each update is noted."""
        assert self.job
        if action == "GetItem":
            item = job_items.job_record(self.job)
            return {"Item": {name: TypeSerializer().serialize(value) for name, value in item.items()}}
        self.updates.append(request)
        return {}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: StandIns
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the signature of http.server
        """Say nothing."""

    def do_GET(self) -> None:
        """Be DashScope: a task that has succeeded, and its video."""
        if urlsplit(self.path).path != "/video.mp4":
            output = {"task_status": "SUCCEEDED", "video_url": f"{self.server.url}/video.mp4"}
            self._answer(json.dumps({"output": output}).encode())
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.size))
        self.end_headers()
        for piece in large_film(self.server.size):
            self.wfile.write(piece)

    def do_PUT(self) -> None:
        """Be S3: take a part, and keep nothing of it."""
        size = self._drain()
        with self.server.counting:
            # Parts come over several connections.
            self.server.stored += size
        self.send_response(200)
        self.send_header("ETag", '"e"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """Be S3, DynamoDB or Secrets Manager."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        service, _, action = self.headers.get("X-Amz-Target", "").partition(".")
        if service.startswith("DynamoDB"):
            self._answer(json.dumps(self.server.table(action, json.loads(body))).encode())
        elif service == "secretsmanager":
            self._answer(json.dumps({"SecretString": KEY}).encode())
        else:
            self._answer((STARTED if "uploads" in self.path else COMPLETED).encode())

    def _drain(self) -> int:
        size = left = int(self.headers["Content-Length"])
        if self.headers.get("Expect") == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        while left:
            left -= len(self.rfile.read(min(left, PIECE)))
        return size

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def stand_ins(size: int) -> Iterator[StandIns]:
    """Serve, as long as the block lasts."""
    with StandIns(size) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
