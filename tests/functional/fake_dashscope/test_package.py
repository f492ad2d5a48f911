"""The package as a new user gets it: built, installed alone, its command run, its fixtures used."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING
from zipfile import ZipFile

import httpx
import pytest
from packaging.requirements import Requirement

import fake_dashscope
from tests.support.import_path import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "tests" / "testbed" / "fake_dashscope"
SOURCE = FOLDER / "src"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OTHER_PLUGINS = {plugin.name for plugin in entry_points(group="pytest11")} - {"fake_dashscope.pytest_plugin", "respx"}
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Installed:
    """The built wheel, and the folder that it alone is installed in."""

    wheel: Path
    folder: Path

    def start(self, command: list[str], cwd: Path) -> subprocess.Popen[str]:
        """Start a command that sees the installed package and nothing of the repository."""
        return subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pytest(self, folder: Path, *arguments: str) -> str:
        """Run pytest in a folder, with default plugins only; return its output, or fail with it."""
        without = [part for plugin in OTHER_PLUGINS for part in ("-p", f"no:{plugin}")]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *without, *arguments]
        with self.start(command, folder) as process:
            output = process.communicate(timeout=60)[0]
        assert 0 == process.returncode, output
        return output


def pip(*arguments: str | Path) -> None:
    """Run pip without an index."""
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--no-deps", "--no-index", "--quiet"]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel, and install it into a folder without anything else."""
    target = tmp_path_factory.mktemp("package")
    pip("wheel", FOLDER, "--wheel-dir", target, "--no-build-isolation")
    (wheel,) = target.glob("*.whl")
    pip("install", wheel, "--target", target / "site")
    return Installed(wheel, target / "site")


def test_the_wheel_holds_the_package_and_nothing_else(installed: Installed) -> None:
    """All modules, the marker of its types, its metadata and licence; no tests and nothing of Gallop."""
    with ZipFile(installed.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*") if path.suffix in {".py", ".typed"}}
    assert files == names


def test_the_wheel_has_the_version_of_the_module(installed: Installed) -> None:
    """The version is written down once, in the module."""
    assert f"fake_dashscope-{fake_dashscope.__version__}-py3-none-any.whl" == installed.wheel.name


def test_the_licence_is_the_repositorys() -> None:
    """The package carries its own copy of the licence, which a wheel cannot take from outside its folder."""
    assert (ROOT / "LICENSE").read_bytes() == (FOLDER / "LICENSE").read_bytes()


def test_what_it_imports_is_what_it_declares() -> None:
    """No import without a declared dependency, and no dependency without an import."""
    command = [sys.executable, "-m", "deptry", "src", "--no-ansi"]
    checked = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert 0 == checked.returncode, checked.stderr


def test_the_repository_runs_it_with_versions_that_it_allows() -> None:
    """Each declared dependency allows the version that the repository has locked."""
    extra = PROJECT["optional-dependencies"]["pytest"]
    locks = [(ROOT / name).read_text() for name in ("tests/requirements.txt", "tests/testbed/requirements.txt")]
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", "\n".join(locks), re.MULTILINE))
    refused = [
        text
        for text in [*PROJECT["dependencies"], *extra]
        if (wanted := Requirement(text)) and locked[wanted.name] not in wanted.specifier
    ]
    assert [] == refused


def test_every_public_name_can_be_imported() -> None:
    """What ``__all__`` lists is there, and nothing else is exported."""
    assert [] == [name for name in fake_dashscope.__all__ if not hasattr(fake_dashscope, name)]
    assert not hasattr(fake_dashscope, "no_such_name")


def test_the_command_serves_until_it_is_interrupted(installed: Installed, tmp_path: Path) -> None:
    """``fake-dashscope`` prints its address, serves the ledger, and ends with exit code 0 on SIGINT."""
    # An ignored SIGINT would be inherited.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    with installed.start([str(installed.folder / "bin" / "fake-dashscope"), "--speed", "60"], tmp_path) as process:
        signal.signal(signal.SIGINT, handler)
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("DASHSCOPE_HTTP_BASE_URL=")
        ledger = httpx.get(httpx.URL(url).join("/__fake__/ledger"), trust_env=False)
        process.send_signal(signal.SIGINT)
        assert 0 == process.wait(timeout=60), process.stdout.read()
    assert [] == ledger.json()["tasks"]


def test_the_readmes_examples_pass(installed: Installed, tmp_path: Path) -> None:
    """Each Python block of the README is a test file that passes with the installed package only."""
    for number, block in enumerate(PYTHON_BLOCKS):
        (tmp_path / f"test_{number}.py").write_text(block, encoding="utf-8")
    assert f"{len(PYTHON_BLOCKS)} passed" in installed.pytest(tmp_path, "-W", "error", "--strict-markers")


def test_the_fixtures_are_listed_with_what_they_do(installed: Installed, tmp_path: Path) -> None:
    """``pytest --fixtures`` lists all four, each with a line that explains it."""
    listed = installed.pytest(tmp_path, "--fixtures")
    shown = re.findall(r"^(\w*dashscope\w*) -- .*\n    \w", listed, re.MULTILINE)
    assert ["dashscope_clock", "fake_dashscope", "mounted_dashscope", "served_dashscope"] == sorted(shown)


def test_a_suite_that_does_not_use_the_plugin_does_not_wait_for_it(installed: Installed, tmp_path: Path) -> None:
    """Pytest loads the plugin at each start; the fake and what it needs are loaded by the first test that uses it."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_other():\n"
        '    assert "fake_dashscope.pytest_plugin" in sys.modules\n'
        '    assert "fake_dashscope.core" not in sys.modules\n',
    )
    assert "1 passed" in installed.pytest(tmp_path)


def test_the_repositorys_environment_has_the_command(tmp_path: Path) -> None:
    """``make`` puts the command beside the environment's Python; it runs the code in this folder."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    code = "import sys, pathlib, venv; venv.add_commands(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT / ".ci", check=True)
    assert str(SOURCE) in (tmp_path / "bin" / "fake-dashscope").read_text()
