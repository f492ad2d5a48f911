"""Whether the stack is drained: one item, which only the operator's commands read. Each API key has a copy."""

from __future__ import annotations

from gallop.adapters import aws
from gallop.adapters.table import dynamo


@aws.guarded
def since() -> float | None:
    """Return since when the stack accepts no new jobs, in seconds since the epoch; None if it accepts them."""
    item = dynamo.get(_key())
    return None if item is None else float(item["since"])


@aws.guarded
def begin(now: float) -> None:
    """Record that the stack accepts no new jobs; a second call changes nothing."""
    dynamo.write(dynamo.put_if_new({**_key(), "since": dynamo.time(now)}))


@aws.guarded
def end() -> None:
    """Record that the stack accepts jobs again."""
    dynamo.write(dynamo.delete(_key()))


def _key() -> dict[str, str]:
    return {"pk": "DRAIN", "sk": "DRAIN"}
