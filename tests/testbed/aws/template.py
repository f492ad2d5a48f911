"""Translate ``template.yaml`` to plain CloudFormation, offline, with the state machines' definitions inline."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import intrinsics_multi_constructor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# A placeholder for code that the testbed runs from the source tree: never unpacked, never run.
ZIP_IN_BASE64 = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="


# SAM's own reads with PyYAML's slow loader.
_Loader: Any = type("_Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def parsed(text: str) -> dict[str, Any]:
    """Parse a template, or a state machine's definition."""
    content: dict[str, Any] = yaml.load(text, Loader=_Loader)
    return content


class TemplateError(Exception):
    """The template uses something that AWS would refuse, or that the testbed does not support."""


@dataclass(frozen=True, slots=True)
class Template:
    """A translated template, and the folders with the code of its functions and layers."""

    body: dict[str, Any]
    code: Mapping[str, Path]

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources of the plain CloudFormation template, by logical ID."""
        resources: dict[str, dict[str, Any]] = self.body["Resources"]
        return resources


def read(path: Path, region: str, parameters: Mapping[str, str] = MappingProxyType({})) -> Template:
    """Read a SAM template and translate it; its relative paths start at its own folder.

    SAM itself puts the values of ``parameters`` into a few properties, such as the CORS setting of an HTTP API, where
    CloudFormation would put them into all.
    """
    source = parsed(path.read_text(encoding="utf-8"))
    return translate(source, path.parent, region, parameters)


def translate(
    source: dict[str, Any], root: Path, region: str, parameters: Mapping[str, str] = MappingProxyType({})
) -> Template:
    """Translate a parsed SAM template whose relative paths start at ``root``."""
    sam = deepcopy(source)
    folders = dict(_folders(sam, root))
    for resource in _of_type(sam, "AWS::Serverless::StateMachine"):
        _inline_definition(resource["Properties"], root)
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=region))
    body = translator.translate(sam, parameter_values=dict(parameters), get_managed_policy_map=dict)
    # This publishes to nobody, but unpublished metrics would log a warning at exit.
    translator.metrics.publish()
    code = dict(_code(body["Resources"], folders))
    _detach_code(body["Resources"])
    return Template(body=body, code=code)


def _of_type(sam: dict[str, Any], *types: str) -> Iterator[dict[str, Any]]:
    return (resource for resource in sam["Resources"].values() if resource["Type"] in types)


def _setting(sam: dict[str, Any], resource: dict[str, Any], name: str) -> str:
    """Return a property of a SAM function or layer, or the global default."""
    kind = resource["Type"].rsplit("::", 1)[1]
    default = sam.get("Globals", {}).get(kind, {}).get(name)
    value = resource.get("Properties", {}).get(name, default)
    if not isinstance(value, str):
        raise TemplateError(f"{resource['Type']}: {name} must be a folder of the source tree, not {value!r}.")
    return value


def _folders(sam: dict[str, Any], root: Path) -> Iterator[tuple[str, Path]]:
    """Point code at S3, as ``sam package`` would; yield the folder of each address."""
    for kind, name in (("Function", "CodeUri"), ("LayerVersion", "ContentUri")):
        for resource in _of_type(sam, f"AWS::Serverless::{kind}"):
            folder = _setting(sam, resource, name)
            if not (root / folder).is_dir():
                raise TemplateError(f"{name}: {folder} is not a folder of {root}.")
            resource["Properties"][name] = f"s3://source-tree/{folder}"
            yield folder, (root / folder).resolve()


def _inline_definition(properties: dict[str, Any], root: Path) -> None:
    uri = properties.pop("DefinitionUri", None)
    if isinstance(uri, str):
        # Every JSON file is also a YAML file.
        properties["Definition"] = parsed((root / uri).read_text(encoding="utf-8"))


def _code(resources: dict[str, dict[str, Any]], folders: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    for logical_id, resource in resources.items():
        properties = resource.get("Properties", {})
        location = properties.get("Code") or properties.get("Content")
        if resource["Type"] in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion") and location:
            yield logical_id, folders[location["S3Key"]]


def _detach_code(resources: dict[str, dict[str, Any]]) -> None:
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["Code"] = {"ZipFile": "# The testbed runs the source tree."}
        elif resource["Type"] == "AWS::Lambda::LayerVersion":
            resource["Properties"]["Content"] = {"ZipFile": ZIP_IN_BASE64}
