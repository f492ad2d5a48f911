"""The references of a template, checked before anything is created: each target exists, and there is no circle."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from .template import Template, TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VARIABLE = re.compile(r"\$\{([^!{}][^{}]*)\}")


def check(template: Template) -> None:
    """Raise ``TemplateError`` for a reference to a missing target, and for a circular dependency."""
    known = set(template.resources) | set(template.body.get("Parameters", {}))
    graph: dict[str, set[str]] = {}
    for name, resource in template.resources.items():
        referenced = set(_references(resource)) | set(_depends_on(resource))
        _refuse_dangling(name, referenced, known)
        graph[name] = referenced & set(template.resources)
    for name, output in template.body.get("Outputs", {}).items():
        _refuse_dangling(f"Output {name}", set(_references(output)), known)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise TemplateError(f"Circular dependency between resources: {circle}") from error


def _refuse_dangling(name: str, referenced: set[str], known: set[str]) -> None:
    dangling = sorted(referenced - known)
    if dangling:
        raise TemplateError(f"{name} refers to {', '.join(dangling)}, which the template does not contain.")


def _depends_on(resource: Mapping[str, Any]) -> list[str]:
    names = resource.get("DependsOn", [])
    return [names] if isinstance(names, str) else list(names)


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a template
    """Yield the logical names that a part of a template refers to, without pseudo parameters."""
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        if "Ref" in node:
            yield from _named(node["Ref"])
        elif "Fn::GetAtt" in node:
            yield str(node["Fn::GetAtt"][0])
        elif "Fn::Sub" in node:
            yield from _substituted(node["Fn::Sub"])
        else:
            for value in node.values():
                yield from _references(value)


def _substituted(sub: Any) -> Iterator[str]:  # noqa: ANN401 - a string, or a string and its variables
    text, own = (sub[0], sub[1]) if isinstance(sub, list) else (sub, {})
    yield from _references(own)
    for variable in _VARIABLE.findall(text):
        if variable not in own:
            yield from _named(variable.split(".", 1)[0])


def _named(name: str) -> Iterator[str]:
    if not name.startswith("AWS::"):
        yield name
