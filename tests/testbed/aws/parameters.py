"""Parameters of a stack, checked against the template's declarations as CloudFormation does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def check(declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, str]) -> None:
    """Raise ``TemplateError`` for parameters that are unknown, missing, or violate their declaration."""
    faults = [f"Parameters: [{name}] do not exist in the template" for name in sorted(set(given) - set(declared))]
    for name, rules in declared.items():
        value = given.get(name, rules.get("Default"))
        if value is None:
            faults.append(f"Parameters: [{name}] must have values")
        else:
            # CloudFormation does not show the value of a NoEcho parameter.
            shown = "****" if rules.get("NoEcho") else value
            faults.extend(f"Parameter {name} = {shown}: {fault}" for fault in _faults(rules, str(value)))
    if faults:
        raise TemplateError("\n".join(faults))


def _faults(rules: Mapping[str, Any], value: str) -> Iterator[str]:
    if "AllowedValues" in rules and value not in map(str, rules["AllowedValues"]):
        yield f"must be one of {rules['AllowedValues']}"
    if "AllowedPattern" in rules and re.fullmatch(rules["AllowedPattern"], value) is None:
        yield rules.get("ConstraintDescription", f"must match pattern {rules['AllowedPattern']}")
    if len(value) < int(rules.get("MinLength", 0)):
        yield f"must contain at least {rules['MinLength']} characters"
    if len(value) > int(rules.get("MaxLength", len(value))):
        yield f"must contain at most {rules['MaxLength']} characters"
    if rules["Type"] == "Number":
        yield from _number_faults(rules, value)


def _number_faults(rules: Mapping[str, Any], value: str) -> Iterator[str]:
    try:
        number = float(value)
    except ValueError:
        yield "must be a number"
        return
    if number < float(rules.get("MinValue", number)):
        yield f"must not be less than {rules['MinValue']}"
    if number > float(rules.get("MaxValue", number)):
        yield f"must not be greater than {rules['MaxValue']}"
