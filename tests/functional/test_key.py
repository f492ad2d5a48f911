"""What ``make key`` does, in an AWS of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from gallop.doors import authorize
from gallop.edges import aws
from moto import mock_aws

from tests.testbed import key as command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    },
}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give an account with a stack that has a table, and one that has none."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("JOB_TABLE", "")
    monkeypatch.setenv("REQUESTS_PER_SECOND", "10")
    monkeypatch.delenv("STACK", raising=False)
    aws.dynamodb.cache_clear()
    with mock_aws():
        cloudformation = boto3.client("cloudformation")
        outputs = {"JobTableName": {"Value": {"Ref": "JobTable"}}}
        with_table: dict[str, Any] = {"Resources": {"JobTable": TABLE}, "Outputs": outputs}
        cloudformation.create_stack(StackName="mine", TemplateBody=json.dumps(with_table))
        cloudformation.create_stack(StackName="other", TemplateBody=json.dumps({"Resources": {"Table": TABLE}}))
        yield
    aws.dynamodb.cache_clear()


def client_of(bearer: str) -> object:
    """Ask the authorizer whose key it is."""
    return authorize.authorize({"headers": {"authorization": f"Bearer {bearer}"}})["context"].get("client")


def test_a_key_opens_the_door(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The one line on standard output is a key with which the authorizer knows the client."""
    monkeypatch.setenv("STACK", "mine")
    assert 0 == command.main("acme")
    (key,) = capsys.readouterr().out.splitlines()
    assert "acme" == client_of(key)
    assert None is client_of(key + "x")


def test_the_stack_keeps_no_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is stored does not hold the key."""
    monkeypatch.setenv("STACK", "mine")
    command.main("acme")
    key = capsys.readouterr().out.strip()
    (table,) = [name for name in boto3.client("dynamodb").list_tables()["TableNames"] if name.startswith("mine")]
    items = boto3.client("dynamodb").scan(TableName=table)["Items"]
    assert items
    assert key.removeprefix("gallop_") not in str(items)


@pytest.mark.parametrize(
    ("client", "stack", "says"),
    [
        ("ACME Inc.", "mine", "cannot be a client"),
        ("s3", "mine", "S3 door"),
        ("acme", "nowhere", "nowhere"),
        ("acme", "other", "not a Gallop"),
    ],
)
def test_a_refusal_says_why(
    client: str, stack: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that no client may have, a stack that is not there or is another one: a sentence, no key, exit code 2."""
    monkeypatch.setenv("STACK", stack)
    assert 2 == command.main(client)
    shown = capsys.readouterr()
    assert "" == shown.out
    assert says in shown.err


def test_nothing_to_make_a_key_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a running testbed and without STACK, both ways are named."""
    monkeypatch.setattr(command, "RUNNING", tmp_path / "absent.json")
    assert 2 == command.main("acme")
    shown = capsys.readouterr().err
    assert "make up" in shown
    assert "STACK=" in shown
