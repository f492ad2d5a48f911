"""The checks of AWS at stack creation that moto lacks: roles, event sources, notifications, log delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .account import ACCOUNT
from .iam import identities, lookup
from .iam.ask import Ask
from .template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .deploy import Deployed, Deployment
    from .iam.authority import Authority
    from .wiring import Wiring

_ASSUMED_BY = {
    "AWS::Lambda::Function": ("Role", "lambda.amazonaws.com"),
    "AWS::StepFunctions::StateMachine": ("RoleArn", "states.amazonaws.com"),
}
_FROM_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
_TRACING = ("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets")
_BATCH_WITHOUT_WINDOW = 10


@dataclass(frozen=True, slots=True)
class Preflight:
    """Checks a deployed stack."""

    deployment: Deployment
    authority: Authority
    wiring: Wiring

    def check(self) -> None:
        """Raise ``TemplateError`` with everything that AWS would refuse."""
        faults = [
            *self._roles(),
            *self._event_sources(),
            *self._notifications(),
            *self._state_machines(),
            *self._rules(),
        ]
        if faults:
            raise TemplateError("\n".join(faults))

    def _roles(self) -> Iterator[str]:
        for type_, (property_, service) in _ASSUMED_BY.items():
            for resource in self.deployment.of_type(type_):
                role = resource.properties[property_]
                if not self._may_assume(service, role):
                    yield f"{resource.logical_id}: {service} may not assume the role {role}"

    def _may_assume(self, service: str, role_arn: str) -> bool:
        document = identities.role(role_arn.rsplit("/", 1)[1]).assume_role_policy_document
        return self.authority.service_allows(service, "", Ask("sts:AssumeRole", role_arn), document)

    def _event_sources(self) -> Iterator[str]:
        for mapping in self.deployment.of_type("AWS::Lambda::EventSourceMapping"):
            queue_arn = mapping.properties["EventSourceArn"]
            if not queue_arn.startswith("arn:aws:sqs:"):
                yield f"{mapping.logical_id}: the testbed supports only queues as event sources, not {queue_arn}"
                continue
            function = self.deployment.function(mapping.properties["FunctionName"])
            for action in _FROM_QUEUE:
                if not self.authority.role_allows(function.role_arn, Ask(action, queue_arn)):
                    name = action.split(":")[1]
                    yield (
                        f"{mapping.logical_id}: The provided execution role does not have permissions to call "
                        f"{name} on SQS"
                    )
            visibility = lookup.queue(queue_arn).visibility_timeout  # type: ignore[attr-defined]
            if visibility < function.timeout_s:
                yield (
                    f"{mapping.logical_id}: Queue visibility timeout: {visibility} seconds is less than "
                    f"Function timeout: {function.timeout_s:.0f} seconds"
                )
            yield from _batching(mapping)

    def _notifications(self) -> Iterator[str]:
        for bucket in self.deployment.of_type("AWS::S3::Bucket"):
            configuration = bucket.properties.get("NotificationConfiguration", {})
            arn = f"arn:aws:s3:::{bucket.physical_id}"
            unable = f"{bucket.logical_id}: Unable to validate the following destination configurations:"
            for entry in configuration.get("QueueConfigurations", []):
                ask = Ask("sqs:SendMessage", entry["Queue"])
                policy = lookup.resource_policy(entry["Queue"])
                if not self.authority.service_allows("s3.amazonaws.com", arn, ask, policy):
                    yield f"{unable} the policy of {entry['Queue']} does not allow this bucket to send"
            for entry in configuration.get("LambdaConfigurations", []):
                if not self.wiring.may_invoke("s3.amazonaws.com", arn, entry["Function"]):
                    yield f"{unable} no Permission allows this bucket to run {entry['Function']}"
            if configuration.get("TopicConfigurations"):
                yield f"{bucket.logical_id}: the testbed does not deliver S3 events to topics"

    def _state_machines(self) -> Iterator[str]:
        for machine in self.deployment.of_type("AWS::StepFunctions::StateMachine"):
            role = machine.properties["RoleArn"]
            if machine.properties.get("LoggingConfiguration", {}).get("Level", "OFF") != "OFF":
                missing = [a for a in _LOG_DELIVERY if not self.authority.role_allows(role, Ask(a, "*"))]
                if missing:
                    yield (
                        f"{machine.logical_id}: The state machine IAM Role is not authorized to access the Log "
                        f"Destination ({', '.join(missing)})"
                    )
            if machine.properties.get("TracingConfiguration", {}).get("Enabled"):
                for action in _TRACING:
                    self.authority.role_allows(role, Ask(action, "*"))

    def _rules(self) -> Iterator[str]:
        for rule in self.deployment.of_type("AWS::Events::Rule"):
            arn = f"arn:aws:events:{self.deployment.region}:{ACCOUNT}:rule/{rule.physical_id}"
            for target in rule.properties.get("Targets", []):
                runs = target["Arn"].startswith("arn:aws:lambda:")
                if runs and not self.wiring.may_invoke("events.amazonaws.com", arn, target["Arn"]):
                    # AWS creates such a rule, but it never runs its function.
                    yield f"{rule.logical_id}: no Permission allows this rule to run {target['Arn']}"


def _batching(mapping: Deployed) -> Iterator[str]:
    properties: Any = mapping.properties
    size, window = int(properties.get("BatchSize", 10)), int(properties.get("MaximumBatchingWindowInSeconds", 0))
    if size > _BATCH_WITHOUT_WINDOW and window < 1:
        yield f"{mapping.logical_id}: a BatchSize above 10 requires a MaximumBatchingWindowInSeconds of at least 1"
