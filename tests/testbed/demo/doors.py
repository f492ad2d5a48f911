"""The two doors as users know them: upload files and read receipts, or send a request and poll."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import httpx

if TYPE_CHECKING:
    from tests.testbed.demo.samples import Sample
    from tests.testbed.stack import Testbed

FOLDER = "fan"
# A cold start on a busy machine takes seconds; AWS's HTTP API times out after 30.
TIMEOUT_SECONDS = 30


class DemoFailed(Exception):
    """A check of the demo failed; the message says what happened, in complete sentences."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A job as its door last showed it; ``cost`` is in USD, estimated until the task has ended."""

    job_id: str
    state: str
    cost: float
    is_estimate: bool


class Door(Protocol):
    """One door, as the demo uses it for one job."""

    sample: Sample
    arrival: str
    waits_for: str
    receipts: str

    def send(self) -> Snapshot | None:
        """Request a video; return the job if the door already reports one."""
        ...

    def look(self) -> Snapshot | None:
        """Return the current state of the job; None while there is none."""
        ...

    def fetch_video(self) -> bytes:
        """Return the finished video."""
        ...


@dataclass(slots=True)
class S3Door:
    """Drops a folder, and reads the receipts that mirror it."""

    sample: Sample
    testbed: Testbed
    arrival: str = "dropped"
    waits_for: str = "becomes a job when it has not changed for 20 s"
    receipts: str = FOLDER

    def send(self) -> Snapshot | None:
        """Upload the files, in any order."""
        s3, bucket = self.testbed.client("s3"), self.testbed.coordinates.inbox_bucket
        for name, data in self.sample.files.items():
            s3.put_object(Bucket=bucket, Key=f"drop/{FOLDER}/{name}", Body=data)
        return None

    def look(self) -> Snapshot | None:
        """Read ``status.json``; a refused drop has an ``error.json`` instead."""
        status = _receipt(self.testbed, f"{self.receipts}/status.json")
        if status is None:
            refusal = _receipt(self.testbed, f"{self.receipts}/error.json")
            if refusal is not None:
                raise DemoFailed(_reason("The drop was refused", refusal["error"]))
            return None
        return _snapshot(self.sample.kind, status, status["job"])

    def fetch_video(self) -> bytes:
        """Download it from the results bucket."""
        return _read(self.testbed, f"{self.receipts}/video.mp4")


@dataclass(slots=True)
class HttpsDoor:
    """Sends a request with its own API key, and polls until the video is ready."""

    sample: Sample
    testbed: Testbed
    http: httpx.Client
    arrival: str = "sent"
    waits_for: str = "becomes a job when it has been checked"
    receipts: str = field(init=False, default="")
    _job_id: str = field(init=False, default="")

    def send(self) -> Snapshot | None:
        """Send the request of the sample."""
        assert self.sample.send is not None
        response = self.sample.send(self.http, self.sample)
        if response.status_code != httpx.codes.ACCEPTED:
            raise DemoFailed(f"POST /v1/videos returned HTTP {response.status_code}: {response.text}")
        self._job_id = response.json()["id"]
        self.receipts = f"videos/{self._job_id}"
        return _snapshot(self.sample.kind, response.json(), self._job_id)

    def look(self) -> Snapshot | None:
        """Poll ``GET /v1/videos/{id}``."""
        if not self._job_id:
            return None
        response = self.http.get(f"/v1/videos/{self._job_id}")
        if response.status_code != httpx.codes.OK:
            raise DemoFailed(f"GET /v1/videos/{self._job_id} returned HTTP {response.status_code}: {response.text}")
        snapshot = _snapshot(self.sample.kind, response.json(), self._job_id)
        if snapshot.state == "succeeded" and not self._has_last_receipt():
            # The record changes a moment before the receipts do, and the demo shows both.
            return replace(snapshot, state="storing")
        return snapshot

    def fetch_video(self) -> bytes:
        """Follow ``GET /v1/videos/{id}/content`` to the bucket; httpx drops the key on the redirect."""
        response = self.http.get(f"/v1/videos/{self._job_id}/content", follow_redirects=True)
        if response.status_code != httpx.codes.OK:
            raise DemoFailed(f"The video's URL returned HTTP {response.status_code}.")
        return response.content

    def _has_last_receipt(self) -> bool:
        status = _receipt(self.testbed, f"{self.receipts}/status.json")
        return status is not None and status["state"] == "succeeded"


def caller(testbed: Testbed) -> httpx.Client:
    """Create an HTTP client with its own API key."""
    return httpx.Client(
        base_url=testbed.coordinates.api_url,
        headers={"Authorization": f"Bearer {testbed.mint_key('demo')}"},
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
    )


def _receipt(testbed: Testbed, key: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(_read(testbed, key)))
    except testbed.client("s3").exceptions.NoSuchKey:
        return None


def _read(testbed: Testbed, key: str) -> bytes:
    response = testbed.client("s3").get_object(Bucket=testbed.coordinates.results_bucket, Key=key)
    body: bytes = response["Body"].read()
    return body


def _snapshot(kind: str, shown: dict[str, Any], job_id: str) -> Snapshot:
    if shown["error"]:
        raise DemoFailed(_reason(f"The {kind} job failed", shown["error"]))
    is_estimate = shown["cost"] is None
    return Snapshot(job_id, shown["state"], shown["estimated_cost"] if is_estimate else shown["cost"], is_estimate)


def _reason(what: str, error: dict[str, str]) -> str:
    return f"{what} ({error['code']}). {error['message']} {error['remedy']}"
