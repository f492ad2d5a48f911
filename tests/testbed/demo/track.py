"""The stages that a job has reached, by the testbed's clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gallop.domain.scheduling import run_times

if TYPE_CHECKING:
    from fake_dashscope.clock import Clock
    from tests.testbed.demo.doors import Door, Snapshot

STAGES = ("queued", "running", "storing", "succeeded")
# A recorded attempt is sent immediately: to a viewer the two states are one.
_SHOWN_AS = {"submitting": "queued"}


@dataclass(slots=True)
class Track:
    """A job's progress, stage by stage; ``reached`` contains seconds since the start, in order."""

    door: Door
    clock: Clock
    started_at: float
    reached: dict[str, float] = field(init=False)
    snapshot: Snapshot | None = None

    def __post_init__(self) -> None:
        """Start with the arrival at the door."""
        self.reached = {self.door.arrival: 0.0}

    @property
    def kind(self) -> str:
        """The kind of video that is made."""
        return self.door.sample.kind

    @property
    def stages(self) -> tuple[str, ...]:
        """All stages, starting with the arrival."""
        return (self.door.arrival, *STAGES)

    @property
    def stage(self) -> str:
        """The last stage that was reached."""
        return next(reversed(self.reached))

    def has_passed(self, stage: str) -> bool:
        """Return whether a stage is past, even if nobody looked while it lasted."""
        return self.stages.index(stage) <= self.stages.index(self.stage)

    @property
    def is_done(self) -> bool:
        """Whether the video is ready."""
        return STAGES[-1] in self.reached

    @property
    def elapsed(self) -> float:
        """The seconds since the start, or the duration of a finished job."""
        return self.reached.get(STAGES[-1], self.clock.now() - self.started_at)

    @property
    def progress(self) -> float:
        """The estimated share of the task's time that has passed, from 0 to 1."""
        if self.stage != "running":
            return float(self.has_passed("storing"))
        return min(1.0, (self.elapsed - self.reached["running"]) / run_times.expected_seconds("720P", 5))

    def see(self, snapshot: Snapshot | None) -> bool:
        """Record what the door shows; return whether a new stage has been reached."""
        self.snapshot = snapshot
        stage = _SHOWN_AS.get(snapshot.state, snapshot.state) if snapshot else None
        if stage is None or stage in self.reached:
            return False
        self.reached[stage] = self.clock.now() - self.started_at
        return True
