"""The direct connection to moto, which most tests use, answers like the one by HTTP."""

from __future__ import annotations

import json
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto import mock_aws

from tests.support.direct import Direct
from tests.support.plain_table import PlainTable
from tests.testbed.aws.account import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.promise("P2")

KEY = {"pk": {"S": "JOB#1"}, "sk": {"S": "JOB"}}
ITEM = {**KEY, "n": {"N": "1"}, "deep": {"M": {"list": {"L": [{"S": "a"}, {"NULL": True}, {"BOOL": False}]}}}}
IF_NEW = {"ConditionExpression": "attribute_not_exists(pk)"}
ADDED = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
IF_TWO = {"ConditionExpression": "n = :two", "ExpressionAttributeValues": {":two": {"N": "2"}}}
OTHER = {**KEY, "sk": {"S": "OTHER"}}
ALL = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": KEY["pk"]}}
BEGINS = {"KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)"}
BEGINNING = {**BEGINS, "ExpressionAttributeValues": {":pk": KEY["pk"], ":sk": {"S": "O"}}}
IF_TWO_ADDED = {
    "UpdateExpression": "ADD n :one",
    "ConditionExpression": "attribute_exists(pk) AND (n = :two OR attribute_not_exists(n))",
    "ExpressionAttributeValues": {":one": {"N": "1"}, ":two": {"N": "2"}},
}
NESTED = {"ExpressionAttributeNames": {"#n": "other"}, "ExpressionAttributeValues": {":n": {"N": "2"}}}


def _values(**values: str | int) -> dict[str, Any]:
    packed = {
        f":{name}": {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in values.items()
    }
    return {"ExpressionAttributeValues": packed}


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_item", {"Key": KEY}),
    ("put_item", {"Item": ITEM, **IF_NEW}),
    ("put_item", {"Item": ITEM, **IF_NEW}),
    ("update_item", {"Key": KEY, **ADDED}),
    ("get_item", {"Key": KEY, "ConsistentRead": True}),
    ("update_item", {"Key": OTHER, **ADDED, "ConditionExpression": "attribute_exists(pk)"}),
    ("put_item", {"Item": OTHER}),
    ("query", {**ALL, "ConsistentRead": True}),
    ("query", BEGINNING),
    ("scan", {}),
    ("scan", {"FilterExpression": "n = :two", "ExpressionAttributeValues": {":two": {"N": "2"}}}),
    ("query", {**ALL, "Limit": 1}),
    ("query", {**ALL, "Limit": 1, "ExclusiveStartKey": KEY, "ScanIndexForward": False}),
    ("query", {**ALL, "ExclusiveStartKey": KEY, "ProjectionExpression": "sk, n"}),
    (
        "query",
        {"KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high", **_values(pk="JOB#1", low="A", high="K")},
    ),
    ("query", {"KeyConditionExpression": "pk = :pk AND sk > :sk", **_values(pk="JOB#1", sk="JOB")}),
    ("update_item", {"Key": KEY, "UpdateExpression": "SET deep.#n = :n, n = n + :n REMOVE deep.list", **NESTED}),
    ("update_item", {"Key": KEY, "UpdateExpression": "SET m = if_not_exists(m, :n) + :n, o = n", **_values(n=2)}),
    (
        "update_item",
        {"Key": KEY, "UpdateExpression": "SET n = :n", "ConditionExpression": "n IN (:n, :m)", **_values(n=7, m=8)},
    ),
    ("update_item", {"Key": KEY, "UpdateExpression": "SET none.at = :n", **_values(n=1)}),
    ("update_item", {"Key": KEY, "UpdateExpression": "SET n = :n", **_values(n=1, unused=2)}),
    ("update_item", {"Key": KEY, "UpdateExpression": "SET status = :n", **_values(n=1)}),
    ("update_item", {"Key": KEY, "UpdateExpression": "SET sk = :n", **_values(n="other")}),
    ("put_item", {"Item": {**KEY, "long": {"S": "x" * 410_000}}}),
    ("put_item", {"Item": {**KEY, "sk": {"S": ""}}}),
    ("update_item", {"Key": OTHER, **IF_TWO_ADDED, "ReturnValues": "ALL_NEW"}),
    ("delete_item", {"Key": KEY, **IF_TWO}),
    ("put_item", {"Item": {**KEY, "n": {"N": "2"}}}),
    ("update_item", {"Key": KEY, **IF_TWO_ADDED, "ReturnValues": "ALL_OLD"}),
    ("update_item", {"Key": KEY, **IF_TWO_ADDED, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
    ("put_item", {"Item": {**KEY, "n": {"N": "2"}}}),
    ("delete_item", {"Key": KEY, **IF_TWO}),
    ("delete_item", {"Key": KEY, **IF_TWO}),
    ("get_item", {"Key": KEY}),
]


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[Any]]]:
    """Yield two clients of each service: the first connects directly, the second by HTTP."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(), ExitStack() as ways:
        made: dict[str, list[Any]] = {
            "dynamodb": [boto3.client("dynamodb", region_name=REGION) for _ in range(2)],
            "cloudformation": [boto3.client("cloudformation", region_name=REGION) for _ in range(2)],
            "s3": [boto3.client("s3", region_name=REGION) for _ in range(2)],
        }
        direct = Direct(REGION)
        for short, _ in made.values():
            ways.enter_context(patch.object(short, "_make_api_call", partial(_answer, direct, short)))
        for table in ("table-0", "table-1"):
            made["dynamodb"][1].create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                BillingMode="PAY_PER_REQUEST",
            )
        s3 = made["s3"][1]
        s3.create_bucket(Bucket="results", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket="results", VersioningConfiguration={"Status": "Enabled"})
        yield made


def _answer(direct: Direct, client: Any, operation: str, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a client of any service
    by_http = type(client)._make_api_call  # noqa: SLF001 - where all calls of a client pass
    found: dict[str, Any] = direct.answer(client, operation, request) or by_http(client, operation, request)
    return found


def response(client: Any, call: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - a client of any service
    """Return an answer or a refusal, without the parts that depend on the connection or on moto's capacity figures."""
    try:
        answer = getattr(client, call)(**request)
    except ClientError as error:
        known = {"Error": error.response["Error"]["Code"], "Reasons": error.response.get("CancellationReasons")}
        return {"class": type(error).__name__, **known}
    return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "ConsumedCapacity")}


def test_the_table_answers_the_same(ways: dict[str, list[Any]]) -> None:
    """Every item and every refusal is equal."""
    for call, request in CALLS:
        short, long = (
            response(client, call, TableName=f"table-{n}", **request) for n, client in enumerate(ways["dynamodb"])
        )
        assert long == {name: short.get(name) for name in long}, call


def test_a_difference_from_moto_is_found(ways: dict[str, list[Any]]) -> None:
    """The first request of a kind is answered by both; later ones are not."""
    client, key = ways["dynamodb"][0], {"TableName": "table-0", "Key": KEY}
    client.put_item(TableName="table-0", Item=ITEM)
    client.get_item(**key, ConsistentRead=True)
    with patch.object(PlainTable, "projected", lambda *_: [KEY]):
        assert KEY == client.get_item(**key, ConsistentRead=True)["Item"]
        with pytest.raises(AssertionError):
            client.get_item(**key, ConsistentRead=True, ReturnConsumedCapacity="NONE")


def test_several_items_are_the_same(ways: dict[str, list[Any]]) -> None:
    """Those that are there are given."""
    for number, client in enumerate(ways["dynamodb"]):
        client.put_item(TableName=f"table-{number}", Item=ITEM)
    short, long = (
        response(client, "batch_get_item", RequestItems={f"table-{number}": {"Keys": [KEY, OTHER]}})["Responses"]
        for number, client in enumerate(ways["dynamodb"])
    )
    assert long["table-1"] == short["table-0"] == [ITEM]


def test_transactions_apply_completely_or_not_at_all(ways: dict[str, list[Any]]) -> None:
    """A refusal has the reason for each write."""
    for _ in range(2):
        answers = []
        for number, client in enumerate(ways["dynamodb"]):
            table = {"TableName": f"table-{number}"}
            writes = [{"Update": {"Key": OTHER, **ADDED, **table}}, {"Put": {"Item": ITEM, **IF_NEW, **table}}]
            answers.append(response(client, "transact_write_items", TransactItems=writes))
            answers.append(response(client, "get_item", Key=OTHER, **table)["Item"])
        assert {**OTHER, "n": {"N": "1"}} == answers[1] == answers[3]
        assert answers[0].get("Reasons") == answers[2].get("Reasons")
    assert "TransactionCanceledException" == answers[0]["class"] == answers[2]["class"]


def test_objects_are_the_same(ways: dict[str, list[Any]]) -> None:
    """Content, type and metadata are equal, for single and multipart uploads."""
    described = {"ContentType": "video/mp4", "Metadata": {"gallop-job": "job_1"}}
    seen = []
    for number, client in enumerate(ways["s3"]):
        put = {"Bucket": "results", "Key": f"{number}/put"}
        parts = {"Bucket": "results", "Key": f"{number}/parts"}
        assert client.put_object(**put, Body=b"whole", **described)["VersionId"]
        upload = {**parts, "UploadId": client.create_multipart_upload(**parts, **described)["UploadId"]}
        etag = client.upload_part(**upload, PartNumber=1, Body=b"in parts")["ETag"]
        listed = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        assert client.complete_multipart_upload(**upload, MultipartUpload=listed)["VersionId"]
        answers = [ways["s3"][1].get_object(**key) for key in (put, parts)]
        seen.append([(one["Body"].read(), one["ETag"], one["ContentType"], one["Metadata"]) for one in answers])
    assert seen[0] == seen[1]
    assert [b"whole", b"in parts"] == [content for content, *_ in seen[0]]


@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=2-4"}, {"Range": "bytes=4-99"}], ids=str)
def test_reads_of_objects_are_the_same(ways: dict[str, list[Any]], asked: dict[str, str]) -> None:
    """A version is read whole or by a range, with the same description."""
    put = {"Bucket": "results", "Key": "read"}
    described = {"ContentType": "video/mp4", "Metadata": {"gallop-job": "job_1"}}
    first = ways["s3"][1].put_object(**put, Body=b"version", **described)["VersionId"]
    ways["s3"][1].put_object(**put, Body=b"another")
    answers = [client.get_object(**put, **asked, VersionId=first) for client in ways["s3"]]
    bodies = [answer.pop("Body").read() for answer in answers]
    assert bodies[1] == bodies[0]
    short, long = ({name: answer.get(name) for name in answers[0]} for answer in answers)
    long["ResponseMetadata"] = short["ResponseMetadata"]
    assert long == short


def test_a_missing_object_is_refused_the_same(ways: dict[str, list[Any]]) -> None:
    """Neither way has an object that was never put."""
    assert {"NoSuchKey"} == {
        response(client, "get_object", Bucket="results", Key="none")["Error"] for client in ways["s3"]
    }


def test_objects_are_described_the_same(ways: dict[str, list[Any]]) -> None:
    """A description has the same values, of the newest version and of one that is named."""
    put = {"Bucket": "results", "Key": "described"}
    receipt = {"ContentType": "application/json", "CacheControl": "no-cache", "Tagging": "content=receipt"}
    first = ways["s3"][0].put_object(**put, Body=b"version", Metadata={"gallop-job": "job_1"}, **receipt)["VersionId"]
    ways["s3"][1].put_object(**put, Body=b"another")
    for asked in ({}, {"VersionId": first}):
        short, long = (response(client, "head_object", **put, **asked) for client in ways["s3"])
        assert {name: long.get(name) for name in short} == short
    tags = ways["s3"][1].get_object_tagging(**put, VersionId=first)["TagSet"]
    assert [{"Key": "content", "Value": "receipt"}] == tags


@pytest.mark.parametrize(
    "asked", [{}, {"Prefix": "a/"}, {"Prefix": "a/", "Delimiter": "/"}, {"Prefix": "none"}], ids=str
)
def test_lists_are_the_same(ways: dict[str, list[Any]], asked: dict[str, str]) -> None:
    """Objects come in the same order, with size, tag and time, and folders below them."""
    for key in ("a/2", "a/1", "a/b/3", "c", "a/ü & <x>"):
        ways["s3"][1].put_object(Bucket="results", Key=key, Body=key.encode())
    short, long = (response(client, "list_objects_v2", Bucket="results", **asked) for client in ways["s3"])
    assert {name: _named(long.get(name)) for name in short} == short


@pytest.mark.parametrize("asked", [{}, {"Prefix": "a/"}, {"Prefix": "none"}], ids=str)
def test_versions_are_the_same(ways: dict[str, list[Any]], asked: dict[str, str]) -> None:
    """Those of an object, of one that was deleted, of one that was put again, and what is left of one without any."""
    short, long = ways["s3"]
    for key in ("a/1", "a/2", "a/3", "c"):
        first = long.put_object(Bucket="results", Key=key, Body=key.encode())["VersionId"]
        for client in ways["s3"] if key == "a/2" else ():
            assert client.delete_object(Bucket="results", Key=key)["DeleteMarker"]
        if key == "a/3":
            assert first == short.delete_object(Bucket="results", Key=key, VersionId=first)["VersionId"]
        if key == "c":
            long.put_object(Bucket="results", Key=key, Body=b"again")
    found, expected = (response(client, "list_object_versions", Bucket="results", **asked) for client in ways["s3"])
    assert {name: _described(expected.get(name)) for name in found} == found
    assert ("Versions" in expected, "DeleteMarkers" in expected) == ("Versions" in found, "DeleteMarkers" in found)


def _described(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out the owner, who is the same for all."""
    return [{k: v for k, v in one.items() if k != "Owner"} for one in value] if isinstance(value, list) else value


def test_unfinished_uploads_are_the_same(ways: dict[str, list[Any]]) -> None:
    """There are none, or one."""
    for _ in range(2):
        found, expected = (response(client, "list_multipart_uploads", Bucket="results") for client in ways["s3"])
        assert [one["Key"] for one in expected.get("Uploads", [])] == [one["Key"] for one in found.get("Uploads", [])]
        ways["s3"][1].create_multipart_upload(Bucket="results", Key="unfinished")


def test_the_resources_of_a_stack_are_the_same(ways: dict[str, list[Any]]) -> None:
    """By its name, each with its type and the ID that AWS gave it; a stack that does not exist is refused."""
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "letters"}}
    ways["cloudformation"][1].create_stack(StackName="some", TemplateBody=json.dumps({"Resources": {"Letters": queue}}))
    found, expected = (response(one, "list_stack_resources", StackName="some") for one in ways["cloudformation"])
    ((short,), (long,)) = (answer["StackResourceSummaries"] for answer in (found, expected))
    assert {name: long[name] for name in short} == short
    assert {"ValidationError"} == {
        response(one, "list_stack_resources", StackName="other")["Error"] for one in ways["cloudformation"]
    }


def _named(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out what nobody reads: which checksum an upload had."""
    known = ("ChecksumAlgorithm", "ChecksumType")
    return [{k: v for k, v in one.items() if k not in known} for one in value] if isinstance(value, list) else value


def test_a_file_is_created_only_where_there_is_none(ways: dict[str, list[Any]]) -> None:
    """The second of two creations is refused by both, whichever was first."""
    put = {"Bucket": "results", "Body": b"", "IfNoneMatch": "*"}
    first = [response(client, "put_object", Key=str(number), **put) for number, client in enumerate(ways["s3"])]
    again = [response(client, "put_object", Key=str(number), **put) for number, client in enumerate(ways["s3"])]
    assert [False, False] == ["Error" in answer for answer in first]
    assert ["PreconditionFailed", "PreconditionFailed"] == [answer["Error"] for answer in again]


@pytest.mark.parametrize(
    ("service", "call", "request_"),
    [
        ("dynamodb", "get_item", {"Key": KEY, "ConsistentReed": True}),
        ("dynamodb", "put_item", {"Item": {**KEY, "n": {"N": 1}}}),
        ("s3", "put_object", {"Bucket": "results", "Key": "k", "Body": b"", "Metadata": {"name": "Zoë"}}),
    ],
)
def test_what_botocore_refuses_is_refused(
    ways: dict[str, list[Any]], service: str, call: str, request_: dict[str, Any]
) -> None:
    """A misspelled parameter, a number without its type, and metadata that no header can have."""
    for number, client in enumerate(ways[service]):
        table = {"TableName": f"table-{number}"} if service == "dynamodb" else {}
        with pytest.raises(ParamValidationError):
            getattr(client, call)(**table, **request_)
