"""Content Credentials are optional: without them nothing of them is deployed, and the workflow never comes to them."""

from __future__ import annotations

from . import stack
from .test_permissions import statements

CONDITION = "SignsVideos"


def test_off_by_default() -> None:
    """Nobody signs without having asked for it."""
    parameter = stack.written()["Parameters"]["ContentCredentials"]
    assert ("off", ["off", "on"]) == (parameter["Default"], parameter["AllowedValues"])
    assert {"Fn::Equals": [{"Ref": "ContentCredentials"}, "on"]} == stack.translated().body["Conditions"][CONDITION]


def test_without_them_there_are_no_resources_for_them() -> None:
    """Function, role, log and layer depend on the parameter, and nothing else does."""
    resources = stack.translated().body["Resources"].items()
    conditional = {name for name, resource in resources if resource.get("Condition") == CONDITION}
    layers = {name for name in conditional if name.startswith("SigningLayer")}
    assert 1 == len(layers)
    assert {"SignFunction", "SignFunctionRole", "SignLogs"} == conditional - layers


def test_without_them_no_execution_comes_to_their_step() -> None:
    """The state that leads to it is one that no job has: with them it is the end of a job with a video."""
    substituted = stack.properties("Workflow")["DefinitionSubstitutions"]
    assert {"Fn::If": [CONDITION, "succeeded", "none"]} == substituted["StateToSign"]
    (invoking,) = [one for one in statements("WorkflowRole") if one["Sid"] == "RunSteps"]
    assert stack.arn("SignFunction") not in invoking["Resource"]


def test_a_stack_without_a_certificate_is_refused() -> None:
    """Before anything is created."""
    (rule,) = stack.written()["Rules"]["SigningCertificate"]["Assertions"]
    off = {"Fn::Equals": [{"Ref": "ContentCredentials"}, "off"]}
    has_secret = {"Fn::Not": [{"Fn::Equals": [{"Ref": "ContentCredentialsSecretArn"}, ""]}]}
    assert {"Fn::Or": [off, has_secret]} == rule["Assert"]


def test_the_function_may_only_sign() -> None:
    """It reads videos and its secret, writes signed copies, notes them in the job, and may use one key in KMS."""
    results = stack.arn("ResultsBucket")
    found = {
        (action, str(statement["Resource"]))
        for statement in statements("SignFunctionRole")
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert found == {
        ("dynamodb:GetItem", stack.arn("JobTable")),
        ("dynamodb:UpdateItem", stack.arn("JobTable")),
        ("s3:GetObjectVersion", f"{results}/*/video.mp4"),
        ("s3:PutObject", f"{results}/*/signed.mp4"),
        ("s3:AbortMultipartUpload", f"{results}/*/signed.mp4"),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:none"),
        ("kms:Sign", "arn:aws:kms:eu-central-1:123456789012:key/none"),
    }
