"""The command itself, as a process, against a running testbed: killed at its calls, in terminals, and in pipes."""

from __future__ import annotations

import hashlib
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.e2e.test_client import CALLS, images, meanwhile
from tests.support.scripts import ROOT
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.caller import Caller

RUN = "import sys; sys.argv[0] = 'gallop'; from gallop.cli import main; main()"
# Kills its own process at the first call of a kind, before it is made or after its answer came.
DEADLY = """\
import os, re, signal
import httpx

made = httpx.AsyncHTTPTransport.handle_async_request

async def handle(self, request):
    path = re.sub(r"job_[a-z2-7]+", "{id}", request.url.path)
    found = f"{request.method} {path}" if path.startswith("/v1/") else f"{request.method} a bucket"
    is_last = os.environ.get("DIE_AT") == found
    if is_last and os.environ["DIE"] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    response = await made(self, request)
    if is_last:
        os.kill(os.getpid(), signal.SIGKILL)
    return response

httpx.AsyncHTTPTransport.handle_async_request = handle
"""


@dataclass(frozen=True, slots=True)
class Command:
    """Runs ``gallop`` in a folder, as a user of the testbed."""

    folder: Path
    environment: dict[str, str]

    def __call__(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run it with pipes."""
        return subprocess.run(
            [sys.executable, "-c", RUN, *words],
            cwd=self.folder,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def gallop(caller: Caller, tmp_path: Path) -> Command:
    """Give the command, and a folder with a large image."""
    (tmp_path / "deadly").mkdir()
    (tmp_path / "deadly" / "sitecustomize.py").write_text(DEADLY, encoding="utf-8")
    (tmp_path / "1.jpg").write_bytes(images()[0])
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{tmp_path / 'deadly'}{os.pathsep}{ROOT / 'shared'}",
        "XDG_CONFIG_HOME": str(tmp_path / "configuration"),
        "GALLOP_URL": caller.at.api_url,
        "GALLOP_KEY": caller.at.api_key,
        "TERM": "xterm-256color",
    }
    return Command(tmp_path, environment)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_call_and_run_again(gallop: Command, caller: Caller, when: str) -> None:
    """One job, one task and one whole file, whichever call is the last of the first run."""
    for number, call in enumerate(CALLS):
        prompt, to = f"[Image 1] smiles at the command at {call}, {when}.", gallop.folder / f"{number}.mp4"
        words = ("make", "-p", prompt, "-i", "1.jpg", "--duration", "3", "-o", to.name)
        killed = meanwhile(partial(gallop, *words, DIE_AT=call, DIE=when))
        assert -signal.SIGKILL == killed.returncode, killed.stderr
        assert not to.exists()
        again = meanwhile(partial(gallop, *words))
        assert (0, to.name) == (again.returncode, again.stdout.strip()), again.stderr
        (task,) = caller.tasks_for(prompt)
        (job,) = [job for job in caller.http.get("/v1/videos?limit=100").json()["data"] if job["prompt"] == prompt]
        assert task["prompt"] == prompt
        assert job["video"]["sha256"] == hashlib.sha256(to.read_bytes()).hexdigest()
        assert [] == [path for path in gallop.folder.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize(("call", "when"), [("POST /v1/videos", "after"), ("GET a bucket", "before")])
def test_killed_with_variants_and_run_again(gallop: Command, caller: Caller, call: str, when: str) -> None:
    """One group, a task and a whole file for each variant."""
    prompt = f"Variants at {call}."
    words = ("make", "-p", prompt, "--n", "2", "--duration", "3", "-o", "two.mp4")
    killed = meanwhile(partial(gallop, *words, DIE_AT=call, DIE=when))
    assert -signal.SIGKILL == killed.returncode, killed.stderr
    again = meanwhile(partial(gallop, *words))
    assert (0, ["two-1.mp4", "two-2.mp4"]) == (again.returncode, again.stdout.split()), again.stderr
    assert 2 == len(caller.tasks_for(prompt))
    jobs = [job for job in caller.http.get("/v1/videos?limit=100").json()["data"] if job["prompt"] == prompt]
    assert 1 == len({job["group"]["id"] for job in jobs})
    stored = {job["group"]["place"]: job["video"]["sha256"] for job in jobs}
    saved = [hashlib.sha256((gallop.folder / name).read_bytes()).hexdigest() for name in again.stdout.split()]
    assert [stored[1], stored[2]] == saved


@dataclass(slots=True)
class Terminal:
    """A terminal of some columns, in which the command runs; ``text`` is all that was written to it."""

    gallop: Command
    columns: int
    process: subprocess.Popen[bytes] | None = None
    side: int = 0
    text: str = ""

    def run(self, *words: str, **more: str) -> None:
        """Start the command."""
        self.side, other = pty.openpty()
        ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, self.columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, *words],
            cwd=self.gallop.folder,
            env={**self.gallop.environment, **more},
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)

    def shows(self, text: str) -> bool:
        """Return whether a text has appeared."""
        while select.select([self.side], [], [], 0)[0]:
            with suppress(OSError):
                if piece := os.read(self.side, 65_536):
                    self.text += piece.decode()
                    continue
            break
        return text in self.text

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        assert self.process
        eventually(lambda: [self.shows(""), self.process and self.process.poll() is not None][1])
        self.shows("")
        os.close(self.side)
        return self.process.wait()

    def lines(self) -> list[str]:
        """Return what was drawn, without colours and movements of the cursor."""
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text)
        return [line for line in re.split(r"[\r\n]+", plain) if line]


@pytest.mark.parametrize("columns", [20, 80])
def test_progress_fits_into_the_terminal(gallop: Command, columns: int) -> None:
    """State, seconds and cost, drawn again and again; nothing of it is left but how it ended, and the file."""
    terminal = Terminal(gallop, columns)
    terminal.run("make", "-p", f"A horse runs over {columns} columns.", "--duration", "3", "-o", "out")
    assert 0 == terminal.end()
    *drawn, _, path = terminal.lines()
    assert all(len(line) <= columns for line in drawn if "made in" not in line)
    # The testbed's clock jumps: which states are seen varies.
    assert re.search(r"(queued|submitting|running|storing)  0:\d\d", "\n".join(drawn))
    assert any("~$0.42" in line for line in drawn)
    assert (gallop.folder / path).is_file()


@pytest.mark.parametrize("setting", ["NO_COLOR", "TERM"])
def test_colours_are_left_out(gallop: Command, setting: str) -> None:
    """Where the user wants none, or the terminal has none; a dumb terminal gets a line per change."""
    terminal = Terminal(gallop, 80)
    terminal.run("make", "-p", f"A horse runs without {setting}.", "--wait", **{setting: "dumb"})
    assert 0 == terminal.end()
    assert not re.search(r"\x1b\[[0-9;]*m", terminal.text)
    assert (setting == "TERM") == ("\x1b" not in terminal.text)


def test_ctrl_c_leaves_the_job_running(gallop: Command, caller: Caller) -> None:
    """It says how to continue, which then works; the terminal's cursor is visible."""
    terminal = Terminal(gallop, 80)
    terminal.run("make", "-p", "A horse runs away.", "--duration", "3", "-o", "my out")
    eventually(lambda: terminal.shows("~$0.42"))
    assert terminal.process
    terminal.process.send_signal(signal.SIGINT)
    assert 130 == terminal.end()
    job_id, folder = re.findall(r"continues\..*gallop watch (job_\w+) -o '(.*)'", " ".join(terminal.lines()))[0]
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")
    done = meanwhile(partial(gallop, "watch", job_id, "-o", folder))
    assert (0, f"my out/{job_id}.mp4") == (done.returncode, done.stdout.strip())
    assert 1 == len(caller.tasks_for("A horse runs away."))


def test_two_at_once_are_one_job(gallop: Command, caller: Caller) -> None:
    """Both get the whole file, also into the same place."""
    words = ("make", "-p", "Two horses run.", "--duration", "3", "-o", "two.mp4")
    with subprocess.Popen([sys.executable, "-c", RUN, *words], cwd=gallop.folder, env=gallop.environment) as other:
        second = meanwhile(partial(gallop, *words))
        assert [0, 0] == [meanwhile(other.wait), second.returncode], second.stderr
    (task,) = caller.tasks_for("Two horses run.")
    (job,) = [job for job in caller.http.get("/v1/videos").json()["data"] if job["prompt"] == task["prompt"]]
    assert job["video"]["sha256"] == hashlib.sha256((gallop.folder / "two.mp4").read_bytes()).hexdigest()


def test_output_that_nobody_takes(gallop: Command) -> None:
    """A pipe that closes, a full disk and closed streams: no traceback."""
    run = f'{sys.executable} -c "{RUN}" list'
    for shell in (f"{run} | head -0; exit ${{PIPESTATUS[0]}}", f"{run} > /dev/full", f"{run} <&- >&- 2>&-"):
        done = subprocess.run(
            ["bash", "-c", shell], env=gallop.environment, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr
        assert done.returncode in {0, 1}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete(gallop: Command, shell: str) -> None:
    """The shell accepts its script, which completes commands, models and jobs."""
    name = "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"
    script = gallop("--show-completion", shell, **{name: "1"})
    assert 0 == script.returncode, script.stderr
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    checked = subprocess.run([shell, "-n"], input=script.stdout, capture_output=True, text=True, check=False)
    assert (0, "") == (checked.returncode, checked.stderr)
    assert {"make", "watch", "jobs"} <= {*completed(gallop, shell, "gallop ")}
    assert "happyhorse-1.0-i2v" in completed(gallop, shell, "gallop make --model ")
    job_id = gallop("make", "-p", f"A horse runs to {shell}.").stdout.strip()
    assert job_id in completed(gallop, shell, "gallop watch job_")


def completed(gallop: Command, shell: str, line: str) -> list[str]:
    """Return what the script of a shell is given for a line."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(re.split(r" +", line)) - 1)}
    fish = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = gallop(_GALLOP_COMPLETE=f"complete_{shell}", **words, **fish)
    return re.findall(r"[\w.-]+", done.stdout)
