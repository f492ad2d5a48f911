"""What has been seen of a job on its way, by the testbed's clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gallop.domain.scheduling import histogram

if TYPE_CHECKING:
    from fake_dashscope.clock import Clock
    from tests.testbed.demo.doors import Door, Snapshot

STAGES = ("queued", "running", "storing", "succeeded")
# A task is as good as sent once its attempt is recorded: these two are one to whoever watches.
_SHOWN_AS = {"submitting": "queued"}


@dataclass(slots=True)
class Track:
    """A job's way, stage by stage; ``reached`` holds seconds since the start, in order."""

    door: Door
    clock: Clock
    started_at: float
    reached: dict[str, float] = field(init=False)
    snapshot: Snapshot | None = None

    def __post_init__(self) -> None:
        """Begin with what the door is given."""
        self.reached = {self.door.arrival: 0.0}

    @property
    def stages(self) -> tuple[str, ...]:
        """Name all stages, the arrival first."""
        return (self.door.arrival, *STAGES)

    @property
    def stage(self) -> str:
        """Name the last stage that was seen."""
        return next(reversed(self.reached))

    def has_passed(self, stage: str) -> bool:
        """Tell whether a stage lies behind, be it that nobody looked while it lasted."""
        return self.stages.index(stage) <= self.stages.index(self.stage)

    @property
    def is_done(self) -> bool:
        """Tell whether the video is there."""
        return STAGES[-1] in self.reached

    @property
    def elapsed(self) -> float:
        """Give the seconds since the start, or those that it took."""
        return self.reached.get(STAGES[-1], self.clock.now() - self.started_at)

    @property
    def progress(self) -> float:
        """Estimate which share of the task's time has passed."""
        if self.stage != "running":
            return float(self.has_passed("storing"))
        return min(1.0, (self.elapsed - self.reached["running"]) / histogram.expected_seconds("720P", 5))

    def see(self, sight: Snapshot | None) -> bool:
        """Take in what the door shows; tell whether a new stage has been reached."""
        self.snapshot = sight
        stage = _SHOWN_AS.get(sight.state, sight.state) if sight else None
        if stage is None or stage in self.reached:
            return False
        self.reached[stage] = self.clock.now() - self.started_at
        return True
