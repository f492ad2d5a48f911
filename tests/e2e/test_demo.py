"""``make demo``, as someone who has just cloned the repository runs it."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.import_path import PYTHONPATH
from tests.testbed.demo import __main__ as demo
from tests.testbed.demo.film import Film, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = 80
RECEIPTS = {"video.mp4", "video.json", "status.json"}
FILMS = {
    "t2v": Film("h264", 1280, 720, 24, 3, "aac", 3),
    "i2v": Film("h264", 832, 1108, 24, 3, "aac", 3),
    "r2v": Film("h264", 1280, 720, 24, 5, "aac", 5),
    "video-edit": Film("h264", 1108, 832, 24, 3, "aac", 3),
}
INPUTS = {"i2v": {"first-frame.jpg"}, "video-edit": {"clip.mp4"}}


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the demo write to another folder than a user's runs."""
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(demo, "OUT", tmp_path / "out" / "demo")
    return tmp_path / "out" / "demo"


def test_it_ends_with_a_video_of_each_kind_and_their_receipts(
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each job is seen at every stage, has a playable video and one POST; all files exist; no log is mixed in."""
    monkeypatch.setenv("SPEED", "30")
    assert 0 == demo.main()
    shown = capsys.readouterr().out
    assert "4 jobs made 4 paid requests and 4 tasks" in shown
    assert "\x1b" not in shown
    assert max(len(line) for line in shown.splitlines()) <= COLUMNS
    assert [] == [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    for kind, film in FILMS.items():
        assert re.search(rf"^ +0:00  {kind} +(sent|dropped)$", shown, re.MULTILINE)
        assert re.search(rf"^ +\d+:\d\d  {kind} +succeeded", shown, re.MULTILINE)
        assert RECEIPTS | INPUTS.get(kind, set()) == {file.name for file in (out / kind).iterdir()}
        played = play((out / kind / "video.mp4").read_bytes())
        assert film == replace(played, sound_seconds=round(played.sound_seconds))
        receipt = json.loads((out / kind / "video.json").read_text())
        assert f"{kind:<12}{receipt['job']} " in shown


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "1000"])
def test_an_invalid_speed_is_refused_with_a_message(
    speed: str, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is started, and the exit code is not 0."""
    monkeypatch.setenv("SPEED", speed)
    assert 1 == demo.main()
    assert f"SPEED={speed} is not valid. Use a number from 1 to 60" in capsys.readouterr().out
    assert not out.exists()


@pytest.fixture(
    params=[signal.default_int_handler, signal.SIG_IGN], ids=["in the foreground", "in the background of a script"]
)
def running(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Run the demo in its own session, until it is ready."""
    # It is inherited.
    handler = signal.signal(signal.SIGINT, request.param)
    command = [sys.executable, "-u", "-m", "tests.testbed.demo"]
    environment = {**os.environ, "SPEED": "1", "PYTHONPATH": PYTHONPATH}
    with subprocess.Popen(
        command, cwd=demo.ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        signal.signal(signal.SIGINT, handler)
        yield process
        process.kill()


def test_ctrl_c_leaves_nothing_running(running: subprocess.Popen[str]) -> None:
    """Interrupted during its jobs, it says so and ends all of its processes."""
    assert running.stdout is not None
    assert any("sent" in line for line in running.stdout)
    os.killpg(running.pid, signal.SIGINT)
    assert "Nothing is left running." in running.stdout.read()
    assert demo.INTERRUPTED == running.wait()
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)
