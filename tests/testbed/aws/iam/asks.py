"""The permissions that a call needs: AWS's names of the actions, ARNs of the resources, and condition keys."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from tests.testbed.aws.account import ACCOUNT

from . import asks_s3, lookup
from .ask import Ask, Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_PREFIXES = {"monitoring": "cloudwatch", "email": "ses", "tagging": "tag"}
"""Services whose prefix of actions differs from the name that requests are signed for."""


def identify(call: Call) -> list[Ask]:
    """Return all permissions that a call needs; none for a call that everybody may make."""
    if call.service == "s3":
        return list(asks_s3.identify(call))
    operation, parameters = _operation(call)
    if (call.service, operation) in _FREE:
        return []
    identify_service = _SERVICES.get(call.service, _any_resource)
    return list(identify_service(call, operation, parameters))


def _operation(call: Call) -> tuple[str, Mapping[str, Any]]:
    """Return the operation and its parameters, for any of the services' protocols."""
    target = call.headers.get("x-amz-target")
    if target:
        return target.rsplit(".", 1)[1], json.loads(call.body or b"{}")
    if call.service == "lambda":
        return _lambda_operation(call), {}
    form = {name: values[0] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
    return form.get("Action", call.query.get("Action", "")) or f"{call.method} {call.path}", form


def _arn(call: Call, resource: str, service: str | None = None) -> str:
    return f"arn:aws:{service or call.service}:{call.region}:{ACCOUNT}:{resource}"


def _any_resource(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    del parameters
    yield Ask(f"{_PREFIXES.get(call.service, call.service)}:{operation}", "*")


# ---------------------------------------------------------------- DynamoDB
def _dynamodb(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    if operation in ("TransactWriteItems", "TransactGetItems"):
        for item in parameters["TransactItems"]:
            for kind, detail in item.items():
                yield _item_ask(call, _TRANSACTED[kind], detail)
    elif operation in ("BatchGetItem", "BatchWriteItem"):
        for table, wanted in parameters["RequestItems"].items():
            found = [_leading_keys(call, {"TableName": table, **request}) for request in _batched(wanted)]
            keys = [key for context in found for key in context.get("dynamodb:leadingkeys", [])]
            yield Ask(f"dynamodb:{operation}", _table(call, table), {"dynamodb:leadingkeys": keys})
    elif "TableName" in parameters:
        yield _item_ask(call, operation, parameters)
    else:
        yield Ask(f"dynamodb:{operation}", "*")


def _batched(wanted: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - keys to read, or requests to write
    """Give the parts of a batch as requests of one item."""
    if isinstance(wanted, list):
        return [detail for request in wanted for detail in request.values()]
    return [{"Key": key} for key in wanted["Keys"]]


_TRANSACTED = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def _item_ask(call: Call, action: str, parameters: Mapping[str, Any]) -> Ask:
    resource = _table(call, parameters["TableName"])
    if "IndexName" in parameters:
        resource += f"/index/{parameters['IndexName']}"
    return Ask(f"dynamodb:{action}", resource, _leading_keys(call, parameters))


def _table(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else _arn(call, f"table/{name}")


def _leading_keys(call: Call, parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the partition key that a call accesses; a scan accesses no particular one."""
    item = parameters.get("Key") or parameters.get("Item") or {}
    name = lookup.partition_key(parameters["TableName"].rsplit("/", 1)[-1], call.region, parameters.get("IndexName"))
    if name in item:
        return {"dynamodb:leadingkeys": [str(next(iter(item[name].values())))]}
    return {"dynamodb:leadingkeys": _queried_keys(name, parameters)} if "KeyConditionExpression" in parameters else {}


def _queried_keys(name: str | None, parameters: Mapping[str, Any]) -> list[str]:
    names = parameters.get("ExpressionAttributeNames", {})
    values = parameters.get("ExpressionAttributeValues", {})
    for left, right in re.findall(r"([#\w.]+)\s*=\s*(:\w+)", parameters["KeyConditionExpression"]):
        if names.get(left, left) == name:
            return [str(next(iter(values[right].values())))]
    return []


# ---------------------------------------------------------------- the other services that functions use
def _sqs(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    name = parameters.get("QueueUrl", parameters.get("QueueName", "")).rsplit("/", 1)[-1]
    action = operation.removesuffix("Batch")
    yield Ask(f"sqs:{action}", _arn(call, name) if name else "*")


def _states(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    del call
    # An answer to a task token names no resource: the Service Authorization Reference has none for these actions.
    resource = parameters.get("stateMachineArn") or parameters.get("executionArn") or parameters.get("mapRunArn")
    yield Ask(f"states:{operation}", resource or "*")


def _secrets(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    secret = parameters.get("SecretId")
    yield Ask(f"secretsmanager:{operation}", lookup.secret_arn(secret, call.region) if secret else "*")


def _events(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    if operation == "PutEvents":
        buses = {entry.get("EventBusName", "default").rsplit("/", 1)[-1] for entry in parameters["Entries"]}
        for bus in sorted(buses):
            yield Ask("events:PutEvents", _arn(call, f"event-bus/{bus}"))
    else:
        yield Ask(f"events:{operation}", "*")


def _kms(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    key = parameters.get("KeyId", "")
    yield Ask(f"kms:{operation}", key if key.startswith("arn:") else _arn(call, f"key/{key}") if key else "*")


def _logs(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    group = parameters.get("logGroupName")
    stream = parameters.get("logStreamName")
    if group and stream:
        yield Ask(f"logs:{operation}", _arn(call, f"log-group:{group}:log-stream:{stream}"))
    else:
        yield Ask(f"logs:{operation}", _arn(call, f"log-group:{group}:*") if group else "*")


def _ssm(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    names = parameters.get("Names") or [name for name in (parameters.get("Name"), parameters.get("Path")) if name]
    for name in names:
        yield Ask(f"ssm:{operation}", _arn(call, f"parameter/{name.lstrip('/')}"))
    if not names:
        yield Ask(f"ssm:{operation}", "*")


def _sns(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    yield Ask(f"{call.service}:{operation}", parameters.get("TopicArn", parameters.get("TargetArn", "*")))


def _sts(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    yield Ask(f"{call.service}:{operation}", parameters.get("RoleArn", "*"))


_FUNCTION_PATH = re.compile(r"/\d{4}-\d\d-\d\d/functions/([^/]+)(/.*)?")


def _lambda_operation(call: Call) -> str:
    found = _FUNCTION_PATH.fullmatch(call.path)
    if found and found.group(2) in ("/invocations", "/response-streaming-invocations"):
        return "InvokeFunction"
    return f"{call.method} {call.path}"


def _lambda(call: Call, operation: str, parameters: Mapping[str, Any]) -> Iterator[Ask]:
    del parameters
    found = _FUNCTION_PATH.fullmatch(call.path)
    name = unquote(found.group(1)) if found else ""
    if name.startswith("arn:"):
        yield Ask(f"lambda:{operation}", name)
    else:
        yield Ask(f"lambda:{operation}", _arn(call, f"function:{name}") if name else "*")


_FREE = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
_SERVICES: dict[str, Callable[[Call, str, Mapping[str, Any]], Iterable[Ask]]] = {
    "dynamodb": _dynamodb,
    "sqs": _sqs,
    "states": _states,
    "secretsmanager": _secrets,
    "events": _events,
    "kms": _kms,
    "logs": _logs,
    "ssm": _ssm,
    "sns": _sns,
    "sts": _sts,
    "lambda": _lambda,
}
