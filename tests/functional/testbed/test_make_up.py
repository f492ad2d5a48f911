"""``make up`` starts completely, prints how to reach it, and leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from tests.support.import_path import PYTHONPATH
from tests.support.waiting import PATIENCE_S, eventually
from tests.testbed.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def start(file: Path, *, in_background: bool = False, **settings: str) -> subprocess.Popen[str]:
    """Start the testbed as its own process, as from a shell; in the background, a script's shell has SIGINT ignored."""
    # It is inherited.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN if in_background else signal.default_int_handler)
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


@pytest.fixture(params=[False, True], ids=["in the foreground", "in the background"])
def running(request: pytest.FixtureRequest, file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a testbed with a warm function."""
    process = start(file, in_background=request.param, SPEED="60")
    try:
        eventually(lambda: file.exists() or process.poll() is not None)
        coordinates = json.loads(file.read_text(encoding="utf-8"))
        assert 200 == httpx.get(f"{coordinates['api_url']}/health", timeout=PATIENCE_S).status_code
        yield process
    finally:
        process.kill()
        process.communicate()


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the child processes of a process."""
    found: list[psutil.Process] = psutil.Process(process.pid).children()
    return found


def alive(process: psutil.Process) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
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
    assert code == running.wait(timeout=PATIENCE_S)
    assert not file.exists()
    assert not [one for one in functions if alive(one)]
    assert all(free(port) for port in ports(coordinates))


def test_functions_end_with_a_killed_testbed(running: subprocess.Popen[str]) -> None:
    """Nothing else could stop them, so they stop automatically."""
    functions = children(running)
    assert functions
    running.kill()
    running.wait(timeout=PATIENCE_S)
    eventually(lambda: not any(alive(one) for one in functions))


@pytest.mark.parametrize("concurrency", ["0", "ten", "-1", "1.5"])
def test_a_concurrency_that_is_none_is_refused(file: Path, concurrency: str) -> None:
    """In one line, without a traceback, and nothing comes up."""
    process = start(file, CONCURRENCY=concurrency)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert 1 == process.returncode
    assert f"CONCURRENCY={concurrency} is not valid. Use a positive number" in " ".join(output.split())
    assert not file.exists()


def test_a_port_in_use_is_reported(file: Path) -> None:
    """The error is one line without a traceback, and nothing starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(file, API_PORT=str(port))
        output, _ = process.communicate(timeout=PATIENCE_S)
    assert 1 == process.returncode
    assert f"API_PORT={port} is not available" in " ".join(output.split())
    assert "Traceback" not in output
    assert not file.exists()
