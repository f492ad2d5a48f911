"""The S3 door's queue, processed in simulated time as Lambda's event source would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.sqs.models import sqs_backends

from tests.support.stack import aws
from tests.template.stack import batch_size
from tests.testbed.aws.account import ACCOUNT, REGION

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Door:
    """Delivers the messages of the queue to the submit function."""

    sandbox: Sandbox
    times: int = 1
    """How often each batch is delivered before its messages are deleted: SQS promises at least once."""

    def run(self, seconds: float) -> int:
        """Let so much time pass, delivering every message when it is due; gives the number of deliveries."""
        end, deliveries = self.sandbox.clock.now() + seconds, 0
        while (due := self._next_due()) is not None and due <= end:
            self.sandbox.clock.time = max(due, self.sandbox.clock.now())
            deliveries += self._deliver()
        self.sandbox.clock.time = end
        return deliveries

    def waiting(self) -> list[dict[str, Any]]:
        """Give the bodies of the messages in the queue, due or not."""
        return [json.loads(message.body) for message in self._messages()]

    def send(self, body: str) -> None:
        """Put a message into the queue."""
        aws("sqs").send_message(QueueUrl=self._url, MessageBody=body)

    def forget(self) -> None:
        """Throw all messages away."""
        self._messages().clear()

    def dead(self) -> list[str]:
        """Give the bodies of the messages that were given up."""
        queue = sqs_backends[ACCOUNT][REGION].get_queue(
            self.sandbox.stack.resource("DropDeadLetterQueue").rpartition("/")[2]
        )
        return [message.body for message in queue._messages]  # noqa: SLF001 - moto's own list

    def _deliver(self) -> int:
        received = (
            aws("sqs")
            .receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=batch_size("SubmitFunction"), AttributeNames=["All"]
            )
            .get("Messages", [])
        )
        if not received:
            return 0
        event = {"Records": [self._record(message) for message in received]}
        for _ in range(self.times):
            answer = self.sandbox.invoke("SubmitFunction", event)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in received:
            if message["MessageId"] not in failed:
                aws("sqs").delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.times

    @staticmethod
    def _record(message: dict[str, Any]) -> dict[str, Any]:
        made = record(message["MessageId"], message["Body"])
        attributes = {**made["attributes"], **message["Attributes"]}
        return {**made, "receiptHandle": message["ReceiptHandle"], "attributes": attributes}

    def _next_due(self) -> float | None:
        due = [max(message.visible_at, message.delayed_until) / 1000 + 0.001 for message in self._messages()]
        return min(due, default=None)

    def _messages(self) -> list[Any]:
        messages: list[Any] = sqs_backends[ACCOUNT][REGION].get_queue(self._url.rpartition("/")[2])._messages  # noqa: SLF001
        return messages

    @property
    def _url(self) -> str:
        return self.sandbox.stack.resource("DropQueue")


def record(message_id: str, body: str) -> dict[str, Any]:
    """Give a record of an SQS event, in the shape that Lambda documents."""
    return {
        "messageId": message_id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1545082649185",
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:gallop-DropQueue",
        "awsRegion": "eu-central-1",
    }
