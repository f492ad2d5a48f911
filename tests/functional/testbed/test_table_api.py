"""DynamoDB's short way: the answers are moto's own, to the byte of their JSON."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from moto import mock_aws
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from tests.testbed.aws import table_api, tables
from tests.testbed.aws.account import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Send = Callable[..., tuple[str, dict[str, Any]]]

KEY = {"pk": {"S": "a"}, "sk": {"N": "1"}}
ITEM = {**KEY, "text": {"S": "é"}, "list": {"L": [{"N": "1.50"}, {"M": {"x": {"NULL": True}}}]}, "set": {"SS": ["b"]}}
ABSENT = {"ConditionExpression": "attribute_not_exists(pk)"}
TABLE = {
    "TableName": "t",
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "BillingMode": "PAY_PER_REQUEST",
}
SET = {"UpdateExpression": "SET #t = :t", "ExpressionAttributeNames": {"#t": "text"}}
VALUE = {"ExpressionAttributeValues": {":t": {"S": "new"}}}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "a read": ("GetItem", {"Key": KEY}),
    "a read of nothing": ("GetItem", {"Key": {**KEY, "sk": {"N": "2"}}}),
    "a part of an item": ("GetItem", {"Key": KEY, "ProjectionExpression": "pk, sk"}),
    "a read with its capacity": ("GetItem", {"Key": KEY, "ReturnConsumedCapacity": "TOTAL"}),
    "a write that returns the old item": ("PutItem", {"Item": ITEM, "ReturnValues": "ALL_OLD"}),
    "a refused write": ("PutItem", {"Item": ITEM, **ABSENT}),
    "a refused write that shows why": (
        "PutItem",
        {"Item": ITEM, **ABSENT, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"},
    ),
    "an update": ("UpdateItem", {"Key": KEY, **SET, **VALUE, "ReturnValues": "ALL_NEW"}),
    "an update with a fault": ("UpdateItem", {"Key": KEY, **SET}),
    "a deletion": ("DeleteItem", {"Key": KEY, "ReturnValues": "ALL_OLD"}),
    "a query": ("Query", {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}),
    "a count": (
        "Query",
        {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}, "Select": "COUNT"},
    ),
    "a batch": ("BatchGetItem", {"RequestItems": {"t": {"Keys": [KEY]}}}),
    "a transaction": ("TransactWriteItems", {"TransactItems": [{"Delete": {"TableName": "t", "Key": KEY}}]}),
    "a refused transaction": (
        "TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "t", "Item": ITEM, **ABSENT}}]},
    ),
    "bytes": ("PutItem", {"Item": {**KEY, "bytes": {"B": "AAEC"}}}),
    "no such table": ("GetItem", {"TableName": "u", "Key": KEY}),
}
WITHOUT_TABLE = ("BatchGetItem", "TransactWriteItems", "CreateTable")


@contextmanager
def sending(*, is_short: bool) -> Iterator[Send]:
    """Give what sends a call, the short way or through all of moto."""
    with ExitStack() as resources:
        resources.enter_context(patch.dict("os.environ", AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing"))
        resources.enter_context(mock_aws())
        for target, name, value in tables.changes():
            resources.enter_context(patch.object(target, name, value))
        moto: Any = DomainDispatcherApplication(create_backend_app)
        application = table_api.TableApi(moto, REGION) if is_short else moto

        def send(operation: str, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            body = json.dumps(parameters).encode()
            environ = {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": "/",
                "RAW_URI": "/",
                "SERVER_NAME": "localhost",
                "SERVER_PORT": "80",
                "wsgi.url_scheme": "http",
                "wsgi.input": io.BytesIO(body),
                "CONTENT_LENGTH": str(len(body)),
                "CONTENT_TYPE": table_api.JSON,
                "HTTP_HOST": "localhost",
                "HTTP_X_AMZ_TARGET": f"{table_api.TARGET}{operation}",
                "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=x/2026/{REGION}/dynamodb/aws4_request, Signature=x",
            }
            status: list[str] = []
            answer = b"".join(application(environ, lambda code, *_: status.append(code.split()[0])))
            return status[0], json.loads(answer or b"{}")

        send("CreateTable", TABLE)
        send("PutItem", {"TableName": "t", "Item": ITEM})
        yield send


@pytest.mark.parametrize("name", CALLS)
def test_the_answer_is_motos(name: str) -> None:
    """Status, values and errors do not depend on the way, and neither does what is stored."""
    operation, parameters = CALLS[name]
    named = {} if operation in WITHOUT_TABLE else {"TableName": "t"}
    answers = []
    for is_short in (False, True):
        with sending(is_short=is_short) as send:
            answers.append([send(operation, {**named, **parameters}), send("GetItem", {"TableName": "t", "Key": KEY})])
    assert answers[0] == answers[1]
