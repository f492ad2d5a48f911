"""A person who uses Gallop's doors: drops files, calls the API, waits and reads the results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import httpx
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from tests.support.waiting import glances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from tests.testbed.stack import Testbed

GLANCE_SECONDS = 0.05
PATIENCE_SECONDS = 300.0
ENDED = ("succeeded", "failed", "cancelled", "refused", "finished")


class Caller:
    """A user of one testbed."""

    def __init__(self, testbed: Testbed) -> None:
        """Read the coordinates that any client would be given."""
        self.testbed = testbed
        self.at = testbed.coordinates
        self.s3 = testbed.client("s3")
        self.http = httpx.Client(
            base_url=self.at.api_url, headers={"Authorization": f"Bearer {self.at.api_key}"}, timeout=30
        )

    def __enter__(self) -> Self:
        """Return the caller."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.http.close()

    def drop(self, files: Mapping[str, bytes]) -> None:
        """Put files under drop/."""
        for name, content in files.items():
            self.s3.put_object(Bucket=self.at.inbox_bucket, Key=f"drop/{name}", Body=content)

    def receipt(self, key: str) -> dict[str, Any] | None:
        """Read a receipt, if it exists."""
        try:
            body = self.s3.get_object(Bucket=self.at.results_bucket, Key=key)["Body"]
        except ClientError:
            return None
        receipt: dict[str, Any] = json.loads(body.read())
        return receipt

    def video(self, key: str) -> bytes:
        """Read a video from the results bucket."""
        body: bytes = self.s3.get_object(Bucket=self.at.results_bucket, Key=key)["Body"].read()
        return body

    def wait_for_receipt(self, key: str, *states: str) -> dict[str, Any]:
        """Wait until a receipt has one of these states, or any final state."""
        for _ in glances(PATIENCE_SECONDS, GLANCE_SECONDS):
            receipt = self.receipt(key)
            if receipt is not None and receipt["state"] in (states or ENDED):
                return receipt
        raise AssertionError(f"{key} never had a final state: {self.receipt(key)}")

    def wait_for_thumbnail(self, key: str) -> dict[str, Any]:
        """Wait until the receipt of a video has its thumbnail, which follows the end of the job."""
        for _ in glances(PATIENCE_SECONDS, GLANCE_SECONDS):
            receipt = self.receipt(key) or {}
            if receipt.get("thumbnail"):
                return receipt
        raise AssertionError(f"{key} never had a thumbnail: {self.receipt(key)}")

    def wait_for_cancel(self, key: str) -> dict[str, Any]:
        """Wait until a receipt has the answer to a CANCEL."""
        for _ in glances(PATIENCE_SECONDS, GLANCE_SECONDS):
            receipt = self.receipt(key) or {}
            if receipt.get("cancel"):
                return receipt
        raise AssertionError(f"{key} never answered: {self.receipt(key)}")

    def create(self, body: Mapping[str, Any], **headers: str) -> httpx.Response:
        """Request a video."""
        return self.http.post("/v1/videos", json=body, headers=headers)

    def wait_for_job(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended."""
        job: dict[str, Any] = {}
        for _ in glances(PATIENCE_SECONDS, GLANCE_SECONDS):
            job = self.http.get(f"/v1/videos/{job_id}").json()
            if job["state"] in ENDED:
                return job
        raise AssertionError(f"{job_id} never ended: {job}")

    def wait_until_running(self, job_id: str) -> None:
        """Wait until a job has a task."""
        for _ in glances(PATIENCE_SECONDS, GLANCE_SECONDS):
            if self.http.get(f"/v1/videos/{job_id}").json()["state"] == "running":
                return
        raise AssertionError(f"{job_id} never ran")

    def wait_for_position(self, job_id: str) -> None:
        """Wait until the receipt of a job has its position in the queue."""
        for _ in glances(PATIENCE_SECONDS, GLANCE_SECONDS):
            if (self.receipt(f"videos/{job_id}/status.json") or {}).get("queue_position"):
                return
        raise AssertionError(f"{job_id} never had to wait")

    def tasks_for(self, prompt: str) -> list[dict[str, Any]]:
        """Return the tasks that the vendor's ledger has for a prompt."""
        return [task for task in self.testbed.dashscope.ledger()["tasks"] if task["prompt"] == prompt]

    def items(self) -> Iterator[dict[str, Any]]:
        """Read the whole table, as its operator can."""
        read: Callable[[Any], Any] = TypeDeserializer().deserialize
        table = self.testbed.aws.outputs()["JobTableName"]
        pages = self.testbed.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return ({name: read(value) for name, value in item.items()} for page in pages for item in page["Items"])

    def dead_letters(self) -> int:
        """Return the number of messages in the dead-letter queue."""
        sqs = self.testbed.client("sqs")
        (url,) = [url for url in sqs.list_queues()["QueueUrls"] if "DeadLetter" in url]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(attributes["Attributes"]["ApproximateNumberOfMessages"])
