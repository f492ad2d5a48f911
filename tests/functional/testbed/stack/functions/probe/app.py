# ruff: noqa: INP001, T201 - the root of a Lambda, not a package; its prints are its log
"""Handlers that do what an event says, so that tests can see what a function sees, and make it fail."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

STARTED = time.time()
calls = 0


def probe(event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401
    """Run one action."""
    global calls  # noqa: PLW0603 - warm starts must be visible
    calls += 1
    return _ACTIONS[event.get("do", "look")](event, context)


def _look(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "event": event,
        "calls": calls,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "path": sys.path,
        "process": os.getpid(),
        "remaining_ms": context.get_remaining_time_in_millis(),
        "function": context.function_name,
        "arn": context.invoked_function_arn,
    }


def _import(event: dict[str, Any], _: object) -> str:
    return str(importlib.import_module(event["module"]).__name__)


def _sleep(event: dict[str, Any], _: object) -> dict[str, Any]:
    time.sleep(event["sleep"])
    return event


def _nap(event: dict[str, Any], _: object) -> dict[str, Any]:
    # As Gallop's own functions sleep on the testbed.
    sys.modules["__main__"].sleep(event["nap"])
    return event


def _hold(event: dict[str, Any], _: object) -> None:
    while not Path(event["until"]).exists():
        time.sleep(0.01)


def _raise(event: dict[str, Any], _: object) -> None:
    print("about to fail")
    raise ValueError(event.get("message", "no"))


def _exit(event: dict[str, Any], _: object) -> None:
    os._exit(event.get("status", 1))


def _hog(event: dict[str, Any], _: object) -> int:
    held = b"x" * event["bytes"]
    # Long enough for systems where the testbed has to look at the right moment.
    time.sleep(event.get("hold", 0.0))
    return len(held)


def _reply(event: dict[str, Any], _: object) -> str:
    return "x" * int(event["bytes"])


def _aws(event: dict[str, Any], _: object) -> Any:  # noqa: ANN401
    import boto3  # noqa: PLC0415 - cold starts without it are measured, too
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import ClientError  # noqa: PLC0415

    client = boto3.client(event["service"], config=Config(retries={"total_max_attempts": 1}))
    try:
        if event["call"] == "presign":
            return client.generate_presigned_url("get_object", Params=event["with"], ExpiresIn=event["expires"])
        answer = getattr(client, event["call"])(**event["with"])
    except ClientError as error:
        return {"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}
    return {"status": answer["ResponseMetadata"]["HTTPStatusCode"]}


_ACTIONS = {
    "look": _look,
    "import": _import,
    "sleep": _sleep,
    "nap": _nap,
    "hold": _hold,
    "wait": _look,
    "raise": _raise,
    "exit": _exit,
    "hog": _hog,
    "reply": _reply,
    "aws": _aws,
}


def gate(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Allow or deny, as the header says."""
    said = event["headers"].get("authorization", "")
    if said == "break":
        raise RuntimeError("the gate is broken")
    return {"isAuthorized": said != "no", "context": {"client": said, "type": event["type"], "arn": event["routeArn"]}}


def page(event: dict[str, Any], _: object) -> Any:  # noqa: ANN401
    """Answer as the query says, or return the event."""
    answer = (event.get("queryStringParameters") or {}).get("answer")
    answers: dict[str | None, Any] = {
        "text": "just text",
        "full": {
            "statusCode": 201,
            "headers": {"X-Made": "yes"},
            "cookies": ["a=1", "b=2"],
            "body": "aGk=",
            "isBase64Encoded": True,
        },
        "nonsense": {"statusCode": "many"},
    }
    if answer == "fail":
        raise RuntimeError("the page is broken")
    return answers.get(answer, event)


def consume(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Process messages, except those that say ``fail``, and log them."""
    print(
        "took", *[f"{record['body']}#{record['attributes']['ApproximateReceiveCount']}" for record in event["Records"]]
    )
    if any(record["body"] == "break" for record in event["Records"]):
        raise RuntimeError("the consumer is broken")
    failed = [record["messageId"] for record in event["Records"] if record["body"] == "fail"]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def tick(event: dict[str, Any], _: object) -> None:
    """Log the event."""
    print("ticked", event["detail-type"], event["source"], event["time"])
