"""Whether an alarm is raised, and whether anybody would be notified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import clock
from gallop.adapters.operator_calls import ask
from gallop.domain.diagnosis import AwsRefused, failure, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

NEW_SECONDS = 600
_NOBODY = "sam deploy --parameter-overrides AlarmEmail=you@example.com"
_GONE = (
    "CloudFormation believes that they are there. Remove them from template.yaml, sam build && sam deploy, "
    "then put them back and deploy again."
)
_PENDING = "PendingConfirmation"


def check(deployment: Deployment) -> Iterator[Finding]:
    """Check the state of the stack's alarms, and their receivers."""
    names = deployment.of_type("AWS::CloudWatch::Alarm")
    found = ask("cloudwatch", "describe_alarms", AlarmNames=[*names.values()], MaxRecords=100)["MetricAlarms"]
    there = {alarm["AlarmName"] for alarm in found}
    gone = sorted(name for name, physical in names.items() if physical not in there)
    raised = [alarm for alarm in found if alarm["StateValue"] == "ALARM"]
    yield from map(_raised, raised)
    if gone:
        yield failure("alarms", f"{len(gone)} of {len(names)} were deleted: {', '.join(gone)}.", _GONE)
    elif not raised:
        yield ok("alarms", f"None of {len(found)} is raised.")
    if found:
        yield from _receivers(deployment, found)


def _raised(alarm: dict[str, Any]) -> Finding:
    seen = f"{alarm['AlarmName']}: {alarm.get('AlarmDescription', '')}"
    if 0 <= clock.now() - alarm["AlarmConfigurationUpdatedTimestamp"].timestamp() < NEW_SECONDS:
        # An alarm of what must happen is raised until it happens for the first time.
        return warning("alarm", seen, "It was just deployed, and may lack data. Run the command again in five minutes.")
    return failure("alarm", seen, "See the section of this alarm in docs/operations.md.")


def _receivers(deployment: Deployment, alarms: list[dict[str, Any]]) -> Iterator[Finding]:
    silent = [alarm["AlarmName"] for alarm in alarms if not (alarm["ActionsEnabled"] and alarm["AlarmActions"])]
    if silent:
        which = f"{len(silent)} of {len(alarms)} alarms have" if len(silent) < len(alarms) else "The alarms have"
        yield warning(
            "receivers", f"{which} no receiver: nobody is notified.", f"{_NOBODY} --stack-name {deployment.name}"
        )
        return
    for action in sorted({action for alarm in alarms for action in alarm["AlarmActions"]}):
        if action.split(":")[2] == "sns":
            yield subscriptions_of("receivers", action)
        else:
            yield ok("receivers", f"The alarms have a receiver: {action}.")


def check_notices(deployment: Deployment) -> Iterator[Finding]:
    """Check who is notified of ended jobs, if anybody wants that."""
    if topic := deployment.variables("DeliverFunction").get("NOTICE_TOPIC_ARN"):
        try:
            yield subscriptions_of("notices", topic)
        except AwsRefused as refused:
            remedy = "Set NotifyEmail or NotifyTopicArn to one that exists: sam deploy --guided"
            yield failure("notices", f"Topic {topic.rpartition(':')[2]} cannot be read: {refused}", remedy)


def subscriptions_of(name: str, action: str) -> Finding:
    """Return whether anybody receives what a topic gets."""
    topic = action.rpartition(":")[2]
    found = ask("sns", "list_subscriptions_by_topic", TopicArn=action)["Subscriptions"]
    arns = [one["SubscriptionArn"] for one in found]
    # Others are pending or deleted.
    confirmed = [arn for arn in arns if arn.startswith("arn:")]
    if confirmed:
        subscriptions = "subscription" if len(confirmed) == 1 else "subscriptions"
        return ok(name, f"Topic {topic} has {len(confirmed)} confirmed {subscriptions}.")
    subscribe = f"aws sns subscribe --topic-arn {action} --protocol email --notification-endpoint you@example.com"
    if _PENDING in arns:
        remedy = (
            f"Confirm it in the mail 'AWS Notification - Subscription Confirmation', or have it sent again: {subscribe}"
        )
        return failure(name, f"Nobody has confirmed the subscription of topic {topic}: nobody is notified.", remedy)
    return failure(name, f"Topic {topic} has no subscription: nobody is notified.", subscribe)
