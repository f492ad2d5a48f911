"""Names of resources that the gatekeeper has to look up in moto."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moto.sqs.models import Queue


def partition_key(table: str, region: str, index: str | None) -> str | None:
    """Return the partition key of a table or of one of its indexes."""
    found = dynamodb_backends[ACCOUNT][region].tables.get(table)
    if found is None:
        return None
    schema: Sequence[dict[str, str]] = found.schema
    for candidate in [*found.global_indexes, *found.indexes]:
        if candidate.name == index:
            schema = candidate.schema
    return next((part["AttributeName"] for part in schema if part["KeyType"] == "HASH"), None)


def secret_arn(secret: str, region: str) -> str:
    """Return a secret's ARN, from its name or ARN; that of an unknown secret has no random suffix."""
    found = secretsmanager_backends[ACCOUNT][region].secrets.get(secret)
    if found is not None:
        return str(found.arn)
    return secret if secret.startswith("arn:") else f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{secret}"


def queue(arn: str) -> Queue:
    """Return a queue by its ARN."""
    _, _, _, region, _, name = arn.split(":", 5)
    return sqs_backends[ACCOUNT][region].get_queue(name)


def resource_policy(arn: str) -> str | None:
    """Return the policy of a bucket, an object's bucket, a queue or a topic."""
    _, _, service, region, _, name = arn.split(":", 5)
    if service == "s3":
        bucket = s3_backends[ACCOUNT]["aws"].buckets.get(name.partition("/")[0])
        return bucket.policy.decode() if bucket is not None and bucket.policy else None
    if service == "sqs":
        queue = sqs_backends[ACCOUNT][region].queues.get(name)
        return queue.policy if queue is not None else None
    if service == "sns":
        topic = sns_backends[ACCOUNT][region].topics.get(arn)
        return topic.policy if topic is not None else None
    return None
