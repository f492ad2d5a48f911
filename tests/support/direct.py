"""Moto's table, buckets and stacks, spoken to without HTTP: the same items, conditions and errors, in less time."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.validate import ParamValidator
from moto.cloudformation.models import cloudformation_backends
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.s3.exceptions import S3ClientError

from tests.support import direct_buckets
from tests.support.judged_table import METHODS, JudgedTables
from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    Way = Callable[[dict[str, Any]], dict[str, Any] | None]

STATUS_OF_A_REFUSAL = 400
_VALIDATOR = ParamValidator()


class Direct:
    """The calls of services whose answers moto gives without HTTP."""

    def __init__(self, region: str) -> None:
        """Reach the table of a region, and the buckets."""
        self._tables = JudgedTables(region)
        self._ways: dict[str, dict[str, Way]] = {
            "s3": direct_buckets.ways(),
            "cloudformation": {"ListStackResources": partial(_resources, region)},
        }

    def answer(self, client: Any, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - a client of any service
        """Return the answer to a call; None if only HTTP has it, or refuses it. Raises what the client would raise."""
        service = client.meta.service_model

        def is_valid() -> bool:
            return not _VALIDATOR.validate(request, service.operation_model(operation).input_shape).has_errors()

        try:
            if service.service_name == "dynamodb" and operation in METHODS:
                answer = self._tables.ask(operation, request, is_valid)
            else:
                way = self._ways.get(service.service_name, {}).get(operation)
                answer = way(request) if way and is_valid() else None
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
