"""Moto's table, buckets and stacks, spoken to without HTTP: the same items, conditions and errors, in less time."""

from __future__ import annotations

import json
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.validate import ParamValidator
from moto.cloudformation.models import cloudformation_backends
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from moto.s3.exceptions import S3ClientError

from tests.support import direct_buckets
from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    Way = Callable[[dict[str, Any]], dict[str, Any] | None]

STATUS_OF_A_REFUSAL = 400
_VALIDATOR = ParamValidator()


class _Table(DynamoHandler):
    """Moto's own view of requests, past what reads them off the wire and writes the answers there."""

    def __init__(self, region: str) -> None:
        super().__init__()
        self._backend = dynamodb_backends[ACCOUNT][region]
        self._lock = Lock()

    @property
    def dynamodb_backend(self) -> Any:  # noqa: ANN401 - moto's own
        return self._backend

    def ask(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        # Moto's handler holds one request at a time, and tests call from many threads.
        with self._lock:
            self.body = request
            answer: dict[str, Any] = getattr(self, name)().result
        return answer


class Direct:
    """The calls of services whose answers moto gives without HTTP."""

    def __init__(self, region: str) -> None:
        """Reach the table of a region, and the buckets."""
        self._ways: dict[str, dict[str, Way]] = {
            "dynamodb": _ways_of_table(region),
            "s3": direct_buckets.ways(),
            "cloudformation": {"ListStackResources": partial(_resources, region)},
        }

    def answer(self, client: Any, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - a client of any service
        """Return the answer to a call; None if only HTTP has it, or refuses it. Raises what the client would raise."""
        service = client.meta.service_model
        way = self._ways.get(service.service_name, {}).get(operation)
        if way is None or _VALIDATOR.validate(request, service.operation_model(operation).input_shape).has_errors():
            return None
        try:
            answer = way(request)
        except S3ClientError:
            return None
        except (JsonRESTError, ServiceException) as refusal:
            raise _error(client, refusal, operation) from refusal
        return None if answer is None else {"ResponseMetadata": {}, **answer}


def _error(client: Any, refusal: Any, operation: str) -> Exception:  # noqa: ANN401 - moto's and botocore's own
    told = json.loads(refusal.description)
    code = told.pop("__type").rpartition("#")[2]
    metadata = {"ResponseMetadata": {"HTTPStatusCode": STATUS_OF_A_REFUSAL}}
    response = {**told, **metadata, "Error": {"Code": code, "Message": refusal.message}}
    error: Exception = client.exceptions.from_code(code)(response, operation)
    return error


def _ways_of_table(region: str) -> dict[str, Way]:
    table = _Table(region)
    return {
        "GetItem": partial(table.ask, "get_item"),
        "PutItem": partial(table.ask, "put_item"),
        "UpdateItem": partial(table.ask, "update_item"),
        "DeleteItem": partial(table.ask, "delete_item"),
        "TransactWriteItems": partial(table.ask, "transact_write_items"),
        "Query": partial(table.ask, "query"),
        "Scan": partial(table.ask, "scan"),
        "BatchGetItem": partial(table.ask, "batch_get_item"),
    }


def _resources(region: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """List the resources of a stack by its name."""
    # Moto's types do not say what its resources have.
    stacks: Any = cloudformation_backends[ACCOUNT][region].stacks.values()
    stack = next((one for one in stacks if one.name == request["StackName"]), None)
    if stack is None or request.keys() != {"StackName"}:
        return None
    named = {"LogicalResourceId": "logical", "PhysicalResourceId": "physical"}
    summaries = [
        {name: getattr(one, f"{kind}_resource_id") for name, kind in named.items()}
        | {"ResourceType": one.cf_resource_type}
        for one in stack.stack_resources
        if getattr(one, "physical_resource_id", "")
    ]
    return {"StackResourceSummaries": summaries}
