"""What the functions need of AWS's service descriptions: ``python -m tests.docs.aws_services`` writes it.

botocore reads a description when a client is created: 7 MB of JSON for the services that Gallop uses, with all regions
of all services and the documentation. Without what Gallop does not call it is a fortieth, and a process starts sooner.
The same goes for the rules that give each request its host.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
from botocore.loaders import Loader
from gallop.adapters import aws_services

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(aws_services.__file__).parent
CALLED = {
    "dynamodb": "BatchGetItem DeleteItem GetItem PutItem Query TransactWriteItems UpdateItem",
    "events": "PutEvents",
    "kms": "Sign",
    # HeadBucket for redirects to a bucket's region, and CreateBucket for presigned forms, by botocore itself.
    "s3": "AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket CreateMultipartUpload DeleteObject"
    " GetObject HeadBucket HeadObject ListMultipartUploads ListObjectVersions ListObjectsV2 PutObject UploadPart",
    "secretsmanager": "GetSecretValue",
    "sns": "Publish",
    "sqs": "ChangeMessageVisibility DeleteMessage GetQueueAttributes ReceiveMessage SendMessage",
    "stepfunctions": "DescribeExecution ListExecutions SendTaskSuccess StartExecution",
}
# The types that ``gallop.adapters.table.attributes`` reads: botocore looks for each type in each value.
TYPES = ("S", "N", "M", "L", "NULL", "BOOL")
# By their names among the endpoints; the last four log an operator in.
ENDPOINTS = (
    "dynamodb",
    "events",
    "kms",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "states",
    "oidc",
    "portal.sso",
    "signin",
    "sts",
)

# Endings of names of S3's directory buckets, access points to them, and Outposts.
OTHER_BUCKETS = ("--x-s3", "--xa-s3", "--op-s3")
NEVER_SET = ("Accelerate", "UseObjectLambdaEndpoint", "UseS3ExpressControlEndpoint")


def files() -> Iterator[tuple[str, str]]:
    """Give each file's path and text."""
    loader = Loader()
    yield "endpoints.json", _text(_endpoints(loader.load_data("endpoints")))
    for service, version in aws_services.VERSIONS.items():
        model = loader.load_service_model(service, "service-2", version)
        yield f"{service}/{version}/service-2.json", _text(_trimmed(model, CALLED[service].split()))
        rules = loader.load_service_model(service, "endpoint-rule-set-1", version)
        yield f"{service}/{version}/endpoint-rule-set-1.json", _text(_ruled(rules))


def _endpoints(everything: Mapping[str, Any]) -> dict[str, Any]:
    partitions = [
        {**partition, "services": {name: one for name, one in partition["services"].items() if name in ENDPOINTS}}
        for partition in everything["partitions"]
    ]
    return {**everything, "partitions": partitions}


def _trimmed(model: Mapping[str, Any], called: list[str]) -> dict[str, Any]:
    operations = {name: model["operations"][name] for name in called}
    shapes: dict[str, Any] = {}
    # S3 merges one shape into its description that botocore names itself.
    waiting = [*re.findall(r'"shape": "(\w+)"', json.dumps(operations)), *({"Expires"} & model["shapes"].keys())]
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = _of_our_types(model["shapes"][name]) if name == "AttributeValue" else model["shapes"][name]
            waiting += re.findall(r'"shape": "(\w+)"', json.dumps(shapes[name]))
    inner = {"operations": operations, "shapes": dict(sorted(shapes.items()))}
    # botocore insists on some words about these.
    parameters = {name: {**one, "documentation": ""} for name, one in model.get("clientContextParams", {}).items()}
    short = {name: _undocumented(inner.get(name, value)) for name, value in model.items() if name != "documentation"}
    return {**short, "clientContextParams": parameters} if parameters else short


def _of_our_types(shape: Mapping[str, Any]) -> dict[str, Any]:
    return {**shape, "members": {name: one for name, one in shape["members"].items() if name in TYPES}}


def _undocumented(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_undocumented(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _undocumented(one)
        for name, one in value.items()
        # A parameter may have this name, too.
        if not (name == "documentation" and isinstance(one, str))
    }


def _ruled(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return rules without those for buckets, and for ways to reach one, that Gallop does not have."""
    inner = [_ruled(one) for one in rule.get("rules", ()) if not any(map(_never_holds, one["conditions"]))]
    short: dict[str, Any] = _undocumented({**rule, "rules": inner} if inner else rule)
    return short


def _never_holds(condition: Mapping[str, Any]) -> bool:
    match condition:
        case {"fn": "stringEquals", "argv": [_, str(ending)]}:
            return ending in OTHER_BUCKETS
        case {"fn": "booleanEquals", "argv": [{"ref": str(parameter)}, True]}:
            return parameter in NEVER_SET
        case {"fn": "aws.parseArn", "argv": [{"ref": "Bucket"}]}:
            return True
    return False


def _text(document: object) -> str:
    return json.dumps(document, separators=(",", ":")) + "\n"


def main() -> None:
    """Write all files."""
    for path, text in files():
        target = FOLDER / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    print(f"AWS's services as botocore {botocore.__version__} describes them")  # noqa: T201


if __name__ == "__main__":
    main()
