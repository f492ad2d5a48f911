"""Install the packages of lock files into a virtual environment, and do nothing if it is up to date.

``make`` runs this under the machine's own Python before anything is installed, so it needs the standard library only.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = re.compile(r"(Collecting|Requirement already satisfied:|Ignoring) ([\w.-]+)")
ROOT = Path(__file__).resolve().parents[1]
# Each project of the repository: the folder of its pyproject.toml, and the folder that its commands import from.
PROJECTS = {ROOT: ROOT / "shared", ROOT / "tests/testbed/fake_dashscope": ROOT / "tests/testbed/fake_dashscope/src"}
# Through sh, because a path after #! must be short and without spaces.
COMMAND = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
'''
import sys

sys.path.insert(0, {source!r})
from {module} import {function}

sys.exit({function}())
"""
# Large and rarely imported: compiling them would take more time than it saves.
NOT_COMPILED = r"/(sympy|mpmath|networkx|pip|setuptools|cfnlint|pygments|mypy)/"


def main() -> int:
    """Install what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", action="store_true", help="also add the commands of the repository's projects")
    parser.add_argument("venv", type=Path)
    parser.add_argument("locks", type=Path, nargs="+")
    arguments = parser.parse_args()
    venv: Path = arguments.venv
    venv.mkdir(exist_ok=True)
    try:
        with alone(venv):
            if not usable(venv):
                create(venv)
            missing = [lock for lock in arguments.locks if stamps(venv).get(str(lock)) != digest(lock)]
            code = install(venv, missing) if missing else 0
            if arguments.commands and not code:
                add_commands(venv)
            return code
    except KeyboardInterrupt:
        say("\nInterrupted. Run make again to continue.")
        return 130


def say(text: str) -> None:
    """Print a line to standard error; standard output is for the command that follows."""
    sys.stderr.write(f"{text}\n")


def show_progress(text: str) -> None:
    """In a terminal, print a line that the next one replaces."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()  # the line has no end


@contextmanager
def alone(venv: Path) -> Iterator[None]:
    """Keep two makes from writing to one environment at the same time."""
    handle = os.open(venv, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another make to set up {venv}.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def python(venv: Path) -> str:
    """Return the path of the environment's interpreter."""
    return str(venv / "bin" / "python")


def usable(venv: Path) -> bool:
    """Return whether the environment is complete and runs, and has the Python of PYTHON if that is set."""
    command = [python(venv), "-c", "import sys, pip; print(sys.version_info[:2])"]
    if unfinished(venv).exists():
        return False
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return False
    required = sys.version_info[:2] if os.environ.get("PYTHON") else None
    return result.returncode == 0 and (required is None or result.stdout.strip() == str(required))


def unfinished(venv: Path) -> Path:
    """Return the path of the marker of an environment whose creation was interrupted."""
    return venv / "unfinished"


def create(venv: Path) -> None:
    """Create the environment from scratch."""
    say(f"Creating {venv} with Python {sys.version.split()[0]}.")
    unfinished(venv).touch()
    for path in venv.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != unfinished(venv):
            path.unlink()
    result = subprocess.run([sys.executable, "-m", "venv", venv], capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{result.stdout}{result.stderr}{venv} cannot be created; see the error above.")
    unfinished(venv).unlink()


def digest(lock: Path) -> str:
    """Return the digest of a lock file's content."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def stamps(venv: Path) -> dict[str, str]:
    """Return the installed lock files, each with its digest at that time."""
    path = venv / "installed.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def install(venv: Path, locks: list[Path]) -> int:
    """Install the packages of lock files and record their digests; return the exit code."""
    started = time.monotonic()
    total = len({name for lock in locks for name in re.findall(r"^([\w.-]+)==", lock.read_text(), re.MULTILINE)})
    say(f"Installing {total} packages into {venv}; this takes a minute.")
    code, output = run_pip(venv, locks, total)
    if code:
        noise = re.compile(r"(Collecting|Requirement already|Ignoring|  Downloading|  Using cached|WARNING: Location) ")
        say("\n".join(line for line in output if not noise.match(line)))
        say(f"pip could not install {', '.join(map(str, locks))}. Check the package index (`pip config list`).")
        return code
    compile_all(venv)
    stamped = stamps(venv) | {str(lock): digest(lock) for lock in locks}
    (venv / "installed.json").write_text(json.dumps(stamped))
    show_progress("")
    say(f"Installed in {time.monotonic() - started:.0f} s.")
    return 0


def add_commands(venv: Path) -> None:
    """Add the commands of each project to the environment; they run the code in this folder.

    Written directly, because an editable install needs a build backend, which not every machine has.
    """
    for project, source in PROJECTS.items():
        scripts = tomllib.loads((project / "pyproject.toml").read_text())["project"]["scripts"]
        for name, target in scripts.items():
            module, _, function = target.partition(":")
            path = venv / "bin" / name
            text = COMMAND.format(python=python(venv.absolute()), source=str(source), module=module, function=function)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
                path.chmod(0o755)


def compile_all(venv: Path) -> None:
    """Compile the packages in parallel; files that do not compile are for other Pythons."""
    show_progress(f"  {venv}: compiling")
    packages = sorted(str(path) for path in venv.glob("lib/python*/site-packages/*"))
    # Separate processes, because compileall's own (-j) sometimes hang.
    count = min(4, os.cpu_count() or 1)
    command = [python(venv), "-m", "compileall", "-q", "-x", NOT_COMPILED]
    running = [
        subprocess.Popen([*command, *packages[start::count]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for start in range(count)
    ]
    try:
        for process in running:
            process.wait()
    except KeyboardInterrupt:
        for process in running:
            process.kill()
        raise


def run_pip(venv: Path, locks: list[Path], total: int) -> tuple[int, list[str]]:
    """Run pip and show its progress; return its exit code and its output."""
    # --no-deps: the locks are complete, and old versions of pip need a long time to verify that.
    command = [python(venv), "-m", "pip", "install", "--no-deps", "--no-compile", "--no-input", "--require-hashes"]
    command += ["--disable-pip-version-check", *(word for lock in locks for word in ("-r", str(lock)))]
    output: list[str] = []
    seen: set[str] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        try:
            for line in pip.stdout or ():
                output.append(line.rstrip())
                if match := PACKAGE.match(line):
                    seen.add(match[2].lower())
                    show_progress(f"  {venv}: {min(len(seen), total)}/{total} {match[2]}")
                elif line.startswith("Installing collected packages"):
                    show_progress(f"  {venv}: unpacking")
        except KeyboardInterrupt:
            pip.kill()  # it has also received the signal, but is slow to exit
            pip.wait()
            raise
    return pip.returncode, output


if __name__ == "__main__":
    sys.exit(main())
