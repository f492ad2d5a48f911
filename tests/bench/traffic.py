"""What something reads from the table: its calls, their bytes, and its time."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.promise import Simulation


@dataclass(slots=True)
class Traffic:
    """Counts while the block lasts."""

    calls: int = 0
    read_bytes: int = 0
    milliseconds: float = 0.0


@contextmanager
def counted(simulation: Simulation) -> Iterator[Traffic]:
    """Count the calls to the table, and the bytes of their answers as DynamoDB would send them."""
    traffic, client = Traffic(), simulation.dynamodb
    call = client._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - where all calls of a client pass

    def counting(operation: str, request: dict[str, Any]) -> Any:  # noqa: ANN401 - any answer
        answer = call(operation, request)
        sent = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
        traffic.calls += 1
        traffic.read_bytes += len(json.dumps(sent, default=str))
        return answer

    began = time.perf_counter()
    with patch.object(client, "_make_api_call", counting):
        yield traffic
    traffic.milliseconds = (time.perf_counter() - began) * 1000
