"""Deploy a translated template: create the stack in moto, then set what moto's CloudFormation ignores."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.cloudformation.models import cloudformation_backends
from moto.core.exceptions import ServiceException

from . import cfn_types, complete, references
from . import parameters as parameter_rules
from .account import ACCOUNT, REGION
from .functions import FunctionSpec, function_spec
from .template import Template, TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Deployed:
    """One resource of the deployed stack, with all its properties resolved."""

    logical_id: str
    type: str
    physical_id: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed stack."""

    name: str
    region: str
    resources: Mapping[str, Deployed]
    outputs: Mapping[str, str]
    functions: Mapping[str, FunctionSpec] = field(repr=False)
    """By logical ID."""

    def of_type(self, type_: str) -> Iterator[Deployed]:
        """Return the resources of a type."""
        return (resource for resource in self.resources.values() if resource.type == type_)

    def function(self, name: str) -> FunctionSpec:
        """Return a function by its logical ID, its name or its ARN; raise ``KeyError`` if there is none."""
        for logical_id, spec in self.functions.items():
            if name in (logical_id, spec.name, spec.arn):
                return spec
        raise KeyError(name)


def deploy(
    client: Callable[[str], Any], template: Template, parameters: Mapping[str, str], name: str, region: str = REGION
) -> Deployment:
    """Create the stack and complete it; ``client`` returns clients of moto with full permissions."""
    check(template, parameters)
    _create(template, parameters, name, region)
    deployment = described(client, template, name, region)
    for resource in deployment.resources.values():
        complete.complete(client, resource.type, resource.physical_id, resource.properties)
    return deployment


def check(template: Template, parameters: Mapping[str, str]) -> None:
    """Raise ``TemplateError`` for what CloudFormation refuses before it creates anything."""
    cfn_types.register()
    _refuse_unsupported(template)
    references.check(template)
    parameter_rules.check(template.body.get("Parameters", {}), parameters)


def described(client: Callable[[str], Any], template: Template, name: str, region: str) -> Deployment:
    """Return the stack as it is, with everything resolved."""
    resources = {resource.logical_id: resource for resource in _resolve(template, name, region)}
    stack = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return Deployment(
        name=name,
        region=region,
        resources=resources,
        outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        functions=dict(_functions(template, resources, region)),
    )


def _create(template: Template, parameters: Mapping[str, str], name: str, region: str) -> None:
    """Create the stack in moto's backend: its API would lose the reason of a failure."""
    values = {parameter: str(value) for parameter, value in parameters.items()}
    try:
        cloudformation_backends[ACCOUNT][region].create_stack(name, json.dumps(template.body, default=str), values)
    except (ServiceException, UnformattedGetAttTemplateException) as error:
        raise TemplateError(f"CloudFormation: {error or 'an attribute of Fn::GetAtt does not exist'}") from error


def _refuse_unsupported(template: Template) -> None:
    types = {resource["Type"] for resource in template.resources.values()}
    unknown = sorted(types - cfn_types.supported())
    if unknown:
        raise TemplateError(f"The testbed cannot deploy {', '.join(unknown)}. Declare the type in cfn_types.py.")


def _resolve(template: Template, name: str, region: str) -> Iterator[Deployed]:
    """Yield every created resource, its properties resolved by the stack's own map."""
    backend = cloudformation_backends[ACCOUNT][region]
    resource_map = backend.get_stack(name).resource_map
    for logical_id, source in template.resources.items():
        resource = resource_map[logical_id]
        if resource is None:
            continue
        properties = _without_no_value(parsing.clean_json(deepcopy(source.get("Properties", {})), resource_map))
        _refuse_unresolved(logical_id, source.get("Properties", {}), properties)
        physical_id = getattr(resource, "physical_resource_id", logical_id)
        yield Deployed(logical_id, source["Type"], str(physical_id), properties)


def _without_no_value(value: Any) -> Any:  # noqa: ANN401 - any part of a template
    """Remove ``AWS::NoValue`` from lists, where moto leaves a null."""
    if isinstance(value, dict):
        return {name: _without_no_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_no_value(item) for item in value if item is not None]
    return value


def _refuse_unresolved(where: str, source: Any, resolved: Any) -> None:  # noqa: ANN401 - any part of a template
    """Raise for an attribute that moto does not know: it silently omits such a property."""
    if isinstance(source, dict):
        for name, value in source.items():
            if name.startswith("Fn::") or name in ("Ref", "Condition"):
                continue
            found = resolved.get(name) if isinstance(resolved, dict) else None
            conditional = isinstance(value, dict) and {"Fn::If", "Ref"}.intersection(value)
            if found is None and value is not None and not conditional:
                raise TemplateError(f"{where}: {name} cannot be resolved from {value}")
            _refuse_unresolved(f"{where}.{name}", value, found)
    elif isinstance(source, list) and isinstance(resolved, list):
        for number, (item, made) in enumerate(zip(source, resolved, strict=False)):
            _refuse_unresolved(f"{where}[{number}]", item, made)


def _functions(
    template: Template, resources: Mapping[str, Deployed], region: str
) -> Iterator[tuple[str, FunctionSpec]]:
    layers = {
        resource.physical_id: template.code[resource.logical_id]
        for resource in resources.values()
        if resource.type == "AWS::Lambda::LayerVersion"
    }
    for logical_id, resource in resources.items():
        if resource.type == "AWS::Lambda::Function":
            code = template.code[logical_id]
            arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{resource.physical_id}"
            yield logical_id, function_spec(logical_id, arn, resource.properties, code, layers)
