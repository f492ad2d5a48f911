"""The S3 door's queue: messages to look at a drop again later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DELAY_SECONDS = 900


@aws.guarded
def send_later(message: Mapping[str, Any], seconds: float) -> None:
    """Send the S3 door a message, delivered after ``seconds``; the maximum is 15 minutes (SQS's limit)."""
    aws.sqs().send_message(
        QueueUrl=settings.drop_queue_url(),
        MessageBody=json.dumps(message),
        DelaySeconds=max(0, min(round(seconds), MAX_DELAY_SECONDS)),
    )
