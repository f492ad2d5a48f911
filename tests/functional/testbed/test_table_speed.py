"""The testbed's faster items and expressions give what moto's own give."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from tests.testbed.aws import table_speed
from tests.testbed.aws.account import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

NESTED = {
    "M": {
        "text": {"S": "ü€😀"},
        "number": {"N": "-12.5"},
        "yes": {"BOOL": True},
        "nothing": {"NULL": True},
        "names": {"SS": ["a", "bc"]},
        "figures": {"NS": ["1", "22.5"]},
        "list": {"L": [{"S": "x"}, {"M": {"deep": {"L": [{"N": "3"}, {"M": {}}]}}}]},
    }
}
VALUES: list[dict[str, Any]] = [
    {"S": ""},
    {"S": "text"},
    {"N": "0"},
    {"BOOL": False},
    {"NULL": True},
    {"SS": ["one", "zwei"]},
    {"NS": ["1", "2"]},
    {"L": []},
    {"M": {}},
    {"B": "aGVsbG8="},
    NESTED,
]
ATTRIBUTES = {
    "pk": {"S": "key"},
    "count": {"N": "1"},
    "words": {"SS": ["a", "b"]},
    "steps": {"L": [{"S": "one"}, {"S": "two"}]},
    "tree": NESTED,
}
NAMES = {"#count": "count", "#tree": "tree", "#list": "list"}
GIVEN: dict[str, Any] = {
    ":one": {"N": "1"},
    ":text": {"S": "new"},
    ":set": {"SS": ["b", "c"]},
    ":list": {"L": [{"N": "9"}]},
}
UPDATES = [
    ("SET #count = #count + :one", None),
    ("SET #count = :one - #count", "#count = :one"),
    ("SET missing = if_not_exists(missing, :text), steps = list_append(steps, :list)", "attribute_not_exists(missing)"),
    ("SET #tree.#list[0] = :text, #tree.added = :list", "#tree.number < :one AND size(steps) > :one"),
    (
        "REMOVE steps[0], #tree.#list[1] ADD #count :one DELETE words :set",
        "contains(words, :text) OR NOT #count > :one",
    ),
    ("ADD words :set, fresh :one", "attribute_exists(pk) AND (#count IN (:one, :text))"),
    ("ADD words :set", "#count BETWEEN :one AND :one"),
    ("SET #tree.nowhere.deeper = :one", None),
    ("SET pk = :text", None),
    ("SET #count = :one, #count = :one", None),
    ("SET #count = :one SET fresh = :one", None),
    ("SET #count = #count + :text", None),
    ("SET #count ? :one", None),
    ("SET absent = absent + :one", None),
    ("REMOVE steps, absent", "begins_with(pk, :text)"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Give a client of moto as it is, with a table."""
    with mock_aws():
        client = boto3.client("dynamodb", REGION, aws_access_key_id="x", aws_secret_access_key="x")
        client.create_table(
            TableName="items",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_copies_sizes_and_formats_are_motos(value: dict[str, Any]) -> None:
    """A value is copied, measured and written as by moto; a copy shares nothing with its original."""
    expected = DynamoType(value).size(), DynamoType(value).to_regular_json()
    with _faster():
        made = DynamoType(value)
        copied = copy.deepcopy(made)
        found = made.size(), made.to_regular_json()
        assert copied == made
    assert copied is not made
    assert expected == found


@pytest.mark.parametrize(("update", "condition"), UPDATES)
def test_an_update_has_motos_outcome(client: Any, update: str, condition: str | None) -> None:  # noqa: ANN401
    """Every update and condition has the item, answer or error that moto gives; also when it is repeated."""
    expected = _outcome(client, update, condition)
    with _faster():
        found = _outcome(client, update, condition)
    assert expected == found


@pytest.mark.parametrize("characters", [404_900, 405_100])
def test_the_limit_of_an_item_is_motos(characters: int) -> None:
    """An item beyond the limit is refused, one just below is stored."""
    attributes = {"pk": {"S": "x"}, "first": {"S": "a" * 1000}, "rest": {"S": "a" * (characters - 1000)}}
    expected = _created(attributes)
    with _faster():
        found = _created(attributes)
    assert expected == found


def _created(attributes: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON or the name of an error
    try:
        return Item(DynamoType({"S": "x"}), None, attributes).to_json()
    except Exception as error:  # noqa: BLE001 - whatever moto raises
        return type(error).__name__


def _outcome(client: Any, update: str, condition: str | None) -> Any:  # noqa: ANN401 - JSON
    used = f"{update} {condition}"
    options: dict[str, Any] = {
        "ExpressionAttributeNames": {name: value for name, value in NAMES.items() if name in used},
        "ExpressionAttributeValues": {name: value for name, value in GIVEN.items() if name in used},
        "ConditionExpression": condition,
    }
    given = {name: value for name, value in options.items() if value}
    key = {"TableName": "items", "Key": {"pk": {"S": "key"}}}
    client.put_item(TableName="items", Item=ATTRIBUTES)
    answers = []
    for _ in range(2):
        try:
            answer = client.update_item(**key, UpdateExpression=update, ReturnValues="ALL_NEW", **given)
            answers.append(answer["Attributes"])
        except ClientError as error:
            answers.append(error.response["Error"])
    return answers, client.get_item(**key)["Item"]


def _faster() -> ExitStack:
    patches = ExitStack()
    for target, name, value in table_speed.changes():
        patches.enter_context(patch.object(target, name, value))
    return patches
