"""JSON that two readers cannot read in two ways: no name twice, no number that is none, nothing without a bottom."""

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
    """Read a JSON object.

    Raises:
        InvalidRequest: it is not JSON, no object, or would be read in two ways.

    """
    try:
        parsed = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
    except RecursionError:
        raise _refused("is nested too deeply", "Write one flat object.") from None
    except ValueError as error:
        place = f" in line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise _refused(f"the body is not JSON{place}", "Send one JSON object.") from None
    if not isinstance(parsed, dict):
        raise _refused("the body is not a JSON object", 'Send an object: {"prompt": "..."}.')
    return parsed


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _refused(f"the body has {json.dumps(twice)[:80]} twice in one object", "Send each name once.")
    return made


def _constant(name: str) -> NoReturn:
    raise _refused(f"the body is not JSON: {name} is no number", "Leave it out, or send null.")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _refused(f"the body has a number beyond all bounds: {digits[:20]}", "Send a smaller number.")
    return number


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _refused(f"the body has a number of {len(digits)} digits", "Send a smaller number.")
    return int(digits)


def _refused(problem: str, remedy: str) -> InvalidRequest:
    return InvalidRequest([Fault("", problem, remedy)])
