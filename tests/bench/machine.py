"""The machine, the date and the commit of a run."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and when a run was made."""

    processor: str
    cores: int
    memory_gb: float
    python: str
    date: str
    commit: str


def this_machine() -> Machine:
    """Describe this machine, today and the commit of these files."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=round(pages / 1024**3, 1),
        python=platform.python_version(),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        commit=_commit(),
    )


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    text = described.read_text(encoding="utf-8") if described.exists() else ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _commit() -> str:
    """Return the commit, and whether files differ from it."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return f"{commit or 'unknown'}{', with changes' if changed else ''}"


def _git(*arguments: str) -> str:
    ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip()
