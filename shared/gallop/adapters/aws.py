"""boto3 clients, made when first asked for and kept while the function stays warm."""

from __future__ import annotations

from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gallop.domain.errors import AwsTrouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

P = ParamSpec("P")
R = TypeVar("R")

_CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})


@cache
def dynamodb() -> DynamoDBClient:
    """Give the client of the table."""
    return boto3.client("dynamodb", config=_CONFIG.merge(Config(read_timeout=5)))


@cache
def events() -> Any:  # noqa: ANN401 - its types are a package of their own, for one call
    """Give the client of the bus."""
    return boto3.client("events", config=_CONFIG)


@cache
def s3() -> S3Client:
    """Give the client of the buckets. Its presigned URLs are of version 4, which every region takes.

    ``virtual`` makes them name the region's host: the global one redirects for a new bucket, which breaks signatures.
    """
    return boto3.client(
        "s3", config=_CONFIG.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    )


@cache
def secretsmanager() -> SecretsManagerClient:
    """Give the client of the vault."""
    return boto3.client("secretsmanager", config=_CONFIG)


@cache
def sqs() -> SQSClient:
    """Give the client of the queue."""
    return boto3.client("sqs", config=_CONFIG)


@cache
def stepfunctions() -> SFNClient:
    """Give the client of the workflow."""
    return boto3.client("stepfunctions", config=_CONFIG)


def guarded(call: Callable[P, R]) -> Callable[P, R]:
    """Let a function of an edge fail in our own words, which the workflow knows how to retry."""

    @wraps(call)
    def guarded_call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except (BotoCoreError, ClientError) as error:
            raise AwsTrouble(f"{call.__name__}: {error}") from error

    return guarded_call
