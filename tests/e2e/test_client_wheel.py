"""The quick start of the client's page, in an empty environment: the wheel, httpx, three lines of Python, a video."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.examples import examples
from tests.support.scripts import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.e2e.caller import Caller

PAGE = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
QUICK_START, ERRORS = examples(PAGE, "Quick start"), examples(PAGE, "Errors")
# What httpx needs, and nothing of AWS.
PACKAGES = ("anyio", "certifi", "h11", "httpcore", "httpx", "idna", "typing-extensions")
# What the command needs besides.
COMMAND = (
    *("annotated-doc", "annotated-types", "markdown-it-py", "mdurl", "pydantic", "pydantic-core", "pygments", "rich"),
    *("shellingham", "typer", "typing-inspection"),
)


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """Run a command that must succeed, without the environment of these tests; return its output."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**own, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of an environment with the wheel and the locked packages that it needs."""
    return installed(tmp_path_factory.mktemp("client"), "", PACKAGES)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the command of an environment with the wheel, its extra for the command, and nothing of AWS."""
    return installed(tmp_path_factory.mktemp("command"), "[cli]", PACKAGES + COMMAND).with_name("gallop")


def installed(folder: Path, extra: str, packages: Sequence[str]) -> Path:
    """Build the wheel, and install it and these packages into an empty environment; return its Python."""
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    run(sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT / "shared", folder=folder)
    (wheel,) = folder.glob("gallop_client-*.whl")
    lock = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8")
    needed = re.findall(rf"^(?:{'|'.join(packages)})==(?:.*\\\n)+.*\n", lock, re.MULTILINE)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    own = f"gallop-client{extra} @ {wheel.as_uri()} --hash=sha256:{digest}"
    (folder / "lock.txt").write_text("\n".join([own, *needed]))
    run(sys.executable, "-m", "venv", folder / "empty", folder=folder)
    made = folder / "empty" / "bin" / "python"
    # With hashes, pip refuses what the wheel needs and the lock does not name.
    run(made, *pip, "install", "--require-hashes", "-r", folder / "lock.txt", folder=folder)
    return made


def test_the_quick_start_makes_a_video(python: Path, caller: Caller, tmp_path: Path) -> None:
    """Word for word; its file has the SHA-256 that Gallop recorded."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    door = {"GALLOP_URL": caller.at.api_url, "GALLOP_KEY": caller.at.api_key}
    sync, with_await = QUICK_START
    assert "woman.mp4" == run(python, "-c", sync.code, folder=tmp_path, **door).strip()
    price, _, name = run(python, "-c", with_await.code, folder=tmp_path, **door).partition("\n")
    assert ("$0.42: 3 s x $0.14 = $0.42", "horse.mp4") == (price, name.strip())
    newest = caller.http.get("/v1/videos?limit=2").json()["data"]
    files = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("horse.mp4", "woman.mp4")]
    assert [job["video"]["sha256"] for job in newest] == files


def test_a_refusal_is_explained(python: Path, caller: Caller, tmp_path: Path) -> None:
    """Word for word, too."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    door = {"GALLOP_URL": caller.at.api_url, "GALLOP_KEY": caller.at.api_key}
    (example,) = ERRORS
    assert "/prompt refers to [Image 2]" in run(python, "-c", example.code, folder=tmp_path, **door)


def test_a_folder_needs_nothing_else(python: Path, caller: Caller, tmp_path: Path) -> None:
    """The rules of a drop are in the wheel, and import only what is there."""
    code = "import sys; from gallop.client import Gallop; print(Gallop().price_folder(sys.argv[1]).estimated_cost)"
    folder = ROOT / "tests" / "testbed" / "pictures" / "qipao"
    door = {"GALLOP_URL": caller.at.api_url, "GALLOP_KEY": caller.at.api_key}
    assert "0.7" == run(python, "-c", code, folder, folder=tmp_path, **door).strip()


def test_the_command_makes_a_video(command: Path, caller: Caller, tmp_path: Path) -> None:
    """From a folder, without a checkout; the operators' commands are not part of it, which it says."""
    folder = ROOT / "tests" / "testbed" / "pictures" / "qipao"
    door = {"GALLOP_URL": caller.at.api_url, "GALLOP_KEY": caller.at.api_key}
    path = run(command, "make", folder, "-o", "out", folder=tmp_path, **door).strip()
    job = caller.http.get("/v1/videos?limit=1").json()["data"][0]
    assert job["video"]["sha256"] == hashlib.sha256((tmp_path / path).read_bytes()).hexdigest()
    assert "doctor" not in run(command, "--help", folder=tmp_path)
    with pytest.raises(AssertionError, match="operators of a stack are not part of this package"):
        run(command, "doctor", folder=tmp_path)


def test_the_command_says_what_it_needs(python: Path, tmp_path: Path) -> None:
    """Where the client was installed alone."""
    with pytest.raises(AssertionError, match=r'pip install "gallop-client\[cli\]"'):
        run(python.with_name("gallop"), "make", folder=tmp_path)


def test_it_is_typed_for_its_users(python: Path, tmp_path: Path) -> None:
    """Under mypy's strictest settings, the examples of the page have no error, and a wrong option has one."""
    for number, example in enumerate([*QUICK_START, *ERRORS]):
        (tmp_path / f"example_{number}.py").write_text(example.code, encoding="utf-8")
    mypy = (sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--python-executable={python}")
    run(*mypy, ".", folder=tmp_path)
    (tmp_path / "wrong.py").write_text('from gallop.client import Gallop\nGallop().make("A.", resolution="4K")\n')
    with pytest.raises(AssertionError, match="incompatible type"):
        run(*mypy, "wrong.py", folder=tmp_path)
