"""Runs the checks of the gate, two at a time, each with its time; shows the whole output of those that fail.

``.ci/gate.py`` is run from the repository's folder, with the Python of ``.venv``. It takes no arguments.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

AT_A_TIME = 2
# What the others check is made first.
FIRST = {"translation": "{python} -m tests.template out/translated.json"}
# The first one, and those with the fewest services: what exists there exists everywhere.
REGIONS = ("us-east-1", "ap-southeast-6", "ap-east-2", "cn-northwest-1")
# The longest first, so that none is left at the end.
CHECKS = {
    "mypy": "{python} -m mypy",
    "sam build": "make --no-print-directory build",
    "checkov": ".venv-checkov/bin/python -m checkov.main --config-file .checkov.yaml",
    "cfn-lint": (
        '{python} -c "from cfnlint.runner import main as run; exit(run())" --template template.yaml out/translated.json'
        f" --regions {' '.join(REGIONS)}"
    ),
    "sam validate": "env SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint --region us-east-1",
    "prose": "{python} .ci/prose.py",
    "GitHub's files": ".ci/github .venv/bin",
    "ruff format": "{python} -m ruff format --check .",
    "ruff check": "{python} -m ruff check .",
    "import-linter": '{python} -c "from importlinter.cli import lint_imports_command as run; run()" --no-logo',
    "deptry, what is deployed": "{python} -m deptry shared/gallop functions --config .ci/deptry.toml",
    "deptry, tests": "{python} -m deptry tests shared/gallop/cli --config .ci/deptry-tests.toml",
}
NEEDS_3_13 = "sam build"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended."""

    command: str
    code: int
    output: str


def main() -> int:
    """Run all checks; return 1 if one of them fails, and 0 otherwise."""
    checks, console = dict(CHECKS), Console(highlight=False)
    if _run(".ci/python 3.13").code:
        del checks[NEEDS_3_13]
        console.print(f"{NEEDS_3_13:28}skipped: Python 3.13 is not installed")
    columns = SpinnerColumn(), TextColumn("{task.description:26}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        failed = [*_failed(FIRST, progress)] or [*_failed(checks, progress)]
    for name, outcome in failed:
        console.print(f"\n{name} failed; the command was: {outcome.command}\n", markup=False, soft_wrap=True)
        sys.stdout.write(outcome.output)
    return 1 if failed else 0


def _failed(checks: Mapping[str, str], progress: Progress) -> Iterable[tuple[str, Outcome]]:
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        outcomes = pool.map(lambda name: _shown(name, checks[name], progress), checks)
        yield from [(name, one) for name, one in zip(checks, outcomes, strict=True) if one.code]


def _shown(name: str, command: str, progress: Progress) -> Outcome:
    task, began = progress.add_task(escape(name), total=None), time.monotonic()
    outcome = _run(command.format(python=shlex.quote(sys.executable)))
    seconds = time.monotonic() - began
    progress.remove_task(task)
    progress.console.print(f"{name:28}{'failed' if outcome.code else 'ok':7}{seconds:3.0f} s", markup=False)
    return outcome


def _run(command: str) -> Outcome:
    own = dict(_environment())
    ran = subprocess.run(
        shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=own, check=False
    )
    return Outcome(command, ran.returncode, ran.stdout)


def _environment() -> Iterator[tuple[str, str]]:
    """Yield the environment without what the make that runs this leaves for makes of its own."""
    yield from ((name, value) for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"})


if __name__ == "__main__":
    sys.exit(main())
