"""What a run used of AWS, and what that costs at list prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.load import prices
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Usage:
    """All that was used, as it was counted."""

    transitions: Mapping[str, int]
    """By state: how often it was entered. A try that is made again is a transition, too: ``<state>, again``."""
    runs: Mapping[str, int]
    """By function's logical id."""
    errors: Mapping[str, int]
    """Runs that failed, by function and error."""
    writes: float
    """DynamoDB's units, and those of reads."""
    reads: float
    s3_writes: int
    s3_reads: int

    @property
    def gb_seconds(self) -> float:
        """What the functions' memory is billed for, if each run takes the time that is assumed."""
        functions = stack.functions()
        megabytes = sum(count * int(functions[name]["MemorySize"]) for name, count in self.runs.items())
        return megabytes / 1024 * prices.SECONDS_OF_A_RUN

    @property
    def dollars(self) -> float:
        """What AWS would charge, without storage, logs, traces and the API's requests."""
        return (
            sum(self.transitions.values()) * prices.TRANSITION
            + sum(self.runs.values()) * prices.RUN
            + self.gb_seconds * prices.GB_SECOND
            + self.writes * prices.WRITE_UNIT
            + self.reads * prices.READ_UNIT
            + self.s3_writes * prices.S3_WRITE
            + self.s3_reads * prices.S3_READ
        )
