"""Properties that every function, bucket, table and parameter of the stack must have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gallop.domain.dashscope import addresses

from . import stack
from .test_permissions import statements

FUNCTIONS = stack.functions()
BUCKETS = stack.of_type("AWS::S3::Bucket")
# Ids, numbers, addresses, words of AWS's own; routes of the template, and clients, which are lower-case names.
SAFE_IN_JSON = {
    f"$context.{name}"
    for name in (
        "requestId",
        "requestTimeEpoch",
        "identity.sourceIp",
        "routeKey",
        "status",
        "responseLatency",
        "authorizer.client",
        "error.responseType",
        "integrationStatus",
    )
}
KEEPS_DATA = ["AWS::DynamoDB::Table", "AWS::S3::Bucket"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_the_same_runtime(name: str) -> None:
    """Functions run on python3.13 and arm64, are traced by Lambda, and have a description."""
    function = FUNCTIONS[name]
    assert "python3.13" == function["Runtime"]
    assert ["arm64"] == function["Architectures"]
    assert {"Mode": "Active"} == function["TracingConfig"]
    assert "app.handler" == function["Handler"]
    assert function["Description"].endswith(".")


def test_functions_have_their_own_logs() -> None:
    """Each function writes to its own log group."""
    groups = [function["LoggingConfig"]["LogGroup"]["Ref"] for function in FUNCTIONS.values()]
    assert sorted(set(groups)) == sorted(groups)
    assert set(groups) <= set(stack.of_type("AWS::Logs::LogGroup"))


@pytest.mark.parametrize("name", stack.of_type("AWS::Logs::LogGroup"))
def test_logs_expire(name: str) -> None:
    """Every log group has the retention that the operator chose."""
    group = stack.of_type("AWS::Logs::LogGroup")[name]["Properties"]
    assert {"Ref": "LogRetentionDays"} == group["RetentionInDays"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_queued_work_stays_hidden_while_it_is_processed(name: str) -> None:
    """A queue hides a message for six times its function's timeout, as AWS advises, to prevent a second delivery."""
    sources = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    for source in (item["Properties"] for item in sources if item["Properties"]["FunctionName"] == {"Ref": name}):
        queue = stack.translated().resources[source["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        assert 6 * FUNCTIONS[name]["Timeout"] <= queue["VisibilityTimeout"]
        assert ["ReportBatchItemFailures"] == source["FunctionResponseTypes"]
        assert "deadLetterTargetArn" in queue["RedrivePolicy"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_writes_to_its_own_queue_is_allowed_to(name: str) -> None:
    """Lambda stops a loop after 16 rounds unless the function is configured to allow it."""
    sources = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    mine = [item["Properties"] for item in sources if item["Properties"]["FunctionName"] == {"Ref": name}]
    queues = [stack.resolve(source["EventSourceArn"]) for source in mine]
    granted = statements(FUNCTIONS[name]["Role"]["Fn::GetAtt"][0])
    sends = [one["Resource"] for one in granted if "sqs:SendMessage" in values(one["Action"])]
    loops = any(queue in sends for queue in queues)
    assert loops == ("Allow" == FUNCTIONS[name].get("RecursiveLoop"))
    assert loops == (name == "SubmitFunction")


@pytest.mark.parametrize(("name", "condition"), [("Describe", "DescribesItself"), ("Page", "HasPage")])
def test_public_routes_are_limited(name: str, condition: str) -> None:
    """They need no key, so each has its own limit, far below that of the stage; it exists only with its route."""
    events = stack.written()["Resources"][f"{name}Function"]["Properties"]["Events"].values()
    (stage,) = (item["Properties"] for item in stack.of_type("AWS::ApiGatewayV2::Stage").values())
    routes = {f"{event['Properties']['Method']} {event['Properties']['Path']}" for event in events}
    limits = {route: limit["Fn::If"] for route, limit in stage["RouteSettings"].items()}
    assert routes == {route for route, limit in limits.items() if limit[0] == condition}
    assert [{"Ref": "AWS::NoValue"}] * len(routes) == [limits[route][2] for route in routes]
    highest = max(limits[route][1]["ThrottlingRateLimit"] for route in routes)
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] / 5 >= highest


@pytest.mark.parametrize(
    ("parameter", "condition", "name", "paths"),
    [
        (
            "PublicDescription",
            "DescribesItself",
            "Describe",
            {"Document": "/openapi.json", "Page": "/docs", "File": "/docs/{name}"},
        ),
        ("Page", "HasPage", "Page", {"Page": "/app", "File": "/app/{name}"}),
    ],
)
def test_public_routes_can_be_turned_off(parameter: str, condition: str, name: str, paths: dict[str, str]) -> None:
    """Routes, function, role, log and limits depend on one parameter: a limit of a route that does not exist fails."""
    assert "on" == stack.parameter(parameter)
    resources = stack.translated().body["Resources"].items()
    conditional = {name for name, resource in resources if resource.get("Condition") == condition}
    permissions = {f"{name}FunctionGet{route}Permission" for route in paths}
    assert {f"{name}Function", f"{name}FunctionRole", f"{name}Logs", *permissions} == conditional
    found = stack.plain()["Resources"]["HttpApi"]["Properties"]["Body"]["paths"]
    public = {path for path, methods in found.items() if methods.get("Fn::If", [""])[0] == condition}
    assert set(paths.values()) == public


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_private(name: str) -> None:
    """Buckets block public access in all four ways, are encrypted, and have no ACLs."""
    properties = BUCKETS[name]["Properties"]
    switches = properties["PublicAccessBlockConfiguration"]
    every_way = {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
    assert dict.fromkeys(every_way, True) == switches
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in {"AES256", "aws:kms"}
    assert [{"ObjectOwnership": "BucketOwnerEnforced"}] == properties["OwnershipControls"]["Rules"]


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_require_tls(name: str) -> None:
    """A bucket's policy denies every request without TLS."""
    policies = [item["Properties"] for item in stack.of_type("AWS::S3::BucketPolicy").values()]
    (policy,) = [item for item in policies if item["Bucket"] == {"Ref": name}]
    (deny,) = [item for item in policy["PolicyDocument"]["Statement"] if item["Effect"] == "Deny"]
    bucket = stack.arn(name)
    assert {"AWS": "*"} == deny["Principal"] or deny["Principal"] == "*"
    assert "s3:*" == deny["Action"]
    assert [bucket, f"{bucket}/*"] == stack.resolve(deny["Resource"])
    assert {"Bool": {"aws:SecureTransport": "false"}} == deny["Condition"]


@pytest.mark.parametrize("name", [name for kind in KEEPS_DATA for name in stack.of_type(kind)])
def test_data_survives_the_stack(name: str) -> None:
    """Resources with videos, images or records are kept when the stack is deleted or the resource is replaced."""
    resource = stack.translated().resources[name]
    assert "RetainExceptOnCreate" == resource["DeletionPolicy"]
    assert "Retain" == resource["UpdateReplacePolicy"]


def test_the_table_is_configured() -> None:
    """The table costs nothing while idle, can be restored to any second, removes expired records, and is encrypted."""
    (table,) = stack.of_type("AWS::DynamoDB::Table").values()
    properties = table["Properties"]
    assert "PAY_PER_REQUEST" == properties["BillingMode"]
    assert {"PointInTimeRecoveryEnabled": True} == properties["PointInTimeRecoverySpecification"]
    assert {"AttributeName": "expires_at", "Enabled": True} == properties["TimeToLiveSpecification"]
    assert "SSESpecification" not in properties, "the key that AWS owns encrypts as well, and costs nothing"


@pytest.mark.parametrize("name", stack.written()["Parameters"])
def test_parameters_are_described(name: str) -> None:
    """`sam deploy --guided` shows a sentence for every parameter, and every parameter is used."""
    parameter = stack.written()["Parameters"][name]
    assert parameter["Description"].strip().endswith(".")
    translated = stack.translated()
    assert {"Ref": name} in list(values([translated.resources, translated.body["Conditions"]]))


def test_a_stack_without_a_key_is_refused() -> None:
    """Before anything is created: either the key is set, or the operator's secret."""
    (rule,) = stack.written()["Rules"]["DashScopeKey"]["Assertions"]
    names = ("DashScopeApiKey", "DashScopeSecretArn")
    unset = [{"Fn::Equals": [{"Ref": name}, stack.parameter(name)]} for name in names]
    assert {"Fn::Not": [{"Fn::And": unset}]} == rule["Assert"]


def test_the_vendors_address_is_checked_by_the_same_rule() -> None:
    """The parameter takes exactly what the code sends a key to."""
    assert addresses.BASE_URL == stack.written()["Parameters"]["DashScopeBaseUrl"]["AllowedPattern"]


def test_the_access_log_is_json_whatever_is_requested() -> None:
    """Every variable in it has values without quotes, backslashes and line breaks; an error message may have all."""
    (stage,) = (item["Properties"] for item in stack.of_type("AWS::ApiGatewayV2::Stage").values())
    line = json.loads(stage["AccessLogSettings"]["Format"])
    assert SAFE_IN_JSON >= set(line.values())
    assert "$context.identity.sourceIp" == line["sourceIp"]
    assert "$context.error.responseType" == line["error"]


def test_secrets_are_not_echoed() -> None:
    """The vendor's key is visible in no console."""
    assert stack.written()["Parameters"]["DashScopeApiKey"]["NoEcho"] is True


@pytest.mark.parametrize("name", stack.written()["Outputs"])
def test_outputs_are_described(name: str) -> None:
    """Every output has a description."""
    assert stack.written()["Outputs"][name]["Description"].endswith(".")


def values(content: Any) -> list[Any]:  # noqa: ANN401 - a template holds anything
    """Return a value and everything in it."""
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else []
    return [content, *(deeper for item in inner for deeper in values(item))]


def test_nothing_needs_reserved_concurrency() -> None:
    """AWS refuses it in a new account, where ten functions run at a time and all of them must stay unreserved."""
    assert [] == [name for name, one in stack.functions().items() if "ReservedConcurrentExecutions" in one]
