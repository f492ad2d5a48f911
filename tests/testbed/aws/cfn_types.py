"""CloudFormation types that moto's own CloudFormation lacks: declaring a subclass is how moto learns of a type."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any, ClassVar

from moto.awslambda.models import lambda_backends
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.common_models import CloudFormationModel
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.utilities.utils import get_partition

from .definition import substitute


class Resource:
    """What the declared types have in common: a physical id, and the attributes that ``!GetAtt`` may ask for."""

    TYPE: ClassVar[str]
    NAME: ClassVar[str] = ""
    ATTRIBUTES: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, physical_id: str, attributes: dict[str, str] | None = None) -> None:
        """Keep the id that ``!Ref`` gives, and the values of ``!GetAtt``."""
        self.physical_resource_id = physical_id
        self.attributes = attributes or {}

    @classmethod
    def cloudformation_type(cls) -> str:
        """Name the type."""
        return cls.TYPE

    @classmethod
    def cloudformation_name_type(cls) -> str:
        """Name the property that names the resource."""
        return cls.NAME

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Tell whether ``!GetAtt`` knows the attribute."""
        return attr in cls.ATTRIBUTES

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Answer ``!GetAtt``."""
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
        # moto looks for the naming property of its own type first, where it has one of the same name.
        return cls.create(properties.get(cls.NAME, resource_name), properties, account_id, region_name)

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Create the resource; a type that has no behaviour on the testbed is only named."""
        del properties, account, region
        return cls(name)

    def is_created(self) -> bool:
        """Tell that the resource is there at once."""
        return True


class Secret(Resource, CloudFormationModel):
    """A secret; ``!Ref`` gives its ARN."""

    TYPE = "AWS::SecretsManager::Secret"
    NAME = "Name"
    ATTRIBUTES = frozenset({"Id"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Keep the given string, or a generated one, as the first version."""
        value = properties.get("SecretString")
        if value is None:
            value = secrets.token_urlsafe(24)
        answer = secretsmanager_backends[account][region].create_secret(
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
        arn = str(json.loads(answer)["ARN"])
        return cls(arn, {"Id": arn})


class QueuePolicy(Resource, CloudFormationModel):
    """The resource policy of queues."""

    TYPE = "AWS::SQS::QueuePolicy"

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Give each queue the policy."""
        for url in properties["Queues"]:
            queue = sqs_backends[account][region].get_queue(url.rsplit("/", 1)[1])
            queue.policy = json.dumps(properties["PolicyDocument"], default=str)
        return cls(name)


class BucketPolicy(Resource, CloudFormationModel):
    """The resource policy of a bucket."""

    TYPE = "AWS::S3::BucketPolicy"

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Give the bucket the policy."""
        bucket = s3_backends[account][get_partition(region)].get_bucket(properties["Bucket"])
        bucket.policy = json.dumps(properties["PolicyDocument"], default=str).encode()
        return cls(name)


class HttpApi(Resource, CloudFormationModel):
    """An HTTP API: the testbed's gateway reads its routes from the resolved body."""

    TYPE = "AWS::ApiGatewayV2::Api"
    ATTRIBUTES = frozenset({"ApiId", "ApiEndpoint"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Give the API an id as AWS does."""
        del name, properties, account
        api_id = secrets.token_hex(5)
        return cls(api_id, {"ApiId": api_id, "ApiEndpoint": f"https://{api_id}.execute-api.{region}.amazonaws.com"})


class HttpApiStage(Resource, CloudFormationModel):
    """A stage of an HTTP API."""

    TYPE = "AWS::ApiGatewayV2::Stage"
    NAME = "StageName"


class Alarm(Resource, CloudFormationModel):
    """An alarm: nothing on the testbed raises it."""

    TYPE = "AWS::CloudWatch::Alarm"
    NAME = "AlarmName"
    ATTRIBUTES = frozenset({"Arn"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Name the alarm."""
        del properties
        return cls(name, {"Arn": f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"})


class LayerVersion(Resource, CloudFormationModel):
    """A layer version with the ARN that ``!Ref`` gives: moto's own type has no physical id."""

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
    """What becomes of asynchronous invocations that fail; the runtime reads it from the resolved properties."""

    TYPE = "AWS::Lambda::EventInvokeConfig"


class Schedule(Resource, CloudFormationModel):
    """A schedule of EventBridge Scheduler; the testbed's scheduler reads it from the resolved properties."""

    TYPE = "AWS::Scheduler::Schedule"
    NAME = "Name"
    ATTRIBUTES = frozenset({"Arn"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Name the schedule."""
        group = properties.get("GroupName", "default")
        return cls(name, {"Arn": f"arn:aws:scheduler:{region}:{account}:schedule/{group}/{name}"})


class StateMachine(Resource, CloudFormationModel):
    """A state machine that executes: moto's own type lands in the backend that only records."""

    TYPE = "AWS::StepFunctions::StateMachine"
    NAME = "StateMachineName"
    ATTRIBUTES = frozenset({"Arn", "Name"})

    @classmethod
    def create(cls, name: str, properties: dict[str, Any], account: str, region: str) -> Resource:
        """Create the state machine with its substitutions made."""
        definition = substitute(properties["DefinitionString"], properties.get("DefinitionSubstitutions", {}))
        # moto's grammar knows this percentage with a point only, which the language does not ask for.
        definition = re.sub(r'("ToleratedFailurePercentage":\s*\d+)(?=[,\s}])', r"\1.0", definition)
        machine = stepfunctions_parser_backends[account][region].create_state_machine(
            name=name,
            definition=definition,
            roleArn=properties["RoleArn"],
            loggingConfiguration=properties.get("LoggingConfiguration"),
            tracingConfiguration=properties.get("TracingConfiguration"),
            sm_type=properties.get("StateMachineType", "STANDARD"),
        )
        return cls(machine.arn, {"Arn": machine.arn, "Name": name})


def register() -> None:
    """Make moto look again for its types; calling it twice does no harm."""
    parsing.get_model_list.cache_clear()
    parsing.get_model_map.cache_clear()
    parsing.get_name_type_map.cache_clear()


def supported() -> frozenset[str]:
    """Give the types that can be deployed."""
    return frozenset(parsing.get_model_map())
