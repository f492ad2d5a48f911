"""The arguments of tools that are not fields of a request for a video."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault, pointer_to, shown
from gallop.domain.fields import Field, Flag, Whole
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Collection

    from gallop.domain.fields import Scalar

# The longest wait of a call; a stack may allow less.
MAX_SECONDS = 25


@frozen(kw_only=True)
class JobId(Field):
    """The id of a job, which is looked up in any case: a wrong one is not found."""

    def read(self, value: object) -> Scalar | Fault:
        """Return the id."""
        return value if isinstance(value, str) else Fault("", f"must be a string, not {shown(value)}", "Send an id.")

    def schema(self) -> dict[str, Any]:
        """Describe it."""
        return {"type": "string", "pattern": "^job_[a-z2-7]{26}$"}


@frozen(kw_only=True)
class Dollars(Field):
    """An amount of money, to be compared with an estimate; as text, in which decimal places stay exact."""

    def read(self, value: object) -> Scalar | Fault:
        """Return the amount."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and math.isfinite(value) and value >= 0:  # type: ignore[operator, arg-type]
            return str(value)
        return Fault("", f"must be an amount of US dollars, not {shown(value)}", "Send a number from 0.")

    def schema(self) -> dict[str, Any]:
        """Describe it."""
        return {"type": "number", "minimum": 0}


MAX_COST = Dollars(
    name="max_cost",
    description="In US dollars: a video that is estimated to cost more is refused before it costs anything.",
)
AGAIN = Flag(
    name="again",
    default=False,
    description=(
        "Make and charge another video of a request that you sent within the last 10 minutes. Without it, the same "
        "request is the same video, so that you can safely repeat a call that failed or timed out. Do not repeat a "
        "call with `again`: first look for its video with list_videos."
    ),
)
ID = JobId(name="id", description="The `id` that make_video returned.")
SECONDS = Whole(
    name="seconds",
    within=range(MAX_SECONDS + 1),
    default=MAX_SECONDS,
    unit=" seconds",
    description="How long to wait. If the video has not ended by then, the call returns it as it is; call again.",
)


def take(arguments: dict[str, Any], *fields: Field) -> tuple[dict[str, Any], list[Fault]]:
    """Take fields out of the arguments of a call; return their values, or defaults, and the faults."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for field in fields:
        sent = arguments.pop(field.name, None)
        value = _default_of(field) if sent is None else field.read(sent)
        if isinstance(value, Fault):
            faults.append(replace(value, pointer=f"/{field.name}"))
        else:
            values[field.name] = value
    return values, faults


def _default_of(field: Field) -> Scalar | Fault:
    return Fault("", "is missing", "Send the id of a video.") if isinstance(field, JobId) else field.default


def check_all_taken(arguments: dict[str, Any], names: Collection[str], faults: list[Fault]) -> None:
    """Check that there are no other arguments than those of these names, and no faults.

    Raises:
        InvalidRequest: with every fault.

    """
    remedy = f"Valid arguments are {', '.join(names)}."
    unknown = [Fault(pointer_to(name), "is not an argument of this tool", remedy) for name in arguments]
    if faults or unknown:
        raise InvalidRequest([*faults, *unknown])
