"""Whether a file that is dropped into the inbox reaches the S3 door's queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop.adapters.operator_calls import ask
from gallop.domain.diagnosis import AwsRefused, failure, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

EVENT, PREFIX = "s3:ObjectCreated:*", "drop/"
_S3 = {"Service": "s3.amazonaws.com"}
_NO_CORS = "NoSuchCORSConfiguration"


def check(deployment: Deployment) -> Iterator[Finding]:
    """Check the notification of the bucket, and that the queue's policy lets it in."""
    bucket, url = deployment.outputs["InboxBucketName"], deployment.resource("DropQueue")
    queue = ask("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["QueueArn", "Policy"])["Attributes"]
    arn = queue["QueueArn"]
    found = ask("s3", "get_bucket_notification_configuration", Bucket=bucket).get("QueueConfigurations", [])
    if any(_leads_to(one, arn) for one in found):
        yield ok("inbox", f"Files under {PREFIX} are reported to the S3 door's queue.")
    else:
        yield failure(
            "inbox", f"Files under {PREFIX} of {bucket} are not reported: drops start nothing.", _notify(bucket, arn)
        )
    if _lets_in(json.loads(queue.get("Policy", "{}")), bucket):
        yield ok("queue policy", "S3 may send to the queue.")
    else:
        yield failure("queue policy", "S3 may not send to the queue: drops start nothing.", _let_in(url, arn, bucket))


def check_cors(deployment: Deployment) -> Iterator[Finding]:
    """Say who may upload to the inbox from a web page: the stack's own page, and those of ``BrowserOrigins``."""
    try:
        rules = ask("s3", "get_bucket_cors", Bucket=deployment.outputs["InboxBucketName"])["CORSRules"]
    except AwsRefused as refused:
        if refused.aws_code != _NO_CORS:
            raise
        yield ok("uploads", "The inbox has no CORS rules: programs can upload, web pages cannot.")
        return
    origins = ", ".join(sorted({origin for rule in rules for origin in rule["AllowedOrigins"]}))
    yield ok("uploads", f"Web pages of these origins may upload to the inbox: {origins}.")


def _leads_to(configuration: dict[str, Any], queue_arn: str) -> bool:
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    filters = {rule["Name"].lower(): rule["Value"] for rule in rules}
    events = configuration["Events"]
    return configuration["QueueArn"] == queue_arn and EVENT in events and filters in ({"prefix": PREFIX}, {})


def _lets_in(policy: dict[str, Any], bucket: str) -> bool:
    """Whether a statement is for S3 and for this bucket."""
    allowed = [one for one in policy.get("Statement", []) if (one["Effect"], one["Principal"]) == ("Allow", _S3)]
    return any("SendMessage" in str(one["Action"]) and f":{bucket}'" in str(one.get("Condition")) for one in allowed)


def _notify(bucket: str, queue_arn: str) -> str:
    rules = [{"Name": "prefix", "Value": PREFIX}]
    wanted = {"QueueArn": queue_arn, "Events": [EVENT], "Filter": {"Key": {"FilterRules": rules}}}
    text = json.dumps({"QueueConfigurations": [wanted]})
    return f"aws s3api put-bucket-notification-configuration --bucket {bucket} --notification-configuration '{text}'"


def _let_in(url: str, queue_arn: str, bucket: str) -> str:
    partition, account = queue_arn.split(":")[1], queue_arn.split(":")[4]
    statement = {
        "Effect": "Allow",
        "Principal": _S3,
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:{partition}:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return f"aws sqs set-queue-attributes --queue-url {url} --attributes '{json.dumps({'Policy': policy})}'"
