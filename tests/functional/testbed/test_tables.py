"""Tables under many writers at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws

from tests.testbed.aws import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITERS, ROUNDS = 16, 5
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture
def table() -> Iterator[Any]:
    """Give a client of a table named ``t``, with the testbed's changes to moto."""
    with ExitStack() as resources:
        resources.enter_context(patch.dict("os.environ", KEYS))
        resources.enter_context(mock_aws())
        for target, name, value in tables.changes():
            resources.enter_context(patch.object(target, name, value))
        client = boto3.client("dynamodb", region_name="eu-central-1")
        client.create_table(
            TableName="t",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def put(key: str, condition: str | None = None) -> dict[str, Any]:
    """Write a put of a transaction."""
    conditional = {"ConditionExpression": condition} if condition else {}
    return {"Put": {"TableName": "t", "Item": {"pk": {"S": key}}, **conditional}}


def keys(client: Any, prefix: str) -> int:  # noqa: ANN401 - a boto3 client
    """Count the items whose key begins so."""
    return sum(item["pk"]["S"].startswith(prefix) for item in client.scan(TableName="t")["Items"])


def test_one_conditional_write_decides(table: Any) -> None:  # noqa: ANN401
    """Of many equal transactions one goes through, and those that fail take nobody else's writes back."""

    def write(writer: int) -> None:
        for number in range(ROUNDS):
            writes = [put(f"won {writer} {number}"), put(f"once {number}", "attribute_not_exists(pk)")]
            try:
                table.transact_write_items(TransactItems=writes)
            except table.exceptions.TransactionCanceledException:
                table.put_item(TableName="t", Item={"pk": {"S": f"lost {writer} {number}"}})

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    assert ROUNDS == keys(table, "once")
    assert ROUNDS == keys(table, "won")
    assert (WRITERS - 1) * ROUNDS == keys(table, "lost")


def test_transaction_that_fails_changes_nothing(table: Any) -> None:  # noqa: ANN401
    """An update that comes before the write that fails is taken back with it."""
    table.put_item(TableName="t", Item={"pk": {"S": "job"}, "state": {"S": "submitting"}})
    table.put_item(TableName="t", Item={"pk": {"S": "task"}})
    update = {
        "TableName": "t",
        "Key": {"pk": {"S": "job"}},
        "UpdateExpression": "SET #state = :running",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":running": {"S": "running"}},
    }
    with pytest.raises(table.exceptions.TransactionCanceledException):
        table.transact_write_items(TransactItems=[{"Update": update}, put("task", "attribute_not_exists(pk)")])
    item = table.get_item(TableName="t", Key={"pk": {"S": "job"}})["Item"]
    assert "submitting" == item["state"]["S"]
