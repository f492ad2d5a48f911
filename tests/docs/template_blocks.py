"""What pages show of the template: parameters, outputs, alarms, and what is kept for how long."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.docs.markdown import table
from tests.template import stack
from tests.testbed.aws.cloudwatch.alarms import read as read_alarm

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY_SECONDS = 86_400
KEEPS = {
    "Retain": "stays",
    "RetainExceptOnCreate": "stays, unless the first deployment fails",
    "Delete": "is deleted",
}


def parameters() -> str:
    """Return the table of parameters, in the groups that the console shows."""
    body = stack.written()
    groups = body["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    rows = [
        (group["Label"]["default"], f"`{name}`", *_parameter(body["Parameters"][name]))
        for group in groups
        for name in group["Parameters"]
    ]
    return table(("group", "parameter", "default", "values", "meaning"), rows)


def outputs() -> str:
    """Return the table of outputs."""
    rows = [
        (f"`{name}`", " ".join([one["Description"], *_conditions(one)]))
        for name, one in stack.written()["Outputs"].items()
    ]
    return table(("output", "what it is"), rows)


def alarms() -> str:
    """Return the table of alarms: what each means, as its message says, and what it watches for how long."""
    rows = [
        (f"[`{name}`](#{name.lower()})", _meaning(one), _watched(name, one))
        for name, one in _properties("AWS::CloudWatch::Alarm")
    ]
    return table(("alarm", "what has happened", "metrics, evaluated over"), rows)


def buckets() -> str:
    """Return what is kept of the objects in each bucket."""
    rows = [
        (f"`{name}`", _objects(rule), ", ".join(_expiries(rule, _replaced_days(rule, rules))))
        for name, one in _properties("AWS::S3::Bucket")
        for rules in [one["LifecycleConfiguration"]["Rules"]]
        for rule in rules
    ]
    return table(("bucket", "objects", "rule"), rows)


def logs() -> str:
    """Return how long each log group keeps its entries."""
    groups = defaultdict(list)
    for name, one in _properties("AWS::Logs::LogGroup"):
        groups[json.dumps(one["RetentionInDays"])].append(f"`{name}`")
    rows = [(_days(json.loads(days)), ", ".join(names)) for days, names in groups.items()]
    return table(("kept for", "log groups"), rows)


def queues() -> str:
    """Return how long each queue keeps a message."""
    rows = [
        (f"`{name}`", f"{int(one['MessageRetentionPeriod']) / DAY_SECONDS:g} days")
        for name, one in _properties("AWS::SQS::Queue")
    ]
    return table(("queue", "a message stays for up to"), rows)


def kept_resources() -> str:
    """Return what a deleted stack leaves behind, and what protects it until then."""
    rows = [
        (f"`{name}`", KEEPS[one["DeletionPolicy"]], _protection(one["Properties"]))
        for name, one in stack.translated().resources.items()
        if "DeletionPolicy" in one and one["Type"] in ("AWS::S3::Bucket", "AWS::DynamoDB::Table")
    ]
    return table(("resource", "when the stack is deleted, it", "protection"), rows)


def _parameter(one: dict[str, Any]) -> tuple[str, str, str]:
    default = f"`{one['Default']}`" if one.get("Default", "") != "" else "empty"
    return default, _values(one), " ".join(one["Description"].split())


def _values(one: dict[str, Any]) -> str:
    if "AllowedValues" in one:
        return ", ".join(f"`{value}`" for value in one["AllowedValues"])
    if "AllowedPattern" in one:
        return str(one["ConstraintDescription"])
    if one["Type"] == "Number":
        return f"{one['MinValue']:,} to {one['MaxValue']:,}" if "MaxValue" in one else f"{one['MinValue']:,} or more"
    return f"{one.get('MinLength', 0):,} to {one['MaxLength']:,} characters" if "MaxLength" in one else "text"


def _conditions(one: dict[str, Any]) -> Iterator[str]:
    if "Condition" in one:
        parameter, value = stack.written()["Conditions"][one["Condition"]]["Fn::Equals"]
        yield f"Only if `{parameter['Ref']}` is `{value}`."


def _properties(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((name, resource["Properties"]) for name, resource in stack.of_type(kind).items())


def _meaning(one: dict[str, Any]) -> str:
    return str(one["AlarmDescription"].partition(" First, ")[0])


def _watched(name: str, one: dict[str, Any]) -> str:
    alarm = read_alarm(name, stack.resolve(one))
    metrics = ", ".join(dict.fromkeys(f"`{metric.name}`" for metric in alarm.metrics))
    of = f"{alarm.datapoints} of {alarm.periods}" if alarm.datapoints != alarm.periods else f"{alarm.periods}"
    times = "" if of == "1" else f"{of} \N{MULTIPLICATION SIGN} "
    return f"{metrics}: {times}{alarm.period // 60} min"


def _objects(rule: dict[str, Any]) -> str:
    tags = " and ".join(f"`{tag['Key']}={tag['Value']}`" for tag in rule.get("TagFilters", []))
    return f"with the tag {tags}" if tags else f"`{rule.get('Prefix', '')}*`"


def _replaced_days(rule: dict[str, Any], rules: list[dict[str, Any]]) -> int:
    """Return after how many days a rule, or that of all objects, removes a replaced or deleted version; 0: never."""
    of_all = [other for other in rules if not {"Prefix", "TagFilters"} & other.keys()]
    found = (one.get("NoncurrentVersionExpiration") for one in (rule, *of_all))
    return next((int(days["NoncurrentDays"]) for days in found if days), 0)


def _expiries(rule: dict[str, Any], replaced_days: int) -> Iterator[str]:
    if "ExpirationInDays" in rule:
        days = int(rule["ExpirationInDays"])
        yield f"deleted after {days} days, and gone after {days + replaced_days}"
    elif "NoncurrentVersionExpiration" in rule:
        yield f"replaced or deleted versions removed after {_number(replaced_days)}"
    if "ExpiredObjectDeleteMarker" in rule:
        yield "markers of deleted objects removed with their last version"
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        yield f"unfinished multipart uploads removed after {_number(days)}"


def _number(days: int) -> str:
    return f"{days} day" if int(days) == 1 else f"{days} days"


def _days(value: Any) -> str:  # noqa: ANN401 - a number, or a reference to a parameter
    if isinstance(value, dict):
        default = stack.written()["Parameters"][value["Ref"]]["Default"]
        return f"`{value['Ref']}` days (default {default})"
    return _number(value)


def _protection(properties: dict[str, Any]) -> str:
    found = []
    if properties.get("VersioningConfiguration", {}).get("Status") == "Enabled":
        found.append("versioning: every version is kept until a rule removes it")
    if properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
        found.append("point-in-time recovery: any second of the last 35 days")
    if "TimeToLiveSpecification" in properties:
        found.append(f"items expire at `{properties['TimeToLiveSpecification']['AttributeName']}`")
    return "; ".join(found)
