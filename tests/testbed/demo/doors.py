"""The two doors as their users know them: put files and read receipts, or send a request and ask."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import httpx

if TYPE_CHECKING:
    from tests.testbed.stack import Testbed

DROP = Path(__file__).parents[1] / "pictures" / "qipao"
REQUEST = Path(__file__).with_name("request.json")
# A cold start on a busy machine takes seconds; AWS's HTTP API gives up after 30.
TIMEOUT_SECONDS = 30


class DemoFailed(Exception):
    """The demo did not show what it promises; the message says what happened, in whole sentences."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a door shows of its job at one moment; ``cost`` in USD, estimated until the task has ended."""

    job_id: str
    state: str
    cost: float
    is_estimate: bool


class Door(Protocol):
    """One way in and out."""

    name: str
    arrival: str
    parcel: str
    waits_for: str
    receipts: str

    def send(self) -> Snapshot | None:
        """Ask for a video; gives the job if the door names it at once."""
        ...

    def look(self) -> Snapshot | None:
        """See how the job stands; None as long as there is none."""
        ...

    def fetch_video(self) -> bytes:
        """Give the finished video."""
        ...


@dataclass(slots=True)
class S3Door:
    """Drops a folder of pictures with its prompt, and reads the receipts that mirror it."""

    testbed: Testbed
    name: str = "S3 door"
    arrival: str = "dropped"
    parcel: str = field(init=False)
    waits_for: str = "becomes a job once nothing in it has changed for 10 s"
    receipts: str = DROP.name

    def __post_init__(self) -> None:
        """See what there is to drop."""
        self.parcel = f"drop/{DROP.name}/: {len(list(DROP.glob('*.jpg')))} pictures and prompt.txt"

    def send(self) -> Snapshot | None:
        """Put the files, in no order that matters."""
        s3, bucket = self.testbed.client("s3"), self.testbed.coordinates.inbox_bucket
        for file in DROP.iterdir():
            s3.put_object(Bucket=bucket, Key=f"drop/{DROP.name}/{file.name}", Body=file.read_bytes())
        return None

    def look(self) -> Snapshot | None:
        """Read ``status.json``; a drop that was refused has an ``error.json`` instead."""
        status = _receipt(self.testbed, f"{self.receipts}/status.json")
        if status is None:
            refusal = _receipt(self.testbed, f"{self.receipts}/error.json")
            if refusal is not None:
                raise DemoFailed(_reason("The drop was refused", refusal["error"]))
            return None
        return _snapshot(self.name, status, status["job"])

    def fetch_video(self) -> bytes:
        """Take it out of the results bucket."""
        return _read(self.testbed, f"{self.receipts}/video.mp4")


@dataclass(slots=True)
class HttpsDoor:
    """Sends a request with a key of its own, and asks for the video it was promised."""

    testbed: Testbed
    http: httpx.Client
    name: str = "HTTPS door"
    arrival: str = "sent"
    parcel: str = "POST /v1/videos: 3 image URLs and a prompt"
    waits_for: str = "becomes a job once it has been checked"
    receipts: str = field(init=False, default="")
    _job_id: str = field(init=False, default="")

    def send(self) -> Snapshot | None:
        """Send the request, byte for byte."""
        answer = self.http.post(
            "/v1/videos", content=REQUEST.read_bytes(), headers={"Content-Type": "application/json"}
        )
        if answer.status_code != httpx.codes.ACCEPTED:
            raise DemoFailed(f"POST /v1/videos answered {answer.status_code}: {answer.text}")
        self._job_id = answer.json()["id"]
        self.receipts = f"videos/{self._job_id}"
        return _snapshot(self.name, answer.json(), self._job_id)

    def look(self) -> Snapshot | None:
        """Ask ``GET /v1/videos/{id}``."""
        if not self._job_id:
            return None
        answer = self.http.get(f"/v1/videos/{self._job_id}")
        if answer.status_code != httpx.codes.OK:
            raise DemoFailed(f"GET /v1/videos/{self._job_id} answered {answer.status_code}: {answer.text}")
        sight = _snapshot(self.name, answer.json(), self._job_id)
        if sight.state == "succeeded" and not self._has_last_receipt():
            # The record moves on a moment before the receipts do, and the demo shows both.
            return replace(sight, state="storing")
        return sight

    def fetch_video(self) -> bytes:
        """Follow ``GET /v1/videos/{id}/content`` to the bucket; httpx leaves the key behind on the way."""
        answer = self.http.get(f"/v1/videos/{self._job_id}/content", follow_redirects=True)
        if answer.status_code != httpx.codes.OK:
            raise DemoFailed(f"The video's address answered {answer.status_code}.")
        return answer.content

    def _has_last_receipt(self) -> bool:
        status = _receipt(self.testbed, f"{self.receipts}/status.json")
        return status is not None and status["state"] == "succeeded"


def caller(testbed: Testbed) -> httpx.Client:
    """Make a client with a key of its own."""
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
    answer = testbed.client("s3").get_object(Bucket=testbed.coordinates.results_bucket, Key=key)
    body: bytes = answer["Body"].read()
    return body


def _snapshot(door: str, shown: dict[str, Any], job_id: str) -> Snapshot:
    if shown["error"]:
        raise DemoFailed(_reason(f"The job of the {door} failed", shown["error"]))
    is_estimate = shown["cost"] is None
    return Snapshot(job_id, shown["state"], shown["estimated_cost"] if is_estimate else shown["cost"], is_estimate)


def _reason(what: str, error: dict[str, str]) -> str:
    return f"{what} ({error['code']}). {error['message']} {error['remedy']}"
