"""The visible watermark, which a stack may leave out, add, or require: its parameter ``Watermark``."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from gallop.domain.fields import Flag

if TYPE_CHECKING:
    from gallop.domain.fields import Field

NAME = "watermark"


class Watermark(StrEnum):
    """What a stack adds to requests that do not mention the watermark; REQUIRED refuses those that do not want it."""

    OFF = "off"
    ON = "on"
    REQUIRED = "required"


def in_stack(parameter: Field, watermark: str) -> Field:
    """Return a parameter as a stack has it: the default of the watermark, in every protocol, is the stack's."""
    if parameter.name != NAME or not isinstance(parameter, Flag) or watermark == Watermark.OFF:
        return parameter
    is_required = watermark == Watermark.REQUIRED
    return replace(parameter, default=True, vendor_default=True, is_required=is_required)
