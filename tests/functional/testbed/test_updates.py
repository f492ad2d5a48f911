"""An update of a stack changes it in place: what is stored or in progress stays, as on AWS."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.functional.testbed.conftest import STACK, SmallStack, small_stack, source
from tests.support.waiting import eventually
from tests.testbed.aws.account import REGION
from tests.testbed.aws.template import TemplateError, translate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stack() -> Iterator[SmallStack]:
    """Run the small stack, to be updated."""
    with small_stack() as running:
        yield running


def update(stack: SmallStack, changed: dict[str, Any], **parameters: str) -> None:
    """Update the stack to a changed template."""
    stack.aws.update(translate(changed, STACK, REGION), parameters)


def test_a_function_has_its_new_variables(stack: SmallStack, tmp_path: Path) -> None:
    """A run in progress ends as it began, and what is stored is still there."""
    until = tmp_path / "until"
    table, box = stack.outputs["TableName"], stack.outputs["BoxName"]
    stack.aws.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "MINE#1"}})
    stack.aws.client("s3").put_object(Bucket=box, Key="mine/1", Body=b"1")
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(stack.invoke, "Bare", {"do": "hold", "until": str(until)})
        eventually(lambda: stack.aws.runtime.busy("Bare"))
        changed = source()
        changed["Resources"]["Bare"]["Properties"]["Timeout"] = 60
        update(stack, changed, Greeting="good day")
        until.touch()
        assert not held.result().error
    assert "good day" == stack.ask({})["environment"]["GREETING"]
    assert 60_000 >= stack.ask({}, "Bare")["remaining_ms"]
    assert {"MINE#1"} == {item["pk"]["S"] for item in stack.aws.client("dynamodb").scan(TableName=table)["Items"]}
    assert b"1" == stack.aws.client("s3").get_object(Bucket=box, Key="mine/1")["Body"].read()
    assert stack.outputs == stack.aws.outputs()


def test_an_execution_keeps_its_definition(stack: SmallStack) -> None:
    """One that has begun ends by the old one; the next has the new one."""
    states, arn = stack.aws.client("stepfunctions"), stack.outputs["MachineArn"]
    run = {"stateMachineArn": arn, "input": json.dumps({"do": "wait", "seconds": 600})}
    old = states.start_execution(**run)["executionArn"]
    changed = source()
    machine = changed["Resources"]["Machine"]["Properties"]
    machine["Definition"] = yaml.safe_load((STACK / machine.pop("DefinitionUri")).read_text(encoding="utf-8"))
    machine["Definition"]["States"]["Wait"] = {"Type": "Pass", "Result": {"by": "new"}, "End": True}
    update(stack, changed)
    new = states.start_execution(**run)["executionArn"]

    def output(execution: str) -> Any:  # noqa: ANN401 - any JSON
        ended = eventually(lambda: states.describe_execution(executionArn=execution).get("output"))
        return json.loads(ended)

    assert {"by": "new"} == output(new)
    assert "by" not in output(old)


def test_rights_are_those_of_the_new_template(stack: SmallStack) -> None:
    """Inline and managed policies, granted and taken away."""
    put = {"do": "aws", "service": "s3", "call": "put_object", "with": {"Bucket": stack.outputs["BoxName"]}}
    other = {**put, "with": {**put["with"], "Key": "other/1"}}  # type: ignore[dict-item]
    mine = {**put, "with": {**put["with"], "Key": "mine/1"}}  # type: ignore[dict-item]
    assert {"status": 200} == stack.ask(mine)
    changed = source()
    objects = changed["Resources"]["Probe"]["Properties"]["Policies"][0]["Statement"][0]
    objects["Resource"] = {"Fn::Sub": "arn:aws:s3:::${AWS::StackName}-box-${AWS::AccountId}/other/*"}
    update(stack, changed)
    assert {"status": 200} == stack.ask(other)
    assert "AccessDenied" == stack.ask(mine)["code"]


def test_a_function_that_is_gone_runs_no_more(stack: SmallStack) -> None:
    """And a new one runs."""
    changed = source()
    changed["Resources"]["Later"] = changed["Resources"].pop("Brief")
    del changed["Resources"]["BriefFails"]
    update(stack, changed)
    assert "Later" in stack.ask({}, "Later")["function"]
    with pytest.raises(KeyError):
        stack.invoke("Brief", {})


def test_a_table_is_not_replaced(stack: SmallStack) -> None:
    """Another key would make a new table, without the items."""
    changed = source()
    table = changed["Resources"]["Table"]["Properties"]
    table["AttributeDefinitions"][0]["AttributeName"] = table["KeySchema"][0]["AttributeName"] = "id"
    with pytest.raises(TemplateError, match="Table"):
        update(stack, changed)
