"""Tables with many concurrent writers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws

from tests.testbed.aws import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITERS, ROUNDS = 16, 5
NUMBERS = ("10", "9", "-1", "100", "1.5", "9.25")
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@contextmanager
def moto(*, changed: bool) -> Iterator[Any]:
    """Yield a client of moto's DynamoDB, with the testbed's changes or as moto has it."""
    with ExitStack() as resources:
        resources.enter_context(patch.dict("os.environ", KEYS))
        resources.enter_context(mock_aws())
        for target, name, value in tables.changes() if changed else ():
            resources.enter_context(patch.object(target, name, value))
        yield boto3.client("dynamodb", region_name="eu-central-1")


@pytest.fixture
def table() -> Iterator[Any]:
    """Yield a client of a table named ``t``, with the testbed's changes to moto."""
    with moto(changed=True) as client:
        client.create_table(
            TableName="t",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def put(key: str, condition: str | None = None) -> dict[str, Any]:
    """Return a put for a transaction."""
    conditional = {"ConditionExpression": condition} if condition else {}
    return {"Put": {"TableName": "t", "Item": {"pk": {"S": key}}, **conditional}}


def keys(client: Any, prefix: str) -> int:  # noqa: ANN401 - a boto3 client
    """Return the number of items whose key has a prefix."""
    return sum(item["pk"]["S"].startswith(prefix) for item in client.scan(TableName="t")["Items"])


def test_one_conditional_write_wins(table: Any) -> None:  # noqa: ANN401
    """One of many equal transactions succeeds, and those that fail revert no writes of others."""

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
    """An update that precedes the failing write is rolled back."""
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


def test_reads_equal_motos() -> None:
    """Values of every type, the order of numbers, pages and indexes are the same, only faster."""
    with moto(changed=False) as client:
        expected = reads(client)
    with moto(changed=True) as client:
        assert expected == reads(client)
    assert sorted(NUMBERS, key=float) == [item["at"]["N"] for item in expected[0]]


def reads(client: Any) -> list[Any]:  # noqa: ANN401 - a boto3 client
    """Fill a table whose sort key is a number, and read it in several ways."""
    client.create_table(
        TableName="n",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind in (("pk", "S"), ("at", "N"), ("open", "S"))
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "Open",
                "KeySchema": [{"AttributeName": "open", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    plain = {"s": {"S": "text"}, "no": {"BOOL": False}, "none": {"NULL": True}, "empty": {"S": ""}}
    sets = {"ss": {"SS": ["b", "a"]}, "ns": {"NS": ["2", "1"]}, "bs": {"BS": [b"2", b"1"]}}
    nested = {"m": {"M": {**plain, "deep": {"L": [{"B": b"bytes"}, {"N": "1"}, {"M": {}}]}}}, "l": {"L": []}}
    for number in NUMBERS:
        for partition in "ba":
            is_open = {"open": {"S": "yes"}} if "9" in number else {}
            key = {"pk": {"S": partition}, "at": {"N": number}}
            client.put_item(TableName="n", Item={**key, **plain, **sets, **nested, "b": {"B": b"bytes"}, **is_open})
    of_a = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "a"}}}
    above = {
        "KeyConditionExpression": "pk = :pk AND #at > :at",
        "ExpressionAttributeNames": {"#at": "at"},
        "ExpressionAttributeValues": {":pk": {"S": "a"}, ":at": {"N": "9"}},
    }
    indexed = {
        "IndexName": "Open",
        "KeyConditionExpression": "#open = :yes",
        "ExpressionAttributeNames": {"#open": "open"},
        "ExpressionAttributeValues": {":yes": {"S": "yes"}},
    }
    pages = client.get_paginator("query").paginate(TableName="n", **of_a, PaginationConfig={"PageSize": 4})
    return [
        client.query(TableName="n", **of_a)["Items"],
        client.query(TableName="n", **of_a, ScanIndexForward=False)["Items"],
        client.query(TableName="n", **above, Limit=1)["Items"],
        [(page["Count"], page.get("LastEvaluatedKey")) for page in pages],
        client.query(TableName="n", **indexed)["Items"],
        client.get_item(TableName="n", Key={"pk": {"S": "b"}, "at": {"N": "1.5"}})["Item"],
        client.scan(TableName="n")["Items"],
    ]


NORMALIZED = [
    ("1780000000.000", "1780000000"),
    ("0010", "10"),
    ("1E2", "100"),
    ("-0.50", "-0.5"),
    ("-0.0", "0"),
    ("0.1e-3", "0.0001"),
    ("+7", "7"),
    ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
    ("1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"),
]


@pytest.mark.parametrize(("written", "read"), NORMALIZED)
def test_numbers_come_back_normalized(table: Any, written: str, read: str) -> None:  # noqa: ANN401
    """DynamoDB keeps a number's value, not its notation: at the top, nested, in sets and in a list."""
    number = {"N": written}
    item = {"pk": {"S": "a"}, "n": number, "m": {"M": {"n": number}}, "l": {"L": [number]}, "s": {"NS": [written]}}
    table.put_item(TableName="t", Item=item)
    found = table.get_item(TableName="t", Key={"pk": {"S": "a"}})["Item"]
    (inner,) = found["l"]["L"]
    assert [read] * 4 == [found["n"]["N"], found["m"]["M"]["n"]["N"], inner["N"], *found["s"]["NS"]]


def test_numbers_of_an_update_come_back_normalized(table: Any) -> None:  # noqa: ANN401
    """Whether they were given or computed."""
    table.put_item(TableName="t", Item={"pk": {"S": "a"}, "n": {"N": "1.50"}})
    values = {":half": {"N": "0.50"}, ":plain": {"N": "3.00"}}
    update = {"UpdateExpression": "SET n = n + :half, m = :plain", "ExpressionAttributeValues": values}
    answer = table.update_item(TableName="t", Key={"pk": {"S": "a"}}, **update, ReturnValues="ALL_NEW")
    assert {"pk": {"S": "a"}, "n": {"N": "2"}, "m": {"N": "3"}} == answer["Attributes"]
