"""Substitutions in a state machine's definition, as CloudFormation makes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_.:-]+)\}")


def substitute(definition: str, values: Mapping[str, object]) -> str:
    """Replace each ``${Name}``. A name without a value is an error; on AWS the state machine would fail later."""
    missing = sorted(set(_PLACEHOLDER.findall(definition)) - set(values))
    if missing:
        raise TemplateError(f"DefinitionSubstitutions has no value for {', '.join(missing)}")
    return _PLACEHOLDER.sub(lambda match: str(values[match.group(1)]), definition)
