"""The HTTP face alone: sockets, threads, what it loads, and the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from fake_dashscope import KEY, Account, FakeDashScope, Server, Switches, serve
from fake_dashscope.cli import build, parser
from fake_dashscope.clock import ManualClock, ScaledClock
from tests.functional.fake_dashscope.sandbox import R2V, SUBMIT, Sandbox, authorized, order, until
from tests.support.import_path import PYTHONPATH, ROOT

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = {**os.environ, "PYTHONPATH": PYTHONPATH}
GIGABYTE = 2**30


def raw(url: str, method: str, path: str) -> tuple[socket.socket, bytes]:
    """Send a request by hand and return the socket with what has arrived."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)
    head = f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {KEY}\r\n"
    body = json.dumps(order()) if method == "POST" else ""
    connection.sendall(f"{head}X-DashScope-Async: enable\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    return connection, connection.recv(65536)


def test_a_drop_closes_the_socket_without_a_byte(fake_dashscope: FakeDashScope, served_dashscope: Server) -> None:
    """A dropped connection ends before the first byte of a reply."""
    fake_dashscope.fault(on="submit", kind="drop_after_accept")
    connection, got = raw(served_dashscope.url, "POST", SUBMIT)
    connection.close()
    assert b"" == got
    assert 1 == len(fake_dashscope.ledger()["tasks"])


def test_a_stall_lasts_as_long_as_the_clock_says() -> None:
    """A stall holds the connection for its simulated seconds, then closes it without a byte."""
    clock = ScaledClock(speed=10_000)
    fake = FakeDashScope(clock)
    fake.fault(on="query", kind="stall", seconds=500)
    with serve(fake) as server:
        begun = clock.now()
        connection, got = raw(server.url, "GET", "/api/v1/tasks/x")
        connection.close()
    assert b"" == got
    assert clock.now() - begun >= 500


def test_a_stall_does_not_outlive_the_server() -> None:
    """Closing the server ends what still stalls."""
    fake = FakeDashScope(ManualClock())
    fake.fault(on="query", kind="stall")
    ends = []

    def ask(url: str) -> None:
        connection, got = raw(url, "GET", "/api/v1/tasks/x")
        connection.close()
        ends.append(got)

    with serve(fake) as server:
        asker = threading.Thread(target=ask, args=(server.url,))
        asker.start()
        until(lambda: 1 == fake.ledger()["requests"]["query"])
    asker.join(timeout=60)
    assert [b""] == ends


def test_a_closed_server_leaves_nothing_behind() -> None:
    """After the block the port is free and every thread is gone."""
    before = set(threading.enumerate())
    with serve(FakeDashScope(ManualClock())) as server:
        port = urlsplit(server.url).port or 0
        assert f"{server.url}/api/v1" == server.api_url
    assert before == set(threading.enumerate())
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_taken_port_is_an_error_at_once() -> None:
    """A port that is taken is an error, and nothing stays behind."""
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):  # noqa: SIM117
        with serve(FakeDashScope(), port=taken.getsockname()[1]):
            pass
    assert before == set(threading.enumerate())


def test_a_huge_result_is_not_held_in_memory() -> None:
    """A result of a gigabyte is generated while it is sent, any part of it at once."""
    clock = ManualClock()
    fake = FakeDashScope(clock)
    fake.fault(on="task", kind="result_size", bytes=GIGABYTE)
    with serve(fake) as server, httpx.Client(timeout=60) as client:
        url = Sandbox(fake, clock, server.url, client).video_url(order(duration=3))
        part = client.get(url, headers={"Range": f"bytes={GIGABYTE - 5}-"})
        with client.stream("GET", url) as whole:
            first = next(whole.iter_raw())
    assert f"bytes {GIGABYTE - 5}-{GIGABYTE - 1}/{GIGABYTE}" == part.headers["content-range"]
    assert str(GIGABYTE) == whole.headers["content-length"]
    assert b"ftyp" == first[4:8]


def test_a_download_that_nobody_reads_ends(caplog: pytest.LogCaptureFixture) -> None:
    """When a client hangs up, the server stops generating the result, and closes without an error."""
    clock = ManualClock()
    fake = FakeDashScope(clock)
    fake.fault(on="task", kind="result_size", bytes=1000 * GIGABYTE)
    with serve(fake) as server, httpx.Client(timeout=60) as client:
        sandbox = Sandbox(fake, clock, server.url, client)
        with client.stream("GET", sandbox.video_url(order(duration=3))) as response:
            next(response.iter_raw())
    assert [] == [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")]


def test_closing_the_server_ends_the_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A video that is being rendered is given up when the server closes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    clock = ManualClock()
    fake = FakeDashScope(clock)
    with serve(fake) as server, httpx.Client(timeout=60) as client:
        sandbox = Sandbox(fake, clock, server.url, client)
        sandbox.submit(order(duration=15))
        sandbox.advance(1)
        until(lambda: any(tmp_path.rglob("*.part")))
    assert [] == list(tmp_path.rglob("*.mp4"))


STORY = """
import httpx
from tests.functional.fake_dashscope.sandbox import ALIBABA, Sandbox, order
from fake_dashscope import FakeDashScope
from fake_dashscope.clock import ManualClock

fake = FakeDashScope(clock := ManualClock())
sandbox = Sandbox(fake, clock, ALIBABA, httpx.Client(transport=httpx.MockTransport(fake.handle)))
url = sandbox.video_url(order(resolution="720P", duration=3))
"""


def loaded_after(code: str) -> set[str]:
    """List the heavy packages that a new interpreter has loaded after running some code."""
    done = run(["-c", f"import sys\n{code}\nprint(*sys.modules)"])
    assert 0 == done.returncode, done.stderr
    return {"av", "PIL", "uvicorn", "httpx", "respx"} & set(done.stdout.split())


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run this Python with the repository on its path."""
    return subprocess.run([sys.executable, *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False)


def test_importing_the_fake_is_light() -> None:
    """The package and its clock import nothing heavy, the fake itself only httpx."""
    assert set() == loaded_after("from fake_dashscope.clock import ManualClock")
    assert {"httpx"} == loaded_after("from fake_dashscope import FakeDashScope; FakeDashScope()")


def test_nothing_is_rendered_before_it_is_needed() -> None:
    """In process, a task succeeds before its video is rendered; the first download renders it."""
    assert {"httpx"} == loaded_after(STORY)
    assert {"httpx", "PIL", "av"} == loaded_after(STORY + "sandbox.client.get(url)")


def test_the_command_prints_where_it_is_and_stops_on_sigint() -> None:
    """The command prints base URL and key, serves, and ends quietly on SIGINT."""
    command = [sys.executable, "-m", "fake_dashscope", "--speed", "100"]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        base, key = process.stdout.readline().strip(), process.stdout.readline().strip()
        assert re.fullmatch(r"DASHSCOPE_HTTP_BASE_URL=http://127\.0\.0\.1:\d+/api/v1", base)
        assert f"DASHSCOPE_API_KEY={KEY}  # account main, ap-southeast-1" == key
        reply = httpx.get(base.partition("=")[2] + "/tasks/x", headers=authorized())
        assert "UNKNOWN" == reply.json()["output"]["task_status"]
        os.kill(process.pid, signal.SIGINT)
        assert 0 == process.wait(timeout=60)
        assert "" == process.stderr.read()


def test_the_command_says_when_its_port_is_taken() -> None:
    """A taken port is one line on stderr and exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(["-m", "fake_dashscope", "--port", port])
    assert 1 == done.returncode
    assert f"127.0.0.1:{port}: Address already in use" == done.stderr.strip()


def test_the_command_passes_its_options() -> None:
    """Each option reaches the fake."""
    options = parser().parse_args(
        [
            *("--speed", "60", "--account", "a=sk-1,sk-2@cn-beijing", "--account", "b=sk-3", "--no-limits"),
            *("--bad-parameters", "task", "--expiry-from", "completion", "--fetch", "all"),
            *("--list-lag", "30", "--list-hours", "0", "--task-seconds", "90"),
            *("--edit-input", "used"),
        ],
    )
    fake = build(options)
    assert {"a": Account("a", ("sk-1", "sk-2"), "cn-beijing"), "b": Account("b", ("sk-3",))} == (
        fake.vendor.keyring.accounts
    )
    assert Switches("task", "completion", "all", 30, 0, task_seconds=90, edit_input="used") == fake.vendor.switches
    assert float("inf") == fake.vendor.limits.submits
    assert 60 == fake.clock.speed  # type: ignore[attr-defined]


def test_make_passes_port_and_speed() -> None:
    """``make vendor SPEED=60 DASHSCOPE_PORT=8080`` reaches the command."""
    command = ["make", "--dry-run", "vendor", "SPEED=60", "DASHSCOPE_PORT=8080"]
    clean = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}}
    shown = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=True).stdout
    assert ".venv/bin/fake-dashscope --speed 60 --port 8080" == shown.splitlines()[-1].strip()


@pytest.mark.parametrize("text", ["main", "=sk-1", "main="])
def test_the_command_refuses_half_an_account(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An account needs a name and a key; the message shows how to write one."""
    with pytest.raises(SystemExit):
        parser().parse_args(["--account", text])
    assert f"invalid account '{text}'; write NAME=KEY[,KEY…][@REGION]" in capsys.readouterr().err


def test_the_default_models_are_served() -> None:
    """A fake made without any options serves the default key."""
    fake = FakeDashScope(ManualClock())
    reply = fake.handle(httpx.Request("POST", "http://127.0.0.1" + SUBMIT, json=order(R2V), headers=authorized()))
    assert 200 == reply.status_code
