"""What every run of a function does besides its work."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from gallop import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

T = TypeVar("T")


def recorded(handler: Callable[[dict[str, Any], LambdaContext], T]) -> Callable[[dict[str, Any], LambdaContext], T]:
    """Write the metrics of each run of a handler at its end, also if it raises."""

    @wraps(handler)
    def run(event: dict[str, Any], context: LambdaContext) -> T:
        metrics.begin()
        try:
            answer = handler(event, context)
        except Exception:
            metrics.flush()
            raise
        metrics.flush()
        return answer

    return run
