"""The AWS resources that a run used, and their cost at list prices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.load import prices
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Usage:
    """The counted usage of a run."""

    transitions: Mapping[str, int]
    """How often each state was entered. A retry counts separately: ``<state>, again``."""
    runs: Mapping[str, int]
    """By the function's logical ID."""
    errors: Mapping[str, int]
    """Runs that failed, by function and error."""
    writes: float
    """DynamoDB's write units; ``reads`` has its read units."""
    reads: float
    s3_writes: int
    s3_reads: int
    slot_reads: float = 0.0
    """Those read units that the slots of all lanes took."""
    waited: Mapping[str, float] = field(default_factory=dict)
    """Seconds for which runs have waited on purpose, by function."""

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds for which each function runs: assumed for each run, and counted where it waits on purpose."""
        names = {*self.runs, *self.waited}
        return {name: self.runs.get(name, 0) * prices.SECONDS_OF_A_RUN + self.waited.get(name, 0.0) for name in names}

    @property
    def gb_seconds(self) -> float:
        """The billed memory of the functions."""
        functions = stack.functions()
        return sum(billed * int(functions[name]["MemorySize"]) / 1024 for name, billed in self.seconds.items())

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
