"""The memory of a function's process: its peak during an invocation."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import psutil

_MB = 1024 * 1024


@dataclass(slots=True)
class Memory:
    """Measures a process. Linux keeps the peak itself; elsewhere it is the largest of the sizes that were looked at."""

    process: int
    proc: Path = Path("/proc")
    """Where Linux describes processes."""
    peak_mb: float = field(init=False, default=0.0)

    def reset(self) -> None:
        """Start a new measurement."""
        self.peak_mb = 0.0
        try:
            self._file("clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return

    def look(self) -> float:
        """Return the peak so far, in MB; a process that has ended keeps its last."""
        self.peak_mb = max(self.peak_mb, self._size_mb())
        return self.peak_mb

    def _size_mb(self) -> float:
        try:
            status = self._file("status").read_text(encoding="ascii")
        except OSError:
            return self._resident_mb()
        peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(peaks[0]) / 1024 if peaks else 0.0

    def _resident_mb(self) -> float:
        try:
            return float(psutil.Process(self.process).memory_info().rss) / _MB
        except psutil.Error:
            return 0.0

    def _file(self, name: str) -> Path:
        return self.proc / str(self.process) / name
