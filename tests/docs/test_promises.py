"""Every promise is proven by tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.docs import promises

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_promise_has_tests_and_every_mark_a_promise() -> None:
    """Neither is left without the other."""
    assert list(promises.promises()) == sorted(promises.proofs(), key=lambda name: int(name[1:]))


def test_results_are_recorded_for_each_module(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run replaces the results of its own modules, and keeps those of others."""
    monkeypatch.setattr(promises, "RESULTS", tmp_path / "out" / "promises.json")
    pytester.makeini("[pytest]\nmarkers = promise(*ids)")
    pytester.makepyfile(test_a="import pytest\npytestmark = pytest.mark.promise('P1')\ndef test_1(): pass")
    pytester.makepyfile(
        test_b="import pytest\n@pytest.mark.promise('P2')\ndef test_1(): assert False\ndef test_2(): pass"
    )
    pytester.inline_run(plugins=[promises.Recorder()])
    pytester.inline_run("test_a.py", plugins=[promises.Recorder()])
    results = json.loads(promises.RESULTS.read_text())
    assert {"test_a.py": {"passed": 1}, "test_b.py": {"failed": 1}} == {
        name: one["outcomes"] for name, one in results.items()
    }
