"""A template that AWS would refuse, or that would not work there, does not come up here."""

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
    """Return a resource's properties, to be changed."""
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def refused(change: Change) -> str:
    """Deploy the small stack with a change and give the reason why it does not come up."""
    template = source()
    change(template)
    with pytest.raises(TemplateError) as caught:
        deploy(template)
    return str(caught.value)


def test_the_small_stack_comes_up() -> None:
    """Unchanged, so that the refusals below are those of their changes."""
    deploy(source())


def test_an_unknown_type_is_named() -> None:
    """Moto would leave it out with a warning."""
    change = refused(lambda t: t["Resources"].update(Fleet={"Type": "AWS::IoT::Fleet", "Properties": {}}))
    assert "cannot deploy AWS::IoT::Fleet" in change


def test_a_reference_to_nothing_is_named() -> None:
    """By Ref, GetAtt, Sub or DependsOn."""
    ways: list[Any] = [{"Ref": "Missing"}, {"Fn::GetAtt": ["Missing", "Arn"]}, {"Fn::Sub": "x-${Missing}-y"}]
    for way in ways:
        reason = refused(lambda t, way=way: properties(t, "Queue").update(QueueName=way))  # type: ignore[misc]
        assert "Queue refers to Missing" in reason
    assert "Table refers to Missing" in refused(lambda t: t["Resources"]["Table"].update(DependsOn="Missing"))


def test_a_circle_of_references_is_shown() -> None:
    """A bucket that tells a queue whose policy names the bucket by Ref."""
    condition = {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Box", "Arn"]}}}

    def change(template: dict[str, Any]) -> None:
        properties(template, "QueuePolicy")["PolicyDocument"]["Statement"][0]["Condition"] = condition

    assert "Circular dependency between resources" in refused(change)


def test_an_attribute_that_does_not_exist_is_named() -> None:
    """Moto would leave the property out without a word."""

    def change(template: dict[str, Any]) -> None:
        properties(template, "Probe")["Environment"]["Variables"]["X"] = {"Fn::GetAtt": ["Gate", "SnapStartResponse"]}

    template = source()
    change(template)
    with pytest.raises(Exception, match=r"Probe|attribute"):
        deploy(template)


def test_a_missing_substitution_is_named() -> None:
    """The state machine would fail at the state that needs it."""
    reason = refused(lambda t: properties(t, "Machine").pop("DefinitionSubstitutions"))
    assert "DefinitionSubstitutions has no value for ProbeArn, SingleArn" == reason


def test_lambdas_own_variables_are_refused() -> None:
    """As Lambda does."""
    reason = refused(lambda t: properties(t, "Probe")["Environment"]["Variables"].update(AWS_REGION="x"))
    assert "Lambda sets AWS_REGION itself" in reason


def test_code_that_is_not_there_is_named() -> None:
    """A folder of the source tree."""
    template = source()
    properties(template, "Gate")["CodeUri"] = "functions/gone/"
    with pytest.raises(TemplateError, match="functions/gone/ is not a folder"):
        translate(template, STACK, REGION)


def test_a_queue_that_hides_messages_for_less_than_the_functions_timeout_is_refused() -> None:
    """A message would come back while it is being worked on."""
    reason = refused(lambda t: properties(t, "Queue").update(VisibilityTimeout=2))
    assert "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds" in reason


def test_a_queue_that_does_not_let_the_bucket_send_is_refused() -> None:
    """S3 validates the destinations of its events."""
    reason = refused(lambda t: (t["Resources"].pop("QueuePolicy"), t["Resources"]["Box"].pop("DependsOn")))
    assert "Unable to validate the following destination configurations" in reason


def test_a_function_that_may_not_read_its_queue_is_refused() -> None:
    """With a role of its own, the queue's permissions are the template's business."""

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
    """The function could not even start."""

    def change(template: dict[str, Any]) -> None:
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
        role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [trust]}}}
        template["Resources"]["OwnRole"] = role
        properties(template, "Gate")["Role"] = {"Fn::GetAtt": ["OwnRole", "Arn"]}

    assert "lambda.amazonaws.com may not assume the role" in refused(change)


def test_a_state_machine_that_may_not_deliver_its_log_is_refused() -> None:
    """Step Functions checks it when the machine is made."""

    def change(template: dict[str, Any]) -> None:
        group = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["AccessLogs", "Arn"]}}}
        properties(template, "Machine")["Logging"] = {"Level": "ALL", "Destinations": [group]}

    assert "not authorized to access the Log Destination" in refused(change)


def test_a_managed_policy_that_aws_does_not_have_is_named() -> None:
    """A slip of the pen in an ARN."""
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
    """CloudFormation would not even begin; what must not be echoed is not."""
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
