"""The files for GitHub and for contributors agree with the repository."""

from __future__ import annotations

import re
import runpy
from collections import defaultdict
from typing import Any

import pytest
import yaml

from tests.support.scripts import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PIN = re.compile(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", re.MULTILINE)


def jobs(path: Any) -> dict[str, Any]:  # noqa: ANN401 - a path
    """Return the jobs of a workflow."""
    return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"])


def test_actions_are_pinned_to_one_commit_each() -> None:
    """A full commit with its version beside it, the same everywhere; only this repository's own needs none."""
    pins = defaultdict(set)
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        found = PIN.findall(text)
        assert len(found) == len(re.findall(r"uses: (?!\$/)", text)), path.name
        for action, commit, version in found:
            pins[action].add((commit, version))
    assert {} == {action: found for action, found in pins.items() if len(found) > 1}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_rights_are_given_job_by_job(path: Any) -> None:  # noqa: ANN401
    """A workflow has no rights; each job lists its own."""
    assert {} == yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"]
    assert [] == [name for name, job in jobs(path).items() if not job.get("permissions")]


def test_only_publishing_writes_to_the_repository() -> None:
    """Code that was fetched or built never runs beside a token that can write."""
    writers = {
        f"{path.stem}.{name}": sorted(right for right, kind in job["permissions"].items() if kind == "write")
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if "write" in job["permissions"].values()
    }
    assert {"release.attest": ["attestations", "id-token"], "release.publish": ["contents"]} == writers


def test_every_supported_python_is_tested_on_both_systems() -> None:
    """3.11 to 3.14, on Linux and macOS, by the command that continuous integration uses everywhere."""
    job = jobs(ROOT / ".github" / "workflows" / "test.yml")["test"]
    assert ["3.11", "3.12", "3.13", "3.14"] == job["strategy"]["matrix"]["python"]
    assert ["ubuntu-latest", "macos-latest"] == job["strategy"]["matrix"]["os"]
    assert ".ci/run" in [step.get("run") for step in job["steps"]]


def test_dependabot_knows_every_lock() -> None:
    """Each folder with a lock file is kept up to date, and so are the actions."""
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    by_kind = {update["package-ecosystem"]: update for update in updates}
    folders = {f"/{folder}" for folder in re.findall(r"for folder in ([^;]+); do", lock_script())[0].split()}
    assert folders == set(by_kind["pip"]["directories"])
    assert "github-actions" in by_kind


def lock_script() -> str:
    """Return the script that resolves the locks."""
    return (ROOT / ".ci" / "lock").read_text(encoding="utf-8")


def test_pre_commit_runs_steps_of_the_gate() -> None:
    """Its hooks use the repository's environment, so that nothing is pinned twice."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    steps = runpy.run_path(str(ROOT / ".ci" / "gate.py"))["CHECKS"]
    assert ["local"] == [repo["repo"] for repo in hooks]
    assert {hook["name"] for hook in hooks[0]["hooks"]} <= steps.keys()
    assert [] == [hook["id"] for hook in hooks[0]["hooks"] if ".venv/bin/python" not in hook["entry"]]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_targets_that_a_page_names_exist(page: str) -> None:
    """A command that is copied from a page runs."""
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8")))
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set() == named - set(targets)


def test_contributing_is_half_a_page() -> None:
    """A page that is read before the first change is short."""
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split()) <= 450
