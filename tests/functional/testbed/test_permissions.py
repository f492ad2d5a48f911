"""IAM is enforced on every call, with AWS's names of actions and resources, and AWS's refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.functional.testbed.conftest import SmallStack

ALLOWED = {"status": 200}


def as_probe(stack: SmallStack, service: str, call: str, **parameters: Any) -> Any:  # noqa: ANN401
    """Call a service as the probe's role."""
    return stack.ask({"do": "aws", "service": service, "call": call, "with": parameters})


def put(stack: SmallStack, key: str) -> Any:  # noqa: ANN401
    """Put an object as the probe."""
    return as_probe(stack, "s3", "put_object", Bucket=stack.outputs["BoxName"], Key=key, Body="x")


def presigned(stack: SmallStack, key: str, expires: int = 3600) -> str:
    """Sign a URL for an object as the probe."""
    parameters = {"Bucket": stack.outputs["BoxName"], "Key": key}
    url: str = stack.ask({"do": "aws", "service": "s3", "call": "presign", "with": parameters, "expires": expires})
    return url


def test_what_the_template_grants_is_allowed_and_the_rest_is_not(stack: SmallStack) -> None:
    """The grant is limited to its prefix; the refusal names role, action and resource as AWS does."""
    assert ALLOWED == put(stack, "mine/a.txt")
    refused = put(stack, "theirs/a.txt")
    assert "AccessDenied" == refused["code"]
    role = stack.aws.deployment.resources["ProbeRole"].physical_id
    name = stack.aws.deployment.function("Probe").name
    assert (
        f"User: arn:aws:sts::123456789012:assumed-role/{role}/{name} is not authorized to perform: s3:PutObject on "
        f"resource: arn:aws:s3:::{stack.outputs['BoxName']}/theirs/a.txt because no identity-based policy allows the "
        "s3:PutObject action"
    ) == refused["message"]


def test_an_explicit_deny_wins(stack: SmallStack) -> None:
    """It overrides an Allow that matches, too."""
    refused = put(stack, "mine/forbidden/a.txt")
    assert refused["message"].endswith("with an explicit deny in an identity-based policy")


def test_a_multipart_upload_cannot_be_aborted_without_its_own_permission(stack: SmallStack) -> None:
    """PutObject starts and completes an upload; AbortMultipartUpload is a separate action."""
    s3 = stack.aws.client("s3")
    upload = s3.create_multipart_upload(Bucket=stack.outputs["BoxName"], Key="mine/big")["UploadId"]
    parameters = {"Bucket": stack.outputs["BoxName"], "Key": "mine/big", "UploadId": upload}
    assert ALLOWED == as_probe(stack, "s3", "upload_part", **parameters, PartNumber=1, Body="x")
    assert "s3:AbortMultipartUpload" in as_probe(stack, "s3", "abort_multipart_upload", **parameters)["message"]


def test_the_prefix_of_a_listing_is_a_condition(stack: SmallStack) -> None:
    """ListBucket is allowed for the granted prefix only."""
    bucket = stack.outputs["BoxName"]
    assert ALLOWED == as_probe(stack, "s3", "list_objects_v2", Bucket=bucket, Prefix="mine/x")
    assert "AccessDenied" == as_probe(stack, "s3", "list_objects_v2", Bucket=bucket)["code"]


def test_a_role_without_list_permission_cannot_see_what_is_missing(stack: SmallStack) -> None:
    """For a missing key S3 answers 403, not 404, unless the caller may list the bucket."""
    missing = {"Bucket": stack.outputs["BoxName"], "Key": "mine/missing"}
    assert "AccessDenied" == as_probe(stack, "s3", "get_object", **missing)["code"]
    assert "403" == as_probe(stack, "s3", "head_object", **missing)["code"]
    with pytest.raises(stack.aws.client("s3").exceptions.NoSuchKey):
        stack.aws.client("s3").get_object(**missing)


def test_leading_keys_are_a_condition(stack: SmallStack) -> None:
    """A grant on a part of a table is limited to that part."""
    table = stack.outputs["TableName"]
    assert ALLOWED == as_probe(stack, "dynamodb", "put_item", TableName=table, Item={"pk": {"S": "MINE#1"}})
    refused = as_probe(stack, "dynamodb", "put_item", TableName=table, Item={"pk": {"S": "THEIRS#1"}})
    assert "AccessDeniedException" == refused["code"]


def test_a_managed_policy_of_the_template_counts(stack: SmallStack) -> None:
    """Its grants apply; a batch needs permission for each of its keys, for reads and for writes."""
    table = stack.outputs["TableName"]

    def read(*keys: str) -> Any:  # noqa: ANN401
        wanted = {table: {"Keys": [{"pk": {"S": key}} for key in keys]}}
        return as_probe(stack, "dynamodb", "batch_get_item", RequestItems=wanted)

    def write(*keys: str) -> Any:  # noqa: ANN401
        wanted = {table: [{"PutRequest": {"Item": {"pk": {"S": key}}}} for key in keys]}
        return as_probe(stack, "dynamodb", "batch_write_item", RequestItems=wanted)

    assert ALLOWED == read("MINE#1", "MINE#2")
    assert "AccessDeniedException" == read("MINE#1", "THEIRS#1")["code"]
    assert "AccessDeniedException" == write("MINE#1", "THEIRS#1")["code"]
    role = stack.aws.deployment.resources["ProbeRole"].physical_id
    policy = stack.aws.deployment.resources["Reading"].physical_id.rsplit("/", 1)[1]
    unused = stack.aws.unused_grants()
    assert f"{role}: {policy}/Batches: dynamodb:BatchWriteItem" in unused
    assert f"{role}: {policy}/Batches: dynamodb:BatchGetItem" not in unused


def test_a_transaction_needs_permission_for_its_items(stack: SmallStack) -> None:
    """Transactions have no permission of their own: each item needs its own."""
    table = stack.outputs["TableName"]
    update = {"TableName": table, "Key": {"pk": {"S": "MINE#1"}}, "UpdateExpression": "SET a = :a"}
    update |= {"ExpressionAttributeValues": {":a": {"S": "1"}}}
    items: list[dict[str, Any]] = [{"Update": update}]
    assert ALLOWED == as_probe(stack, "dynamodb", "transact_write_items", TransactItems=items)
    items.append({"Delete": {"TableName": table, "Key": {"pk": {"S": "MINE#2"}}}})
    refused = as_probe(stack, "dynamodb", "transact_write_items", TransactItems=items)
    assert "dynamodb:DeleteItem" in refused["message"]


@pytest.mark.parametrize(
    ("service", "call", "parameters", "action"),
    [
        ("sqs", "send_message", {"QueueUrl": "https://x/1/jobs", "MessageBody": "x"}, "sqs:SendMessage"),
        ("secretsmanager", "get_secret_value", {"SecretId": "key"}, "secretsmanager:GetSecretValue"),
        ("lambda", "invoke", {"FunctionName": "other"}, "lambda:InvokeFunction"),
        (
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:m"},
            "states:StartExecution",
        ),
        (
            "events",
            "put_events",
            {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]},
            "events:PutEvents",
        ),
        ("iam", "list_users", {}, "iam:ListUsers"),
    ],
)
def test_every_service_refuses_what_is_not_granted(
    stack: SmallStack, service: str, call: str, parameters: dict[str, Any], action: str
) -> None:
    """Each refusal has the format that makes its SDK raise an access error."""
    refused = as_probe(stack, service, call, **parameters)
    assert refused["code"].startswith("AccessDenied")
    assert f"is not authorized to perform: {action} on resource: " in refused["message"]


@pytest.mark.parametrize("call", ["send_task_success", "send_task_failure", "send_task_heartbeat"])
def test_a_grant_on_a_machine_does_not_cover_answers_to_its_tasks(stack: SmallStack, call: str) -> None:
    """The reference has no resource type for these actions, so a statement with an ARN matches no request."""
    parameters = {"taskToken": "x" * 100} | ({"output": "{}"} if call == "send_task_success" else {})
    refused = as_probe(stack, "stepfunctions", call, **parameters)
    assert "AccessDeniedException" == refused["code"]
    assert refused["message"].count(" on resource: * because ") == 1


def test_an_unknown_key_is_refused(stack: SmallStack) -> None:
    """Each protocol has its own error for it."""
    session = boto3.Session("AKIANOBODY", "x", region_name=stack.aws.region)
    codes = {}
    calls = (("s3", "list_buckets"), ("dynamodb", "list_tables"), ("lambda", "list_functions"), ("iam", "list_users"))
    for service, call in calls:
        client = session.client(service, endpoint_url=stack.aws.endpoint_url)  # type: ignore[call-overload]
        with pytest.raises(ClientError) as caught:
            getattr(client, call)()
        codes[service] = caught.value.response["Error"]["Code"]
        client.close()
    assert {
        "s3": "InvalidAccessKeyId",
        "dynamodb": "UnrecognizedClientException",
        "lambda": "UnrecognizedClientException",
        "iam": "InvalidClientTokenId",
    } == codes


def test_nothing_is_accessible_without_a_key(stack: SmallStack) -> None:
    """Neither buckets nor moto's control API behind the gatekeeper can be called without one."""
    for path in (f"/{stack.outputs['BoxName']}/mine/a.txt", "/moto-api/reset"):
        assert 403 == httpx.get(stack.aws.endpoint_url + path).status_code


def test_a_presigned_url_acts_with_the_role_that_signed_it(stack: SmallStack) -> None:
    """It grants access to what the role may read, completely or in part, and to nothing else."""
    stack.aws.client("s3").put_object(Bucket=stack.outputs["BoxName"], Key="mine/b.txt", Body=b"0123456789")
    stack.aws.client("s3").put_object(Bucket=stack.outputs["BoxName"], Key="theirs/b.txt", Body=b"x")
    assert b"0123456789" == httpx.get(presigned(stack, "mine/b.txt")).content
    part = httpx.get(presigned(stack, "mine/b.txt"), headers={"Range": "bytes=2-4"})
    assert (206, b"234") == (part.status_code, part.content)
    refused = httpx.get(presigned(stack, "theirs/b.txt"))
    assert (403, True) == (refused.status_code, "<Code>AccessDenied</Code>" in refused.text)


def test_a_presigned_url_is_valid_only_for_what_was_signed(stack: SmallStack) -> None:
    """Another key, another method or a longer expiry invalidates the signature."""
    url = presigned(stack, "mine/a.txt")
    assert "SignatureDoesNotMatch" in httpx.get(url.replace("a.txt", "b.txt")).text
    assert "SignatureDoesNotMatch" in httpx.get(url.replace("Expires=3600", "Expires=9600")).text
    assert 403 == httpx.head(url).status_code
    assert "SignatureDoesNotMatch" in httpx.put(url, content=b"x").text


def test_a_presigned_url_expires_on_the_simulated_clock(stack: SmallStack) -> None:
    """At a speed of a hundred, a minute and a half passes in one real second, a day does not."""
    put(stack, "mine/a.txt")
    brief, long = presigned(stack, "mine/a.txt", expires=90), presigned(stack, "mine/a.txt", expires=86_400)
    expired = eventually(lambda: (answer := httpx.get(brief)).status_code == 403 and answer)
    assert "Request has expired" in expired.text
    assert 200 == httpx.get(long).status_code


def test_a_url_with_the_old_signature_is_refused(stack: SmallStack) -> None:
    """The testbed's region supports Signature Version 4 only, like all newer regions."""
    driver = stack.aws.driver
    session = boto3.Session(driver.access_key_id, driver.secret_access_key, region_name="us-east-1")
    client = session.client("s3", endpoint_url=stack.aws.endpoint_url, config=Config(signature_version="s3"))
    url = client.generate_presigned_url("get_object", Params={"Bucket": stack.outputs["BoxName"], "Key": "mine/a.txt"})
    client.close()
    answer = httpx.get(url)
    assert (400, True) == (answer.status_code, "AWS4-HMAC-SHA256" in answer.text)


def test_the_audit_records_calls_and_decisions(stack: SmallStack) -> None:
    """Tests of the product use it: no call is refused, and no grant is unused."""
    stack.aws.audit.clear()
    put(stack, "mine/a.txt")
    put(stack, "theirs/a.txt")
    role = stack.aws.deployment.resources["ProbeRole"].physical_id
    box = f"arn:aws:s3:::{stack.outputs['BoxName']}"
    checked = {(e.action, e.resource, e.allowed) for e in stack.aws.audit.entries(role) if e.action.startswith("s3:")}
    assert {("s3:PutObject", f"{box}/mine/a.txt", True), ("s3:PutObject", f"{box}/theirs/a.txt", False)} == checked
    assert [f"{box}/theirs/a.txt"] == [entry.resource for entry in stack.aws.audit.refusals()]
    unused = stack.aws.unused_grants()
    assert f"{role}: ProbeRolePolicy0/Objects: s3:GetObject" in unused
    assert f"{role}: ProbeRolePolicy0/Objects: s3:PutObject" not in unused


def test_listeners_are_called_before_a_call_runs(stack: SmallStack) -> None:
    """Chaos tests kill a function at each of its calls: the call was permitted and never ran."""

    def kill(entry: Any) -> None:  # noqa: ANN401
        if entry.action == "s3:PutObject":
            stack.aws.runtime.kill("Probe")

    stack.aws.audit.listeners.append(kill)
    try:
        event = {"Bucket": stack.outputs["BoxName"], "Key": "mine/never.txt", "Body": "x"}
        result = stack.invoke("Probe", {"do": "aws", "service": "s3", "call": "put_object", "with": event})
    finally:
        stack.aws.audit.listeners.clear()
    assert "Runtime.ExitError" == json.loads(result.payload)["errorType"]
