"""The S3 door's queue: messages to look at a drop again later, and those that failed too often."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DELAY_SECONDS = 900
# A failed message comes back after the first, then the second, then each time after the third.
RETRY_SECONDS = (10, 60, 300)


@aws.guarded
def send_later(message: Mapping[str, Any], seconds: float) -> None:
    """Send the S3 door a message, delivered after ``seconds``; the maximum is 15 minutes (SQS's limit)."""
    aws.sqs().send_message(
        QueueUrl=settings.drop_queue_url(),
        MessageBody=json.dumps(message),
        DelaySeconds=max(0, min(round(seconds), MAX_DELAY_SECONDS)),
    )


@aws.guarded
def retry(receipt_handle: str, received: int) -> None:
    """Let a message that failed come back soon; ``received`` is how often it has been received.

    Otherwise it comes back when the queue's visibility time-out is over, which is meant for the longest work.
    """
    seconds = RETRY_SECONDS[min(received, len(RETRY_SECONDS)) - 1]
    aws.sqs().change_message_visibility(
        QueueUrl=settings.drop_queue_url(), ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
    )


@aws.guarded
def given_up() -> list[tuple[str, str]]:
    """Receive up to ten messages that failed too often, each with the handle that removes it.

    Those that are not removed come again later.
    """
    url = settings.drop_dead_letter_queue_url()
    messages = aws.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [(message["Body"], message["ReceiptHandle"]) for message in messages]


@aws.guarded
def remove(receipt_handle: str) -> None:
    """Remove a message that was given up."""
    aws.sqs().delete_message(QueueUrl=settings.drop_dead_letter_queue_url(), ReceiptHandle=receipt_handle)
