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


def _receipts_of(function: str) -> Need:
    return Need(f"{function}Role", "s3:PutObject", "{ResultsBucket}/drop/doctor/status.json")


NEEDS = (
    Need("AuthorizeFunctionRole", "dynamodb:UpdateItem", _TABLE, "KEY#doctor"),
    Need("SubmitFunctionRole", "sqs:ReceiveMessage", "{DropQueue}"),
    Need("SubmitFunctionRole", "s3:GetObject", "{InboxBucket}/drop/doctor/1.jpg"),
    Need("SubmitFunctionRole", "dynamodb:PutItem", _TABLE, "JOB#doctor"),
    Need("SubmitFunctionRole", "states:StartExecution", "{Workflow}"),
    Need("SubmitFunctionRole", "states:StartExecution", "{BatchWorkflow}"),
    Need("SubmitFunctionRole", "secretsmanager:GetSecretValue", _SECRET),
    _receipts_of("SubmitFunction"),
    Need("WorkflowRole", "lambda:InvokeFunction", "{StartTaskFunction}"),
    Need("TakeSlotFunctionRole", "states:SendTaskSuccess", "*"),
    _receipts_of("TakeSlotFunction"),
    Need("StartTaskFunctionRole", "secretsmanager:GetSecretValue", _SECRET),
    Need("StartTaskFunctionRole", "s3:GetObjectVersion", "{InboxBucket}/drop/doctor/1.jpg"),
    _job_of("StartTaskFunction"),
    _receipts_of("StartTaskFunction"),
    Need("StatusFunctionRole", "secretsmanager:GetSecretValue", _SECRET),
    _job_of("StatusFunction"),
    _receipts_of("StatusFunction"),
    Need("SaveResultFunctionRole", "s3:PutObject", "{ResultsBucket}/videos/doctor/video.mp4"),
    _job_of("SaveResultFunction"),
    Need("FinishFunctionRole", "states:SendTaskSuccess", "*"),
    Need("FinishFunctionRole", "states:StartExecution", "{WebhookWorkflow}"),
    _job_of("FinishFunction"),
    Need("FinishFunctionRole", "dynamodb:UpdateItem", _TABLE, "BUDGET#doctor"),
    _receipts_of("FinishFunction"),
    # Receipts have a tag. All roles that write them have this right from one policy.
    Need("FinishFunctionRole", "s3:PutObjectTagging", "{ResultsBucket}/drop/doctor/status.json"),
    Need("ReconcileFunctionRole", "states:StartExecution", "{Workflow}"),
    _job_of("ReconcileFunction"),
    _receipts_of("ReconcileFunction"),
    Need("VideosFunctionRole", "s3:GetObjectVersion", "{ResultsBucket}/videos/doctor/video.mp4"),
    _receipts_of("VideosFunction"),
    Need("BatchWorkflowRole", "lambda:InvokeFunction", "{BatchFunction}"),
    Need("BatchFunctionRole", "states:StartExecution", "{Workflow}"),
    _receipts_of("BatchFunction"),
    Need("DeliverFunctionRole", "events:PutEvents", "{bus}"),
)


def check(deployment: Deployment) -> Iterator[Finding]:
    """Simulate each of them."""
    arns = _Arns(deployment)
    refused = [
        f"{need.role} may not {need.action} on {arns.filled(need.resource)}" for need in NEEDS if not arns.may(need)
    ]
    if refused:
        yield failure("rights", f"{'; '.join(refused)}.", "See the section 'A refused call' in docs/operations.md.")
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
