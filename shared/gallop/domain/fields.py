"""The kinds of fields that a request for a video has: how each is read, from JSON and from forms, and described.

A field is data: ``gallop.domain.models`` lists those of each model. Readers, records, views, DashScope's body and the
OpenAPI document come from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from gallop.domain.faults import MAX_NAME_CHARACTERS, Fault, shown
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

# What a parameter may be: JSON, but neither a list nor an object.
Scalar = str | int | bool | None

_FLAGS = {"true": True, "false": False}
# More digits than any whole number has here.
_MAX_DIGITS = 20


class FormText(str):
    """A value of a form: always text, also where a number or flag is meant."""

    __slots__ = ()


@frozen(kw_only=True)
class Field(ABC):
    """A field with one value.

    ``vendor`` is DashScope's name for it; empty for Gallop's own fields. ``default`` is what a request means that does
    not have it, and ``vendor_default`` what it means in DashScope's protocol, if that differs. The defaults of one that
    ``is_stacks`` may be changed by a parameter of the stack.
    """

    name: str
    description: str = ""
    vendor: str = ""
    default: Scalar = None
    vendor_default: Scalar = None
    is_stacks: bool = False

    @abstractmethod
    def read(self, value: object) -> Scalar | Fault:
        """Return a value that was sent, or what is wrong with it: a fault without a place."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """Describe the values as JSON Schema, without default and description."""


@frozen(kw_only=True)
class Choice(Field):
    """One of a few words."""

    choices: tuple[str, ...]

    def read(self, value: object) -> Scalar | Fault:
        """Return the word as it was sent; upper and lower case count."""
        if value in self.choices:
            return str(value)
        hint = nearest(str(value), self.choices)
        # 480P is not a typing error for 1080P, which costs more.
        hint = hint if hint and _digits(hint) == _digits(str(value)) else None
        remedy = f"Did you mean {hint}? " if hint else ""
        default = "" if self.default is None else f" The default is {self.default}."
        return Fault("", f"unknown value {shown(value)}", f"{remedy}Use one of {', '.join(self.choices)}.{default}")

    def schema(self) -> dict[str, Any]:
        """Describe the words."""
        return {"type": "string", "enum": list(self.choices)}


@frozen(kw_only=True)
class Whole(Field):
    """A whole number within a range, or one of ``special``, which mean something else; ``unit`` follows the range."""

    within: range
    special: tuple[int, ...] = ()
    unit: str = ""

    def read(self, value: object) -> Scalar | Fault:
        """Return the number; 5.0 is one, and so is a form's "5"."""
        number = _number(value) if isinstance(value, FormText) else value
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, int) and not isinstance(number, bool) and self._takes(number):
            return number
        special = "".join(f", or {one}" for one in self.special)
        return Fault(
            "",
            f"must be a whole number from {self.within.start:,} to {self.within.stop - 1:,}{self.unit}{special}, "
            f"not {shown(number)}",
            "Send a whole number in this range.",
        )

    def _takes(self, number: int) -> bool:
        return number in self.within or number in self.special

    def schema(self) -> dict[str, Any]:
        """Describe the range."""
        numbers = {"type": "integer", "minimum": self.within.start, "maximum": self.within.stop - 1}
        return {"anyOf": [numbers, {"type": "integer", "enum": list(self.special)}]} if self.special else numbers


@frozen(kw_only=True)
class Flag(Field):
    """True or false; only true, if it ``is_required``."""

    is_required: bool = False

    def read(self, value: object) -> Scalar | Fault:
        """Return the Boolean; a form has it as text."""
        flag = _FLAGS.get(value.lower()) if isinstance(value, FormText) else value
        if flag is False and self.is_required:
            return Fault("", "must be true: this stack requires it", "Send true, or omit it.")
        if isinstance(flag, bool):
            return flag
        return Fault("", f"must be true or false, not {shown(value)}", "Send true or false.")

    def schema(self) -> dict[str, Any]:
        """Describe it."""
        return {"type": "boolean", "enum": [True]} if self.is_required else {"type": "boolean"}


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdecimal())


def nearest(text: str, choices: Iterable[str]) -> str | None:
    """Return the choice that is most like a text, if one is."""
    import difflib  # noqa: PLC0415 - for typing errors only

    return next(iter(difflib.get_close_matches(text[:MAX_NAME_CHARACTERS], list(choices), n=1)), None)


def _number(text: str) -> object:
    digits = text.removeprefix("-")
    is_whole = digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS
    return int(text) if is_whole else str(text)
