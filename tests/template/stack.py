"""The template in the forms that tests use: as written, as CloudFormation gets it, and with references resolved."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from tests.testbed.aws import template

ROOT = Path(__file__).parents[2]
MACHINES = {
    "Workflow": "workflow.asl.yaml",
    "BatchWorkflow": "batch_workflow.asl.yaml",
    "WebhookWorkflow": "webhook_workflow.asl.yaml",
}
REGION = "eu-central-1"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "gallop",
    "AWS::URLSuffix": "amazonaws.com",
}


@cache
def written() -> dict[str, Any]:
    """Return ``template.yaml`` as written."""
    content: dict[str, Any] = template.parsed((ROOT / "template.yaml").read_text(encoding="utf-8"))
    return content


@cache
def translated() -> template.Template:
    """Return the template that CloudFormation gets."""
    return template.read(ROOT / "template.yaml", REGION)


def source_of(machine: str) -> str:
    """Return the text of a state machine, by its logical id."""
    return (ROOT / "functions" / MACHINES[machine]).read_text(encoding="utf-8")


@cache
def definition(machine: str = "Workflow") -> dict[str, Any]:
    """Return a state machine as written."""
    content: dict[str, Any] = template.parsed(source_of(machine))
    return content


def plain(**changed: dict[str, Any]) -> dict[str, Any]:
    """Return the translated template with inline state machines, as linters can read it: nothing in S3."""
    body = deepcopy(translated().body)
    for name, resource in body["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            del properties["DefinitionString"]
            # cfn-lint knows the partition aws only.
            text = json.dumps(changed.get(name) or definition(name)).replace("${Partition}", "aws")
            properties["Definition"] = json.loads(text)
        if resource["Type"] == "AWS::Lambda::LayerVersion":
            properties["Content"] = {"S3Bucket": "source-tree", "S3Key": "shared"}
    body["Resources"]["HttpApi"] = unnested(body["Resources"]["HttpApi"])
    return body


def unnested(value: Any, *met: str) -> Any:  # noqa: ANN401 - a template holds anything
    """Return a value without nested equal conditions, which SAM writes for the route of a conditional function."""
    if isinstance(value, list):
        return [unnested(item, *met) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        condition, then, otherwise = value["Fn::If"]
        if condition in met:
            return unnested(then, *met)
        return {"Fn::If": [condition, unnested(then, *met, condition), otherwise]}
    return {name: unnested(item, *met) for name, item in value.items()}


def parameter(name: str) -> str:
    """Give the default of a parameter, as a function's environment has it."""
    return str(written()["Parameters"][name]["Default"])


@cache
def settings() -> dict[str, str]:
    """Give the environment variables of the functions that parameters set, with the parameters' defaults."""
    given = [function.get("Environment", {}).get("Variables", {}) for function in functions().values()]
    parameters = written()["Parameters"]
    return {
        name: parameter(value["Ref"])
        for variables in given
        for name, value in variables.items()
        if isinstance(value, dict) and "Default" in parameters.get(value.get("Ref"), {})
    }


def max_receives(queue: str) -> int:
    """Give how often a message of a queue is received before it goes to the dead-letter queue."""
    return int(properties(queue)["RedrivePolicy"]["maxReceiveCount"])


def batch_size(function: str) -> int:
    """Give how many messages of its queue a function gets at most at a time."""
    sources = [source["Properties"] for source in of_type("AWS::Lambda::EventSourceMapping").values()]
    (size,) = (int(source["BatchSize"]) for source in sources if source["FunctionName"] == {"Ref": function})
    return size


def sweep_seconds() -> int:
    """Give the seconds from one sweep to the next."""
    (rule,) = of_type("AWS::Events::Rule").values()
    (minutes,) = re.findall(r"^rate\((\d+) minutes?\)$", rule["Properties"]["ScheduleExpression"])
    return 60 * int(minutes)


def properties(name: str) -> dict[str, Any]:
    """Give a resource's properties, translated."""
    found: dict[str, Any] = translated().resources[name]["Properties"]
    return found


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of one type, by logical id, translated."""
    return {name: resource for name, resource in translated().resources.items() if resource["Type"] == kind}


def functions() -> dict[str, dict[str, Any]]:
    """Return the functions' properties, by logical id."""
    return {name: resource["Properties"] for name, resource in of_type("AWS::Lambda::Function").items()}


def arn(name: str) -> str:
    """Return a resource's ARN: a bucket's in full, others with their logical id."""
    resource = translated().resources[name]
    if resource["Type"] == "AWS::S3::Bucket":
        return f"arn:aws:s3:::{resolve(resource['Properties']['BucketName'])}"
    return f"arn:aws:any:{REGION}:123456789012:{name}"


def resolve(value: Any) -> Any:  # noqa: ANN401 - a template holds anything
    """Return a value with its intrinsic functions evaluated."""
    if isinstance(value, list):
        return [item for item in map(resolve, value) if item is not None]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": "AWS::NoValue"}:
            return None
        case {"Ref": str(name)}:
            return _reference(name)
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return arn(name)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([\w.:]+)\}", lambda found: _substitute(found[1]), text)
        case {"Fn::If": [str(condition), then, otherwise]}:
            return resolve(then if holds(condition) else otherwise)
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(map(str, resolve(parts)))
    return {key: resolve(item) for key, item in value.items()}


def holds(condition: str) -> bool:
    """Return whether a condition of the template is true with the parameters' defaults."""
    return _is_true(written()["Conditions"][condition])


def _is_true(condition: dict[str, Any]) -> bool:
    if "Fn::Not" in condition:
        return not _is_true(condition["Fn::Not"][0])
    if "Fn::Or" in condition:
        return any(_is_true(one) for one in condition["Fn::Or"])
    if "Condition" in condition:
        return holds(condition["Condition"])
    left, right = resolve(condition["Fn::Equals"])
    return bool(left == right)


def _reference(name: str) -> str:
    """Return the value of ``Ref``: a bucket's name, a parameter's default, or an ARN for most that policies name."""
    if name in PSEUDO_PARAMETERS:
        return PSEUDO_PARAMETERS[name]
    if name in translated().body["Parameters"]:
        return str(translated().body["Parameters"][name].get("Default", name))
    return arn(name).removeprefix("arn:aws:s3:::")


def _substitute(name: str) -> str:
    if name in PSEUDO_PARAMETERS or "." not in name:
        return _reference(name)
    return str(resolve({"Fn::GetAtt": name.split(".")}))
