"""Set on created resources what moto's CloudFormation ignores.

Through the services' own APIs, or behind them where each of many resources has it: their calls would take most of the
time of a deployment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends

from . import managed_policies
from .account import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Client = Callable[[str], Any]
    Properties = Mapping[str, Any]
    Completion = Callable[[Client, str, Properties], None]


def complete(client: Client, type_: str, physical_id: str, properties: Properties) -> None:
    """Set what is missing on one resource."""
    completion = _COMPLETIONS.get(type_)
    if completion:
        completion(client, physical_id, properties)


def _bucket(client: Client, name: str, properties: Properties) -> None:
    s3 = client("s3")
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    if "PublicAccessBlockConfiguration" in properties:
        s3.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"]
        )
    if "OwnershipControls" in properties:
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    if "LifecycleConfiguration" in properties:
        rules = [_lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    if "CorsConfiguration" in properties:
        rules = [_cors_rule(rule) for rule in properties["CorsConfiguration"]["CorsRules"]]
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    if "NotificationConfiguration" in properties:
        configuration = _notifications(properties["NotificationConfiguration"])
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    """Convert a rule from CloudFormation's format to the API's."""
    converted = dict(rule)
    converted["ID"] = converted.pop("Id", "")
    prefix, tags = converted.pop("Prefix", ""), converted.pop("TagFilters", [])
    converted["Filter"] = {"And": {"Prefix": prefix, "Tags": tags}} if tags else {"Prefix": prefix}
    if "ExpirationInDays" in converted:
        converted["Expiration"] = {"Days": int(converted.pop("ExpirationInDays"))}
    if "ExpiredObjectDeleteMarker" in converted:
        converted["Expiration"] = {"ExpiredObjectDeleteMarker": bool(converted.pop("ExpiredObjectDeleteMarker"))}
    return converted


def _cors_rule(rule: Properties) -> dict[str, Any]:
    converted = {"AllowedMethods": rule["AllowedMethods"], "AllowedOrigins": rule["AllowedOrigins"]}
    names = {"AllowedHeaders": "AllowedHeaders", "ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    return converted | {there: rule[here] for here, there in names.items() if here in rule}


_TARGETS = {
    "QueueConfigurations": ("Queue", "QueueArn"),
    "LambdaConfigurations": ("Function", "LambdaFunctionArn"),
    "TopicConfigurations": ("Topic", "TopicArn"),
}


def _notifications(properties: Properties) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    for kind, (here, there) in _TARGETS.items():
        name = "LambdaFunctionConfigurations" if kind == "LambdaConfigurations" else kind
        for entry in properties.get(kind, []):
            converted: dict[str, Any] = {there: entry[here], "Events": [entry["Event"]]}
            if "Filter" in entry:
                converted["Filter"] = {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}}
            configuration.setdefault(name, []).append(converted)
    if properties.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled"):
        configuration["EventBridgeConfiguration"] = {}
    return configuration


def _table(client: Client, name: str, properties: Properties) -> None:
    dynamodb = client("dynamodb")
    if "TimeToLiveSpecification" in properties:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
    if "PointInTimeRecoverySpecification" in properties:
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"]
        )


def _role(_: Client, name: str, properties: Properties) -> None:
    backend = iam_backends[ACCOUNT]["aws"]
    for arn in properties.get("ManagedPolicyArns", []):
        managed_policies.ensure(arn)
        backend.attach_role_policy(arn, name)


def _log_group(client: Client, name: str, properties: Properties) -> None:
    if "RetentionInDays" in properties:
        backend = logs_backends[ACCOUNT][client("logs").meta.region_name]
        backend.put_retention_policy(name, int(properties["RetentionInDays"]))  # type: ignore[arg-type] # as from its API


def _function(_: Client, name: str, properties: Properties) -> None:
    # No API changes it without new code.
    function = lambda_backends[ACCOUNT][REGION].get_function(name)
    function.architectures = properties.get("Architectures", ["x86_64"])


_COMPLETIONS: dict[str, Completion] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::DynamoDB::Table": _table,
    "AWS::IAM::Role": _role,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Lambda::Function": _function,
}
