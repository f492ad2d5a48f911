"""SNS: messages to the people who subscribed to a topic."""

from __future__ import annotations

from gallop.adapters import aws


@aws.guarded
def publish(arn: str, subject: str, text: str) -> None:
    """Send a message to everybody who subscribed to a topic.

    Raises:
        AwsTrouble: SNS did not accept it.

    """
    aws.sns().publish(TopicArn=arn, Subject=subject, Message=text)
