"""``make up`` starts completely, prints how to reach it, and leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.functional.testbed.conftest import eventually
from tests.support.import_path import PYTHONPATH
from tests.testbed.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = {
    "api_url",
    "api_key",
    "aws_endpoint_url",
    "region",
    "aws_access_key_id",
    "aws_secret_access_key",
    "dashscope_url",
    "dashscope_api_key",
    "inbox_bucket",
    "results_bucket",
    "speed",
}
PROGRAM = "import sys, pathlib; from tests.testbed.__main__ import main; sys.exit(main(pathlib.Path(sys.argv[1])))"


def start(file: Path, **settings: str) -> subprocess.Popen[str]:
    """Start the testbed as its own process, as from a shell."""
    # An ignored SIGINT would be inherited.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(file)],
        env={**os.environ, "PYTHONPATH": PYTHONPATH, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    signal.signal(signal.SIGINT, handler)
    return process


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of the file that a testbed writes when it is ready."""
    return tmp_path / "testbed.json"


@pytest.fixture
def running(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a testbed with a warm function."""
    process = start(file, SPEED="60")
    try:
        eventually(lambda: file.exists() or process.poll() is not None)
        coordinates = json.loads(file.read_text(encoding="utf-8"))
        assert 200 == httpx.get(f"{coordinates['api_url']}/health", timeout=30).status_code
        yield process
    finally:
        process.kill()
        process.communicate()


def children(process: subprocess.Popen[str]) -> list[int]:
    """Return the child processes of a process."""
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()] + [
        int(pid)
        for task in Path(f"/proc/{process.pid}/task").iterdir()
        if task.name != str(process.pid)
        for pid in (task / "children").read_text(encoding="ascii").split()
    ]


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False


def ports(coordinates: dict[str, Any]) -> list[int]:
    """Return the ports of a testbed."""
    return [int(coordinates[name].rsplit(":", 1)[1]) for name in ("api_url", "aws_endpoint_url", "dashscope_url")]


def free(port: int) -> bool:
    """Return whether a port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_it_leaves_nothing_behind(running: subprocess.Popen[str], file: Path, number: int, code: int) -> None:
    """No process, port or file remains; the content of the file is the interface."""
    coordinates = json.loads(file.read_text(encoding="utf-8"))
    assert CONTRACT | {"anchor"} == set(coordinates)
    assert all(coordinates.values())
    assert 0o600 == file.stat().st_mode & 0o777
    functions = children(running)
    assert functions
    assert not any(free(port) for port in ports(coordinates))
    running.send_signal(number)
    assert code == running.wait(timeout=20)
    assert not file.exists()
    assert not [pid for pid in functions if alive(pid)]
    assert all(free(port) for port in ports(coordinates))


def test_functions_end_with_a_killed_testbed(running: subprocess.Popen[str]) -> None:
    """Nothing else could stop them, so they stop automatically."""
    functions = children(running)
    assert functions
    running.kill()
    running.wait(timeout=20)
    eventually(lambda: not any(alive(pid) for pid in functions))


def test_a_port_in_use_is_reported(file: Path) -> None:
    """The error is one line without a traceback, and nothing starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(file, API_PORT=str(port))
        output, _ = process.communicate(timeout=30)
    assert 1 == process.returncode
    assert f"API_PORT={port} is not available" in " ".join(output.split())
    assert "Traceback" not in output
    assert not file.exists()
