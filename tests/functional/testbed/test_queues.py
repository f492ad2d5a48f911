"""Queues trigger functions as on AWS: batches, partial failures, delays and dead letters, on the simulated clock."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.functional.testbed.conftest import SPEED
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.functional.testbed.conftest import SmallStack


def taken(stack: SmallStack, body: str) -> list[str]:
    """Return the receive counts with which the consumer received a message with this body."""
    words = stack.aws.runtime.logs("Consumer").split()
    return [word.partition("#")[2] for word in words if word.partition("#")[0] == body]


def send(stack: SmallStack, body: str, **more: Any) -> None:  # noqa: ANN401
    """Send a message."""
    stack.aws.client("sqs").send_message(QueueUrl=stack.outputs["QueueUrl"], MessageBody=body, **more)


def dead_letters(stack: SmallStack) -> list[str]:
    """Receive everything from the dead-letter queue."""
    sqs, url = stack.aws.client("sqs"), stack.outputs["DeadLettersUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in messages]


def test_a_message_is_received_once_and_deleted(stack: SmallStack) -> None:
    """A processed message is removed from the queue."""
    send(stack, "once")
    eventually(lambda: taken(stack, "once"))
    attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left() -> dict[str, str]:
        url = stack.outputs["QueueUrl"]
        answer = stack.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=attributes)
        found: dict[str, str] = answer["Attributes"]
        return found

    eventually(lambda: {"0"} == set(left().values()))
    assert ["1"] == taken(stack, "once")


def test_messages_come_in_batches(stack: SmallStack) -> None:
    """Within the batching window, up to BatchSize messages are one invocation."""
    entries = [{"Id": str(n), "MessageBody": f"batch-{n}"} for n in range(5)]
    before = len(stack.aws.runtime.invocations("Consumer"))
    stack.aws.client("sqs").send_message_batch(QueueUrl=stack.outputs["QueueUrl"], Entries=entries)
    eventually(lambda: all(taken(stack, f"batch-{n}") for n in range(5)))
    assert len(stack.aws.runtime.invocations("Consumer")) - before <= 2


def test_only_failed_messages_are_repeated_until_they_are_dead_letters(stack: SmallStack) -> None:
    """A partial failure does not affect its batch; after maxReceiveCount the message is in the dead-letter queue."""
    entries = [{"Id": "1", "MessageBody": "fail"}, {"Id": "2", "MessageBody": "neighbour"}]
    stack.aws.client("sqs").send_message_batch(QueueUrl=stack.outputs["QueueUrl"], Entries=entries)
    assert ["fail"] == eventually(lambda: dead_letters(stack))
    assert ["1", "2"] == taken(stack, "fail")
    assert ["1"] == taken(stack, "neighbour")


def test_a_failed_message_is_repeated_after_the_visibility_timeout(stack: SmallStack) -> None:
    """It takes thirty simulated seconds, 0.3 real ones here, and not less."""
    started = time.monotonic()
    send(stack, "break")
    assert ["break"] == eventually(lambda: dead_letters(stack))
    assert 2 * 30 / SPEED * 0.9 <= time.monotonic() - started


def test_a_delay_is_simulated_time(stack: SmallStack) -> None:
    """At a speed of a hundred, DelaySeconds of 100 take one real second or more."""
    started = time.monotonic()
    send(stack, "later", DelaySeconds=100)
    eventually(lambda: taken(stack, "later"))
    assert 100 / SPEED <= time.monotonic() - started


def test_an_s3_event_has_s3s_format(stack: SmallStack) -> None:
    """Keys are form-encoded, and it has version and sequencer; other prefixes send no event."""
    s3 = stack.aws.client("s3")
    bodies: list[dict[str, Any]] = []
    original = stack.aws.runtime.invoke

    def watch(function: str, payload: bytes) -> Any:  # noqa: ANN401
        bodies.extend(json.loads(record["body"]) for record in json.loads(payload).get("Records", []))
        return original(function, payload)

    stack.aws.runtime.invoke = watch  # type: ignore[method-assign]
    try:
        s3.put_object(Bucket=stack.outputs["BoxName"], Key="out/side.txt", Body=b"x")
        version = s3.put_object(Bucket=stack.outputs["BoxName"], Key="in/ä b+c.txt", Body=b"four")["VersionId"]
        [record] = eventually(lambda: [r for body in bodies for r in body.get("Records", [])])
    finally:
        del stack.aws.runtime.invoke
    assert ("ObjectCreated:Put", "in/%C3%A4+b%2Bc.txt") == (record["eventName"], record["s3"]["object"]["key"])
    assert (4, version) == (record["s3"]["object"]["size"], record["s3"]["object"]["versionId"])
    assert {"eTag", "key", "sequencer", "size", "versionId"} == set(record["s3"]["object"])


def test_a_change_of_another_attribute_keeps_the_policy(stack: SmallStack) -> None:
    """Otherwise S3 may no longer send, after an update that changes a time-out."""
    sqs = stack.aws.client("sqs")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Statement": [statement]})
    url = sqs.create_queue(QueueName="with-policy", Attributes={"Policy": policy})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    named = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy", "VisibilityTimeout"])["Attributes"]
    assert {"Policy": policy, "VisibilityTimeout": "60"} == named
