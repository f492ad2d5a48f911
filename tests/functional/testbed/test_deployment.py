"""A template that AWS would refuse, or that would not work there, is refused here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.testbed.conftest import STACK, deploy, source
from tests.testbed.aws import parameters
from tests.testbed.aws.account import REGION
from tests.testbed.aws.template import TemplateError, translate

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[dict[str, Any]], object]


def properties(template: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a resource's properties, which can be changed."""
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def refused(change: Change) -> str:
    """Deploy the small stack with a change; return the reason why it is refused."""
    template = source()
    change(template)
    with pytest.raises(TemplateError) as caught:
        deploy(template)
    return str(caught.value)


def test_the_small_stack_comes_up() -> None:
    """Without a change it comes up, so that the refusals below are caused by their changes."""
    deploy(source())


def test_an_unknown_type_is_reported() -> None:
    """Moto would ignore it with a warning."""
    change = refused(lambda t: t["Resources"].update(Fleet={"Type": "AWS::IoT::Fleet", "Properties": {}}))
    assert "cannot deploy AWS::IoT::Fleet" in change


def test_a_reference_to_a_missing_resource_is_reported() -> None:
    """The reference may be by Ref, GetAtt, Sub or DependsOn."""
    ways: list[Any] = [{"Ref": "Missing"}, {"Fn::GetAtt": ["Missing", "Arn"]}, {"Fn::Sub": "x-${Missing}-y"}]
    for way in ways:
        reason = refused(lambda t, way=way: properties(t, "Queue").update(QueueName=way))  # type: ignore[misc]
        assert "Queue refers to Missing" in reason
    assert "Table refers to Missing" in refused(lambda t: t["Resources"]["Table"].update(DependsOn="Missing"))


def test_a_circular_reference_is_reported() -> None:
    """The example is a bucket that notifies a queue whose policy refers to the bucket by Ref."""
    condition = {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Box", "Arn"]}}}

    def change(template: dict[str, Any]) -> None:
        properties(template, "QueuePolicy")["PolicyDocument"]["Statement"][0]["Condition"] = condition

    assert "Circular dependency between resources" in refused(change)


def test_an_unknown_attribute_is_reported() -> None:
    """Moto would omit the property silently."""

    def change(template: dict[str, Any]) -> None:
        properties(template, "Probe")["Environment"]["Variables"]["X"] = {"Fn::GetAtt": ["Gate", "SnapStartResponse"]}

    template = source()
    change(template)
    with pytest.raises(Exception, match=r"Probe|attribute"):
        deploy(template)


def test_a_missing_substitution_is_reported() -> None:
    """The state machine would fail in the state that needs it."""
    reason = refused(lambda t: properties(t, "Machine").pop("DefinitionSubstitutions"))
    assert "DefinitionSubstitutions has no value for ProbeArn, SingleArn" == reason


def test_reserved_variables_are_refused() -> None:
    """Lambda refuses its own variables, too."""
    reason = refused(lambda t: properties(t, "Probe")["Environment"]["Variables"].update(AWS_REGION="x"))
    assert "Lambda sets AWS_REGION itself" in reason


def test_missing_code_is_reported() -> None:
    """CodeUri must be a folder of the source tree."""
    template = source()
    properties(template, "Gate")["CodeUri"] = "functions/gone/"
    with pytest.raises(TemplateError, match="functions/gone/ is not a folder"):
        translate(template, STACK, REGION)


def test_a_visibility_timeout_below_the_functions_timeout_is_refused() -> None:
    """A message would be delivered again while it is being processed."""
    reason = refused(lambda t: properties(t, "Queue").update(VisibilityTimeout=2))
    assert "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds" in reason


def test_a_queue_that_does_not_allow_the_bucket_to_send_is_refused() -> None:
    """S3 validates the destinations of its notifications."""
    reason = refused(lambda t: (t["Resources"].pop("QueuePolicy"), t["Resources"]["Box"].pop("DependsOn")))
    assert "Unable to validate the following destination configurations" in reason


def test_a_function_that_may_not_read_its_queue_is_refused() -> None:
    """If the template sets the role, it must grant the queue's permissions, too."""

    def change(template: dict[str, Any]) -> None:
        document = {
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
            ]
        }
        role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}
        template["Resources"]["OwnRole"] = role
        properties(template, "Consumer")["Role"] = {"Fn::GetAtt": ["OwnRole", "Arn"]}

    reason = refused(change)
    assert "does not have permissions to call ReceiveMessage on SQS" in reason


def test_a_role_that_lambda_may_not_assume_is_refused() -> None:
    """The function could not start."""

    def change(template: dict[str, Any]) -> None:
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
        role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [trust]}}}
        template["Resources"]["OwnRole"] = role
        properties(template, "Gate")["Role"] = {"Fn::GetAtt": ["OwnRole", "Arn"]}

    assert "lambda.amazonaws.com may not assume the role" in refused(change)


def test_a_state_machine_that_may_not_deliver_its_log_is_refused() -> None:
    """Step Functions checks it when the state machine is created."""

    def change(template: dict[str, Any]) -> None:
        group = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["AccessLogs", "Arn"]}}}
        properties(template, "Machine")["Logging"] = {"Level": "ALL", "Destinations": [group]}

    assert "not authorized to access the Log Destination" in refused(change)


def test_an_unknown_managed_policy_is_reported() -> None:
    """The ARN has a typo."""
    arn = "arn:aws:iam::aws:policy/AWSLambdaEverything"
    assert arn in refused(lambda t: properties(t, "Gate").update(Policies=[arn]))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"Word": "x", "Nmae": "y"}, "[Nmae] do not exist in the template"),
        ({}, "[Word] must have values"),
        ({"Word": ""}, "must contain at least 1 characters"),
        ({"Word": "purple"}, "Parameter Word = ****: must be one of ['red', 'x']"),
        ({"Word": "x", "Size": "11"}, "must not be greater than 10"),
        ({"Word": "x", "Size": "many"}, "must be a number"),
        ({"Word": "x", "Url": "ftp://x"}, "an address of the web"),
    ],
)
def test_parameters_are_checked_as_the_template_says(given: dict[str, str], reason: str) -> None:
    """CloudFormation would not start; values with NoEcho are not repeated."""
    declared: dict[str, dict[str, Any]] = {
        "Word": {"Type": "String", "MinLength": 1, "AllowedValues": ["red", "x"], "NoEcho": True},
        "Size": {"Type": "Number", "Default": 5, "MaxValue": 10},
        "Url": {
            "Type": "String",
            "Default": "http://x",
            "AllowedPattern": "https?://.*",
            "ConstraintDescription": "an address of the web",
        },
    }
    with pytest.raises(TemplateError) as caught:
        parameters.check(declared, given)
    assert reason in str(caught.value)
