"""Whether the stack's roles may do what decides whether a job ends, by IAM's simulation: nothing is done.

A policy that somebody changed, a permissions boundary or a policy of the organisation shows here and in no other check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters.operator_calls import ask
from gallop.domain.diagnosis import failure, ok
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

# Names of resources in the template, and what follows them; "*" is any.
_TABLE, _SECRET = "{JobTable}", "{secret}"


@frozen
class Need:
    """What a role must be allowed: ``key`` is the partition key of an item, where it is one of the table."""

    role: str
    action: str
    resource: str
    key: str = ""


def _job_of(function: str) -> Need:
    return Need(f"{function}Role", "dynamodb:UpdateItem", _TABLE, "JOB#doctor")


NEEDS = (
    Need("AuthorizeFunctionRole", "dynamodb:UpdateItem", _TABLE, "KEY#doctor"),
    Need("SubmitFunctionRole", "sqs:ReceiveMessage", "{DropQueue}"),
    Need("SubmitFunctionRole", "s3:GetObject", "{InboxBucket}/drop/doctor/1.jpg"),
    Need("SubmitFunctionRole", "dynamodb:PutItem", _TABLE, "JOB#doctor"),
    Need("SubmitFunctionRole", "states:StartExecution", "{Workflow}"),
    Need("SubmitFunctionRole", "states:StartExecution", "{BatchWorkflow}"),
    Need("SubmitFunctionRole", "secretsmanager:GetSecretValue", _SECRET),
    Need("WorkflowRole", "lambda:InvokeFunction", "{StartTaskFunction}"),
    Need("TakeSlotFunctionRole", "states:SendTaskSuccess", "*"),
    Need("StartTaskFunctionRole", "secretsmanager:GetSecretValue", _SECRET),
    Need("StartTaskFunctionRole", "s3:GetObjectVersion", "{InboxBucket}/drop/doctor/1.jpg"),
    _job_of("StartTaskFunction"),
    Need("StatusFunctionRole", "secretsmanager:GetSecretValue", _SECRET),
    _job_of("StatusFunction"),
    Need("SaveResultFunctionRole", "s3:PutObject", "{ResultsBucket}/videos/doctor/video.mp4"),
    _job_of("SaveResultFunction"),
    Need("FinishFunctionRole", "states:SendTaskSuccess", "*"),
    Need("FinishFunctionRole", "states:StartExecution", "{WebhookWorkflow}"),
    Need("ReconcileFunctionRole", "states:StartExecution", "{Workflow}"),
    Need("VideosFunctionRole", "s3:GetObjectVersion", "{ResultsBucket}/videos/doctor/video.mp4"),
    Need("BatchWorkflowRole", "lambda:InvokeFunction", "{BatchFunction}"),
    Need("BatchFunctionRole", "states:StartExecution", "{Workflow}"),
    Need("DeliverFunctionRole", "events:PutEvents", "{bus}"),
)


def check(deployment: Deployment) -> Iterator[Finding]:
    """Simulate each of them."""
    arns = _Arns(deployment)
    refused = [
        f"{need.role} may not {need.action} on {arns.filled(need.resource)}" for need in NEEDS if not arns.may(need)
    ]
    if refused:
        remedy = "Compare the role's policies with template.yaml, and look for policies of the organisation: "
        yield failure("rights", f"{'; '.join(refused)}.", f"{remedy}sam deploy, after a change in the template.")
    else:
        yield ok("rights", f"The roles are allowed all {len(NEEDS)} calls that decide whether a job ends (simulated).")


class _Arns:
    """The stack's resources as IAM names them."""

    def __init__(self, deployment: Deployment) -> None:
        submit = deployment.configuration("SubmitFunction")
        self._deployment = deployment
        self._role_start = submit["Role"].rpartition("/")[0]
        _, partition, _, region, account = submit["FunctionArn"].split(":")[:5]
        self._start = f"arn:{partition}:{{service}}:{region}:{account}:"
        self._buckets = f"arn:{partition}:s3:::"
        self._secret = submit["Environment"]["Variables"]["DASHSCOPE_SECRET_ARN"]

    def may(self, need: Need) -> bool:
        """Ask IAM."""
        keys = {
            "ContextKeyName": "dynamodb:LeadingKeys",
            "ContextKeyValues": [need.key],
            "ContextKeyType": "stringList",
        }
        answer = ask(
            "iam",
            "simulate_principal_policy",
            PolicySourceArn=f"{self._role_start}/{self._deployment.resource(need.role)}",
            ActionNames=[need.action],
            ResourceArns=[self.filled(need.resource)],
            ContextEntries=[keys] if need.key else [],
        )
        return all(one["EvalDecision"] == "allowed" for one in answer["EvaluationResults"])

    def filled(self, pattern: str) -> str:
        """Return the ARN of a resource by its name in the template, with what follows it."""
        name, brace, rest = pattern.removeprefix("{").partition("}")
        return f"{self._arn(name)}{rest}" if brace else pattern

    def _arn(self, name: str) -> str:
        if name == "secret":
            return str(self._secret)
        if name == "bus":
            return f"{self._start.format(service='events')}event-bus/default"
        physical = self._deployment.resource(name)
        kinds: Mapping[str, str] = {
            "AWS::Lambda::Function": f"{self._start.format(service='lambda')}function:{physical}",
            "AWS::DynamoDB::Table": f"{self._start.format(service='dynamodb')}table/{physical}",
            "AWS::SQS::Queue": f"{self._start.format(service='sqs')}{physical.rpartition('/')[2]}",
            "AWS::S3::Bucket": f"{self._buckets}{physical}",
        }
        return kinds.get(self._deployment.types[name], physical)
