"""Update a deployed stack to another template in place, as CloudFormation does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends
from moto.cloudformation import parsing
from moto.cloudformation.models import cloudformation_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from . import cfn_types, complete, deploy, managed_policies
from .account import ACCOUNT
from .cfn_types import executable
from .template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .deploy import Deployed, Deployment
    from .functions import FunctionSpec
    from .template import Template

    Client = Callable[[str], Any]
    Change = Callable[[Client, Deployed, Deployed], None]

_RETAINED = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")


def update(
    client: Client,
    template: Template,
    parameters: Mapping[str, str],
    before: Deployment,
    on_function: Callable[[FunctionSpec], None],
) -> Deployment:
    """Update the stack; ``on_function`` is called for each changed function, once everything that it needs exists."""
    deploy.check(template, parameters)
    resource_map = _loaded(template, parameters, before)
    for logical_id in template.resources:
        _create(resource_map, logical_id)
    after = deploy.described(client, template, before.name, before.region)
    changed = [one for one in after.resources.values() if before.resources.get(one.logical_id) != one]
    machines = [one for one in changed if one.type == "AWS::StepFunctions::StateMachine"]
    for resource in changed:
        if resource not in machines:
            _change(client, before.resources.get(resource.logical_id), resource)
    for name, function in after.functions.items():
        if function != before.functions.get(name):
            on_function(function)
    for machine in machines:
        _change(client, before.resources.get(machine.logical_id), machine)
    _remove(client, resource_map, before, after)
    return after


def _loaded(template: Template, parameters: Mapping[str, str], before: Deployment) -> Any:  # noqa: ANN401 - moto's
    """Return the stack's resources, with the new template; what exists keeps its name."""
    resource_map = cloudformation_backends[ACCOUNT][before.region].get_stack(before.name).resource_map
    body = json.loads(json.dumps(template.body, default=str))
    resource_map._template = body  # noqa: SLF001
    resource_map._resource_json_map = body["Resources"]  # noqa: SLF001
    resource_map.input_parameters = {name: str(value) for name, value in parameters.items()}
    resource_map.load()
    return resource_map


def _create(resource_map: Any, logical_id: str) -> None:  # noqa: ANN401
    """Create a resource unless it exists: moto's map does when it is asked for one."""
    resource_map[logical_id]


def _change(client: Client, old: Deployed | None, new: Deployed) -> None:
    """Give a resource its new properties; a new one, or one of a type that moto completes, what moto leaves out."""
    change = _CHANGES.get(new.type)
    if old is not None and change is not None:
        change(client, old, new)
    elif old is not None and not _is_described(new.type):
        raise TemplateError(f"{new.logical_id}: the testbed cannot update {new.type}. Declare it in update.py.")
    complete.complete(client, new.type, new.physical_id, new.properties)


def _remove(client: Client, resource_map: Any, before: Deployment, after: Deployment) -> None:  # noqa: ANN401
    """Delete what the new template does not have, at the end, as CloudFormation does."""
    # A policy is deleted after the roles that have it.
    for logical_id, resource in sorted(
        before.resources.items(), key=lambda one: one[1].type == "AWS::IAM::ManagedPolicy"
    ):
        if logical_id in after.resources or resource.type in _RETAINED:
            continue
        if resource.type == "AWS::Lambda::Function":
            client("lambda").delete_function(FunctionName=resource.physical_id)
        elif resource.type == "AWS::IAM::ManagedPolicy":
            client("iam").delete_policy(PolicyArn=resource.physical_id)
        elif resource.type == "AWS::IAM::Role":
            _role(client, resource, replace(resource, properties={}))
            client("iam").delete_role(RoleName=resource.physical_id)
        elif not _is_described(resource.type):
            raise TemplateError(f"{logical_id}: the testbed cannot remove {resource.type}. Declare it in update.py.")
        del resource_map._parsed_resources[logical_id]  # noqa: SLF001


def _table(client: Client, old: Deployed, new: Deployed) -> None:
    del client
    for name in ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"):
        if old.properties.get(name) != new.properties.get(name):
            raise TemplateError(f"{new.logical_id}: {name} changes, which the testbed cannot do to a table with items.")


def _bucket(client: Client, old: Deployed, new: Deployed) -> None:
    del client
    if old.physical_id != new.properties.get("BucketName", old.physical_id):
        raise TemplateError(f"{new.logical_id}: another name would replace the bucket.")


def _queue(client: Client, old: Deployed, new: Deployed) -> None:
    del old
    names = ("VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy")
    values = {name: new.properties[name] for name in names if name in new.properties}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    client("sqs").set_queue_attributes(QueueUrl=new.physical_id, Attributes=texts)


def _again(client: Client, old: Deployed, new: Deployed) -> None:
    """Set what the testbed's own types set at their creation."""
    del old
    types = {
        one.TYPE: one for one in (cfn_types.Alarm, cfn_types.BucketPolicy, cfn_types.QueuePolicy, cfn_types.TopicPolicy)
    }
    types[new.type].create(new.physical_id, dict(new.properties), ACCOUNT, client("sqs").meta.region_name)


def _secret(client: Client, old: Deployed, new: Deployed) -> None:
    if old.properties.get("SecretString") != new.properties.get("SecretString"):
        value = new.properties["SecretString"]
        client("secretsmanager").put_secret_value(SecretId=new.physical_id, SecretString=value)


def _managed_policy(client: Client, old: Deployed, new: Deployed) -> None:
    del old
    iam, document = client("iam"), json.dumps(new.properties["PolicyDocument"], default=str)
    previous = iam.get_policy(PolicyArn=new.physical_id)["Policy"]["DefaultVersionId"]
    iam.create_policy_version(PolicyArn=new.physical_id, PolicyDocument=document, SetAsDefault=True)
    iam.delete_policy_version(PolicyArn=new.physical_id, VersionId=previous)


def _role(client: Client, old: Deployed, new: Deployed) -> None:
    """Add the new rights, then take away what is no longer granted: a run in between must be refused nothing."""
    iam, name = client("iam"), new.physical_id
    inline = {one["PolicyName"]: one["PolicyDocument"] for one in new.properties.get("Policies", [])}
    attached = set(new.properties.get("ManagedPolicyArns", []))
    for policy, document in inline.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document, default=str))
    for arn in attached:
        managed_policies.ensure(arn)
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    for policy in old.properties.get("Policies", []):
        if policy["PolicyName"] not in inline:
            iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
    for arn in set(old.properties.get("ManagedPolicyArns", [])) - attached:
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)


def _function(client: Client, old: Deployed, new: Deployed) -> None:
    """Show the new configuration; what runs is replaced by the runtime."""
    del old
    backend = lambda_backends[ACCOUNT][client("lambda").meta.region_name]
    shown = {name: value for name, value in new.properties.items() if name != "Layers"}
    backend.get_function(new.physical_id).update_configuration(shown)


def _mapping(client: Client, old: Deployed, new: Deployed) -> None:
    """Change the settings; whether it is enabled stays as it is, because no template says so."""
    del old
    backend = lambda_backends[ACCOUNT][client("lambda").meta.region_name]
    backend.update_event_source_mapping(new.physical_id, dict(new.properties))


def _state_machine(client: Client, old: Deployed, new: Deployed) -> None:
    """Change the definition; executions in progress keep the old one."""
    del old
    backend = stepfunctions_parser_backends[ACCOUNT][client("stepfunctions").meta.region_name]
    backend.update_state_machine(new.physical_id, executable(new.properties), new.properties["RoleArn"])


_CHANGES: dict[str, Change] = {
    "AWS::CloudWatch::Alarm": _again,
    "AWS::DynamoDB::Table": _table,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Lambda::Function": _function,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _again,
    "AWS::SNS::TopicPolicy": _again,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _again,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::StepFunctions::StateMachine": _state_machine,
}
_READ_FROM_PROPERTIES = (
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::Rule",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
)
"""Types of moto whose behaviour on the testbed, if any, follows from the properties of the deployment."""


def _is_described(type_: str) -> bool:
    """Return whether only the deployment has to change, as with most of the own types of the testbed."""
    return type_ in _READ_FROM_PROPERTIES or issubclass(parsing.resource_class_from_type(type_), cfn_types.Resource)
