"""AWS clients, created on first use and kept while the function stays warm."""

from __future__ import annotations

from functools import cache, wraps
from threading import Lock
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from gallop import __version__
from gallop.adapters.aws_services import ShortLoader
from gallop.domain.errors import AwsTrouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

# The runtime brings boto3 and the same botocore. Older ones refuse `IfMatch` of DeleteObject and PutObject:
# no drop could be replaced.
MINIMUM_BOTO3 = (1, 36)

if tuple(map(int, botocore.__version__.split(".")[:2])) < MINIMUM_BOTO3:
    raise RuntimeError(
        f"boto3 {botocore.__version__} is too old; Gallop needs {'.'.join(map(str, MINIMUM_BOTO3))} or newer. "
        "Update the function's runtime version, or add boto3 to shared/requirements.in."
    )

P = ParamSpec("P")
R = TypeVar("R")

# botocore's own name lists all that it uses, and is made twice for each request: a seventh of a call's processor time.
_NAME = f"gallop/{__version__} botocore/{botocore.__version__}"
_CONFIG = Config(
    user_agent=_NAME,
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 4},
)

_ONE_AT_A_TIME = Lock()


@cache
def _session() -> Session:
    """Return the session of all clients. That of boto3 would import its resources and its transfer manager as well."""
    session = Session()
    session.register_component("data_loader", ShortLoader())
    return session


@cache
def dynamodb() -> DynamoDBClient:
    """Return the DynamoDB client."""
    client: DynamoDBClient = _client("dynamodb", _CONFIG.merge(Config(read_timeout=5)))
    return client


@cache
def events() -> Any:  # noqa: ANN401 - its type stubs are a package of their own, for one call
    """Return the EventBridge client."""
    return _client("events", config=_CONFIG)


@cache
def kms() -> Any:  # noqa: ANN401 - its type stubs are a package of their own, for one call
    """Return the KMS client."""
    return _client("kms", config=_CONFIG)


@cache
def s3() -> S3Client:
    """Return the S3 client. It presigns with signature version 4, which every region accepts.

    ``virtual`` addressing names the region's host: the global one redirects for a new bucket, which breaks signatures.
    """
    own = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    client: S3Client = _client("s3", _CONFIG.merge(own))
    return client


@cache
def secretsmanager() -> SecretsManagerClient:
    """Return the Secrets Manager client."""
    client: SecretsManagerClient = _client("secretsmanager", _CONFIG)
    return client


@cache
def sns() -> Any:  # noqa: ANN401 - its type stubs are a package of their own, for one call
    """Return the SNS client."""
    return _client("sns", config=_CONFIG)


@cache
def sqs() -> SQSClient:
    """Return the SQS client."""
    client: SQSClient = _client("sqs", _CONFIG)
    return client


@cache
def stepfunctions() -> SFNClient:
    """Return the Step Functions client."""
    client: SFNClient = _client("stepfunctions", _CONFIG)
    return client


@cache
def complete(service: str) -> Any:  # noqa: ANN401 - the client of any service
    """Return a client with all calls of a service, for an operator's commands; functions use those above."""
    # A session is not safe to use from several threads, unlike a client.
    with _ONE_AT_A_TIME:
        # An operator's command runs functions, for up to 50 seconds, and must not run one twice.
        return _complete_session().create_client(service, config=_CONFIG.merge(Config(read_timeout=60)))


@cache
def _complete_session() -> Session:
    session = Session()
    session.register_component("data_loader", _all_descriptions())
    return session


@cache
def _all_descriptions() -> Loader:
    """Return what reads each of AWS's descriptions only once, whichever stack it is for."""
    return create_loader()


def _client(service: str, config: Config) -> Any:  # noqa: ANN401 - the client of any service
    return _session().create_client(service, config=config)


_KEPT = (_session, dynamodb, events, s3, secretsmanager, sns, sqs, stepfunctions, complete, _complete_session)


def version() -> str:
    """Return the version of botocore, which the runtime brings."""
    return botocore.__version__


def forget() -> None:
    """Drop all clients and the session: those that follow belong to the stack that the environment then names."""
    for kept in _KEPT:
        kept.cache_clear()


def guarded(call: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function to raise AwsTrouble, which the workflow knows how to retry, for any error of botocore."""

    @wraps(call)
    def guarded_call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except (BotoCoreError, ClientError) as error:
            raise AwsTrouble(f"{call.__name__}: {error}") from error

    return guarded_call
