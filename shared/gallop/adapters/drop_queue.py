"""The S3 door's queue: messages to look at a drop again later, and those that failed too often."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_DELAY_SECONDS = 900
# A failed message comes back after the first, then the next, and in the end each time after the last: with as many
# deliveries as the template has, it is given up after a quarter of an hour.
RETRY_SECONDS = (10, 20, 40, 70)
# How long the dead letters that an operator lists are hidden from others.
LISTED_SECONDS = 60
# How long those are hidden that an operator is asked about: another receipt makes their handles useless.
HELD_SECONDS = 3600
# Those that are read first come back before many more have been read.
MAX_LISTED = 500
# SQS's codes for a message that is visible again already.
_VISIBLE = ("MessageNotInflight", "InvalidParameterValue", "ReceiptHandleIsInvalid")


@frozen
class DeadLetter:
    """A message that failed too often: ``sent_at`` is in seconds since the epoch, ``handle`` removes it."""

    id: str
    body: str
    sent_at: float
    handle: str


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


@aws.guarded
def dead_letter_count() -> int:
    """Return how many messages failed too often, with those that somebody has just received; SQS approximates it."""
    response = aws.sqs().get_queue_attributes(
        QueueUrl=settings.drop_dead_letter_queue_url(),
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    return sum(int(count) for count in response["Attributes"].values())


@aws.guarded
def dead_letters() -> list[DeadLetter]:
    """Receive the messages that failed too often, ``MAX_LISTED`` or all, the oldest first.

    Others do not see them for a minute.
    """
    found: dict[str, DeadLetter] = {}
    while len(found) < MAX_LISTED and (new := {letter.id: letter for letter in _receive() if letter.id not in found}):
        found |= new
    return sorted(found.values(), key=lambda letter: letter.sent_at)


@aws.guarded
def show_again(handles: Iterable[str]) -> None:
    """Let others see messages again that were received and not removed, unless they see them already."""
    _hide(handles, 0)


@aws.guarded
def hold(handles: Iterable[str]) -> None:
    """Keep messages that were received from others, for as long as an operator may think."""
    _hide(handles, HELD_SECONDS)


def _hide(handles: Iterable[str], seconds: int) -> None:
    client, url = aws.sqs(), settings.drop_dead_letter_queue_url()
    for handle in handles:
        try:
            client.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds)
        except client.exceptions.ClientError as error:
            if not error.response["Error"]["Code"].endswith(_VISIBLE):
                raise


@aws.guarded
def send(body: str) -> None:
    """Send the S3 door a message as it is."""
    aws.sqs().send_message(QueueUrl=settings.drop_queue_url(), MessageBody=body)


def _receive() -> list[DeadLetter]:
    # With a wait, SQS asks all of its servers.
    response = aws.sqs().receive_message(
        QueueUrl=settings.drop_dead_letter_queue_url(),
        MaxNumberOfMessages=10,
        VisibilityTimeout=LISTED_SECONDS,
        WaitTimeSeconds=1,
        AttributeNames=["SentTimestamp"],
    )
    return [
        DeadLetter(one["MessageId"], one["Body"], int(one["Attributes"]["SentTimestamp"]) / 1000, one["ReceiptHandle"])
        for one in response.get("Messages", [])
    ]
