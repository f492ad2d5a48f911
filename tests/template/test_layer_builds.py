"""Each layer, built again and again: part of `make proofs`, because a build takes seconds."""

from __future__ import annotations

import filecmp
from typing import TYPE_CHECKING

import pytest

from .test_layer import LAYERS, build, run_make, source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("logical_id", LAYERS)
def test_two_builds_are_equal(logical_id: str, tmp_path: Path) -> None:
    """Two builds of the same source are equal, byte for byte, so that nothing is deployed without a change."""
    once, again = build(tmp_path / "first", logical_id), build(tmp_path / "second", logical_id)
    files = sorted(path.relative_to(once) for path in once.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    _, different, unreadable = filecmp.cmpfiles(once, again, files, shallow=False)
    assert [] == different + unreadable


@pytest.mark.parametrize("logical_id", LAYERS)
def test_a_build_with_bytecode_of_another_python_fails(logical_id: str, tmp_path: Path) -> None:
    """What was built is checked, so that a wrong interpreter is noticed: Lambda ignores bytecode of other versions."""
    idle = tmp_path / "python"
    idle.write_text("#!/bin/sh\n", encoding="ascii")
    idle.chmod(0o755)
    folder = source(tmp_path / "layer", logical_id)
    result = run_make(folder, f"build-{logical_id}", tmp_path / "layer", idle)
    assert 0 != result.returncode
    assert "Some modules have no bytecode of Python 3.13" in result.stderr
