"""The promises of ``docs/promise.md`` with the tests that prove each: ``python -m tests.docs.promises`` prints them.

A test module names its promises in ``pytestmark = pytest.mark.promise("P1", "P2")``. Each run of the tests adds its
results to ``out/promises.json``.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).parents[2]
PAGE, RESULTS = ROOT / "docs" / "promise.md", ROOT / "out" / "promises.json"
_ROW = re.compile(r"^\| \*\*(P\d+) (.+?)\*\* \| (.+?) \|$", re.MULTILINE)
_MARK = "promise"


class Recorder:
    """Records the results of the tests that prove a promise: a plugin of pytest."""

    def __init__(self) -> None:
        """Start without a result."""
        self._found: dict[str, Counter[str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let the report of each test say that it proves a promise, also from another process."""
        for item in items:
            if item.get_closest_marker(_MARK):
                item.user_properties.append((_MARK, True))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the result of a test."""
        is_result = report.when == "call" or report.outcome != "passed"
        if is_result and (_MARK, True) in {tuple(one) for one in report.user_properties}:
            self._found.setdefault(report.nodeid.partition("::")[0], Counter())[report.outcome] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Add the results to those of earlier runs; only the process that sees all of them does so."""
        if self._found and not hasattr(session.config, "workerinput"):
            at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
            results = {name: {"outcomes": counts, "at": at} for name, counts in self._found.items()}
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps({**last_results(), **results}, indent=1), encoding="utf-8")


def promises() -> dict[str, tuple[str, str]]:
    """Return the title and the text of each promise of the page, by its id."""
    return {row[1]: (row[2], row[3]) for row in _ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def proofs() -> dict[str, list[str]]:
    """Return the test modules that prove each promise, by its id."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in _marked(path):
            found.setdefault(name, []).append(path.relative_to(ROOT).as_posix())
    return found


def last_results() -> dict[str, Any]:
    """Return the last result of each test module on this machine."""
    if not RESULTS.exists():
        return {}
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return results


def _marked(path: Path) -> Iterator[str]:
    """Yield the ids that a test module names."""
    text = path.read_text(encoding="utf-8")
    if f"mark.{_MARK}(" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == _MARK:
            yield from (ast.literal_eval(argument) for argument in node.args)


def _result(module: str, results: dict[str, Any]) -> str:
    if module not in results:
        return "not run here yet"
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(results[module]["outcomes"].items()))
    return f"{counts} at {results[module]['at']}"


def main() -> int:
    """Print each promise, its tests and their last results."""
    bound, results, console = proofs(), last_results(), Console(highlight=False)
    for name, (title, text) in promises().items():
        console.print(f"[bold]{name}  {title}[/bold]")
        plain = re.sub(r"[*`]|\[([^]]*)\]\([^)]*\)", r"\1", text)
        console.print(Padding(plain, (0, 0, 0, 4)))
        for module in bound.get(name, []):
            console.print(Padding(f"- {module}: {_result(module, results)}", (0, 0, 0, 4)))
        console.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
