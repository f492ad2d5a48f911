"""JSON that every parser reads the same way: no duplicate names, no NaN or infinity, no unlimited nesting."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DIGITS = 40


def parse(text: str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        InvalidRequest: the text is not JSON or not an object, or parsers could read it differently.

    """
    try:
        parsed = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
    except RecursionError:
        raise _refused("the body is nested too deeply", "Send a flat object.") from None
    except ValueError as error:
        place = f": line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise _refused(f"the body is not valid JSON{place}", "Send one JSON object.") from None
    if not isinstance(parsed, dict):
        raise _refused("the body is not a JSON object", 'Send an object: {"prompt": "..."}.')
    return parsed


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise _refused(f"the body contains {json.dumps(duplicate)[:80]} twice in one object", "Send each name once.")
    return value


def _constant(name: str) -> NoReturn:
    raise _refused(f"the body is not valid JSON: {name} is not a number", "Omit it, or send null.")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _refused(f"the body contains a number that is out of range: {digits[:20]}", "Send a smaller number.")
    return number


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        problem = f"the body contains a number of {len(digits):,} digits; the maximum is {MAX_DIGITS}"
        raise _refused(problem, "Send a smaller number.")
    return int(digits)


def _refused(problem: str, remedy: str) -> InvalidRequest:
    return InvalidRequest([Fault("", problem, remedy)])
