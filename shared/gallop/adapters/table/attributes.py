"""Values of items in DynamoDB's wire format: text, numbers as Decimal, true and false, lists, maps and ``None``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# DynamoDB's numbers: a value that does not fit is an error, not another value.
_NUMBERS = Context(Emin=-128, Emax=126, prec=38, traps=[Clamped, Overflow, Inexact, Rounded, Underflow])


def pack(value: Any) -> AttributeValueTypeDef:  # noqa: ANN401 - any value of an item
    """Convert a value to the wire format.

    Raises:
        TypeError: items have no such values; a float, for example, is not exact.

    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | Decimal():
            return {"N": _number(value)}
        case Mapping():
            return {"M": {name: pack(one) for name, one in value.items()}}
        case list() | tuple():
            return {"L": [pack(one) for one in value]}
    raise TypeError(f"Items have no values of type {type(value).__name__}.")


def unpack(stored: AttributeValueTypeDef) -> Any:  # noqa: ANN401 - any value of an item
    """Convert a value from the wire format."""
    ((kind, value),) = stored.items()
    match kind, value:
        case "S" | "BOOL", _:
            return value
        case "N", str():
            return _NUMBERS.create_decimal(value)
        case "NULL", _:
            return None
        case "M", Mapping():
            return {name: unpack(one) for name, one in value.items()}
        case "L", list():
            return [unpack(one) for one in value]
    raise TypeError(f"Items have no values of type {kind}.")


def _number(value: int | Decimal) -> str:
    number = str(_NUMBERS.create_decimal(value))
    if number in ("Infinity", "-Infinity", "NaN"):
        raise TypeError("Items have no infinite numbers.")
    return number
