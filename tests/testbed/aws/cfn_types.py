"""CloudFormation types that moto lacks: moto discovers a type when a subclass of its model is declared."""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Any, ClassVar

from moto.awslambda.models import lambda_backends
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.common_models import CloudFormationModel
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.utilities.utils import get_partition

from .definition import substitute

if TYPE_CHECKING:
    from collections.abc import Mapping


class Resource:
    """Base of the declared types: a physical ID, and the attributes of ``!GetAtt``."""

    TYPE: ClassVar[str]
    NAME: ClassVar[str] = ""
    ATTRIBUTES: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, physical_id: str, attributes: dict[str, str] | None = None) -> None:
        """Keep the ID that ``!Ref`` returns, and the values of ``!GetAtt``."""
        self.physical_resource_id = physical_id
        self.attributes = attributes or {}

    @classmethod
    def cloudformation_type(cls) -> str:
        """Return the name of the type."""
        return cls.TYPE

    @classmethod
    def cloudformation_name_type(cls) -> str:
        """Return the name of the property that names the resource."""
        return cls.NAME

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Return whether ``!GetAtt`` supports the attribute."""
        return attr in cls.ATTRIBUTES

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the value of ``!GetAtt``."""
        if attribute_name not in self.attributes:
            raise UnformattedGetAttTemplateException
        return self.attributes[attribute_name]

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,  # noqa: ANN401 - moto's signature
    ) -> Resource:
        """Create the resource from its resolved properties."""
        properties = cloudformation_json["Properties"]
        # moto first looks for the naming property of its own type, if it has one of the same name.
        return cls.create(properties.get(cls.NAME, resource_name), properties, account_id, region_name)

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Create the resource; a type without behaviour on the testbed only has a name."""
        del properties, account, region
        return cls(name)

    def is_created(self) -> bool:
        """Return that the resource exists immediately."""
        return True


class Secret(Resource, CloudFormationModel):
    """A secret; ``!Ref`` returns its ARN."""

    TYPE = "AWS::SecretsManager::Secret"
    NAME = "Name"
    ATTRIBUTES = frozenset({"Id"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Store the given string, or a generated one, as the first version."""
        value = properties.get("SecretString")
        if value is None:
            value = secrets.token_urlsafe(24)
        response = secretsmanager_backends[account][region].create_secret(
            name=name,
            secret_string=value,
            secret_binary=None,
            description=properties.get("Description"),
            tags=properties.get("Tags"),
            kms_key_id=properties.get("KmsKeyId"),
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
        arn = str(json.loads(response)["ARN"])
        return cls(arn, {"Id": arn})


class QueuePolicy(Resource, CloudFormationModel):
    """The resource policy of queues."""

    TYPE = "AWS::SQS::QueuePolicy"

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Set the policy of each queue."""
        for url in properties["Queues"]:
            queue = sqs_backends[account][region].get_queue(url.rsplit("/", 1)[1])
            queue.policy = json.dumps(properties["PolicyDocument"], default=str)
        return cls(name)


class BucketPolicy(Resource, CloudFormationModel):
    """The resource policy of a bucket."""

    TYPE = "AWS::S3::BucketPolicy"

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Set the policy of the bucket."""
        bucket = s3_backends[account][get_partition(region)].get_bucket(properties["Bucket"])
        bucket.policy = json.dumps(properties["PolicyDocument"], default=str).encode()
        return cls(name)


class HttpApi(Resource, CloudFormationModel):
    """An HTTP API: the testbed's gateway reads its routes from the resolved body."""

    TYPE = "AWS::ApiGatewayV2::Api"
    ATTRIBUTES = frozenset({"ApiId", "ApiEndpoint"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Create an ID like those of AWS."""
        del name, properties, account
        api_id = secrets.token_hex(5)
        return cls(api_id, {"ApiId": api_id, "ApiEndpoint": f"https://{api_id}.execute-api.{region}.amazonaws.com"})


class HttpApiStage(Resource, CloudFormationModel):
    """A stage of an HTTP API."""

    TYPE = "AWS::ApiGatewayV2::Stage"
    NAME = "StageName"


class Alarm(Resource, CloudFormationModel):
    """An alarm of CloudWatch; the testbed evaluates it (``cloudwatch``)."""

    TYPE = "AWS::CloudWatch::Alarm"
    NAME = "AlarmName"
    ATTRIBUTES = frozenset({"Arn"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Create the alarm, not evaluated yet."""
        alarm = cloudwatch_backends[account][region].put_metric_alarm(
            name=name,
            namespace=properties.get("Namespace", ""),
            metric_name=properties.get("MetricName", ""),
            comparison_operator=properties["ComparisonOperator"],
            evaluation_periods=int(properties["EvaluationPeriods"]),
            datapoints_to_alarm=properties.get("DatapointsToAlarm"),
            period=properties.get("Period", 0),
            threshold=float(properties["Threshold"]),
            statistic=properties.get("Statistic", ""),
            description=properties.get("AlarmDescription", ""),
            dimensions=properties.get("Dimensions", []),
            alarm_actions=_present(properties.get("AlarmActions", [])),
            ok_actions=_present(properties.get("OKActions", [])),
            treat_missing_data=properties.get("TreatMissingData"),
        )
        alarm.update_state("Unchecked: Initial alarm creation", "{}", "INSUFFICIENT_DATA")
        return cls(name, {"Arn": alarm.alarm_arn})


def _present(values: list[Any]) -> list[Any]:
    """Return a list without ``AWS::NoValue``, where moto leaves a null."""
    return [value for value in values if value is not None]


class TopicPolicy(Resource, CloudFormationModel):
    """The resource policy of topics."""

    TYPE = "AWS::SNS::TopicPolicy"

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Set the policy of each topic."""
        for arn in properties["Topics"]:
            topic = sns_backends[account][region].topics[arn]
            topic.policy = json.dumps(properties["PolicyDocument"], default=str)
        return cls(name)


class LayerVersion(Resource, CloudFormationModel):
    """A layer version whose ``!Ref`` is its ARN: moto's own type has no physical ID."""

    TYPE = "AWS::Lambda::LayerVersion"
    NAME = "LayerName"
    ATTRIBUTES = frozenset({"LayerVersionArn"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Publish the version."""
        spec = {"LayerName": name, "Content": properties["Content"], "Description": properties.get("Description", "")}
        version = lambda_backends[account][region].publish_layer_version(spec)
        return cls(version.arn, {"LayerVersionArn": version.arn})


class EventInvokeConfig(Resource, CloudFormationModel):
    """The settings of asynchronous invocations; the runtime reads them from the resolved properties."""

    TYPE = "AWS::Lambda::EventInvokeConfig"


class Schedule(Resource, CloudFormationModel):
    """A schedule of EventBridge Scheduler; the testbed's scheduler reads it from the resolved properties."""

    TYPE = "AWS::Scheduler::Schedule"
    NAME = "Name"
    ATTRIBUTES = frozenset({"Arn"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Create the schedule's ARN."""
        group = properties.get("GroupName", "default")
        return cls(name, {"Arn": f"arn:aws:scheduler:{region}:{account}:schedule/{group}/{name}"})


class StateMachine(Resource, CloudFormationModel):
    """A state machine that executes: moto creates its own type in the backend that does not."""

    TYPE = "AWS::StepFunctions::StateMachine"
    NAME = "StateMachineName"
    ATTRIBUTES = frozenset({"Arn", "Name"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Create the state machine."""
        machine = stepfunctions_parser_backends[account][region].create_state_machine(
            name=name,
            definition=executable(properties),
            roleArn=properties["RoleArn"],
            loggingConfiguration=properties.get("LoggingConfiguration"),
            tracingConfiguration=properties.get("TracingConfiguration"),
            sm_type=properties.get("StateMachineType", "STANDARD"),
        )
        return cls(machine.arn, {"Arn": machine.arn, "Name": name})


def executable(properties: Mapping[str, Any]) -> str:
    """Return a state machine's definition with all substitutions applied."""
    definition = substitute(properties["DefinitionString"], properties.get("DefinitionSubstitutions", {}))
    # moto's grammar requires a decimal point in this percentage; the language does not.
    return re.sub(r'("ToleratedFailurePercentage":\s*\d+)(?=[,\s}])', r"\1.0", definition)


def register() -> None:
    """Make moto search for its types again; a repeated call is harmless."""
    parsing.get_model_list.cache_clear()
    parsing.get_model_map.cache_clear()
    parsing.get_name_type_map.cache_clear()


def supported() -> frozenset[str]:
    """Return the types that can be deployed."""
    return frozenset(parsing.get_model_map())
