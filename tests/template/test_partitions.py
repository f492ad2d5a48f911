"""The stack can be deployed in each of AWS's partitions: the usual one, China and GovCloud."""

from __future__ import annotations

import json
import re

import pytest

from tests.testbed.aws import template

from . import stack

# A region of each of the other partitions, with the partition.
OTHERS = {"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}
ARN = re.compile(r"arn:(aws[a-z-]*):")
SOURCES = [stack.ROOT / "template.yaml"] + [
    path
    for folder in ("functions", "shared")
    for path in (stack.ROOT / folder).rglob("*")
    if path.suffix in {".py", ".yaml"}
]


def partitions(text: str) -> set[str]:
    """Return the partitions that a text spells out in ARNs."""
    return set(ARN.findall(text))


@pytest.mark.parametrize("region", OTHERS)
def test_the_translated_template_names_no_other_partition(region: str) -> None:
    """Every ARN has the partition of the region, state machines included: CloudFormation fills in the rest."""
    body = template.read(stack.ROOT / "template.yaml", region).body
    assert {OTHERS[region]} >= partitions(json.dumps(body, default=str))


@pytest.mark.parametrize("machine", stack.MACHINES)
def test_state_machines_name_no_partition(machine: str) -> None:
    """A state machine gets the partition from the template, in every ARN."""
    properties = stack.of_type("AWS::StepFunctions::StateMachine")[machine]["Properties"]
    assert {"Ref": "AWS::Partition"} == properties["DefinitionSubstitutions"]["Partition"]
    assert set() == partitions(stack.source_of(machine))
    assert {"${Partition}"} == set(re.findall(r"arn:([^:]*):", stack.source_of(machine)))


def test_sources_name_neither_partition_nor_domain() -> None:
    """Both differ in China: ``aws-cn`` and ``amazonaws.com.cn``. A service principal is the same everywhere."""
    texts = {path: re.sub(r'"?Service"?: "?[\w.-]+', "", path.read_text(encoding="utf-8")) for path in SOURCES}
    assert [] == [path for path, text in texts.items() if partitions(text) or "amazonaws.com" in text]
