"""How commands end that do not succeed: an exit code, a message that says what to do, and JSON for programs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest
from gallop.cli.user import running, watching
from gallop.client import AsyncGallop

from tests.functional.cli.user.test_making import PROMPT
from tests.support.pictures import picture
from tests.support.scripts import ROOT

if TYPE_CHECKING:
    from tests.functional.cli.user.conftest import Command

REFUSALS = {
    "make": "There is nothing to make a video from",
    "make sprin": "There is no folder sprin. Did you mean spring?",
    "make nothing-like-it": "There is no folder nothing-like-it. Check its name.",
    "make girl.jpg": "use: gallop make -i girl.jpg -p ...",
    "make spring -p A": "--prompt cannot be used with a folder",
    "make spring": "prompt.txt: ",
    "make -p A -i boy.jpg": "boy.jpg: No such file or directory. Nothing was made.",
    "make -p [Image_2] -i girl.jpg --duration 99": "--duration: must be a whole number from 3 to 15 seconds, not 99.",
    "make -p A -i text.txt": "text.txt: is not a supported type of image or video.",
    "make -p A --metadata order": "Write: --metadata order=17",
    "make -p A -o text.txt": "text.txt is a file. Name a folder",
    "make -p A -o text.txt/out": "cannot be made: Not a directory",
    "make -p A --video in.mp4 -o ./in.mp4": "is the input video",
    "watch job_1 job_2 -o one.mp4": "one.mp4 is one file, and there are 2 jobs",
    "get job_1": "Video 'job_1' not found.",
    "list --key-file nothing": "--key-file nothing cannot be read",
    "list --since yesterday": "--since 'yesterday' is not a valid time.",
}


@pytest.fixture
def folder(gallop: Command) -> None:
    """Fill the folder that commands run in."""
    (gallop.folder / "spring").mkdir()
    (gallop.folder / "spring" / "1.jpg").write_bytes(picture())
    (gallop.folder / "girl.jpg").write_bytes(picture())
    (gallop.folder / "in.mp4").write_bytes(b"")
    (gallop.folder / "text.txt").write_text("A text.")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("words", REFUSALS)
def test_what_must_be_changed_is_said(gallop: Command, words: str) -> None:
    """With exit code 2 and an empty standard output; nothing was made, and no file is left."""
    before = sorted(gallop.folder.rglob("*"))
    result = gallop(*[word.replace("_2]", " 2]") for word in words.split()])
    assert 2 == result.exit_code, result.output
    assert REFUSALS[words] in result.stderr
    assert not result.stdout
    assert [] == gallop.world.sandbox.jobs()
    assert before == sorted(gallop.folder.rglob("*"))


def test_a_refusal_for_programs(gallop: Command) -> None:
    """Its code and all problems, each with its place."""
    result = gallop("make", "-p", PROMPT, "--duration", "99", "--json")
    error = json.loads(result.stdout)["error"]
    assert (2, "invalid_request") == (result.exit_code, error["code"])
    assert {"/prompt", "/duration"} == {fault["pointer"] for fault in error["faults"]}


def test_a_failed_job_for_programs(gallop: Command) -> None:
    """The job with its error, and exit code 1."""
    job_id = gallop.ok("make", "-p", "A girl smiles.")
    gallop.ok("cancel", job_id)
    result = gallop("make", "-p", "A girl smiles.", "--wait", "--json")
    assert (1, "cancelled") == (result.exit_code, json.loads(result.stdout)["state"])


def test_someone_elses_job_does_not_exist(gallop: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """To none of the commands."""
    job_id = gallop.ok("make", "-p", "A girl smiles.")
    monkeypatch.setenv("GALLOP_KEY", gallop.world.sandbox.mint("grace"))
    for command in ("get", "watch", "cancel"):
        result = gallop(command, job_id)
        assert 2 == result.exit_code
        assert "not found" in result.stderr
    assert [] == gallop.json("list")


def test_a_full_disk_loses_no_video(gallop: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command that downloads it later."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("gallop.client.downloads._Part._take", full)
        result = gallop("make", "-p", "A girl smiles.", "-o", "my videos")
    assert 1 == result.exit_code
    (job,) = gallop.json("list")
    command = f"gallop get {job['id']} -o 'my videos'"
    assert f"No space left on device. It is made and stored; to download it again, run: {command}" in result.stderr
    gallop.ok("get", job["id"], "-o", "my videos")


class Offline(httpx.AsyncBaseTransport):
    """A connection that breaks after a number of requests, for a number of requests."""

    def __init__(self, world: httpx.AsyncBaseTransport, after: int, lost: int) -> None:
        self.world, self.after, self.lost = world, after, lost

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or not."""
        self.after -= 1
        if -self.lost <= self.after < 0:
            raise httpx.ConnectError("unreachable")
        return await self.world.handle_async_request(request)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pauses take no time."""

    async def instantly(_: float) -> None:
        """Return."""

    monkeypatch.setattr(asyncio, "sleep", instantly)


@pytest.mark.usefixtures("no_waiting")
def test_a_watched_job_survives_a_lost_connection(gallop: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a while: then the command ends with exit code 3, and the job continues."""
    lost = Offline(gallop.world.transport(), after=1, lost=12)
    monkeypatch.setattr(running, "AsyncGallop", partial(AsyncGallop, transport=lost))
    result = gallop("make", "-p", "A girl smiles.", "--wait")
    assert 0 == result.exit_code, result.output
    assert ": no connection, retrying\n" in result.stderr
    monkeypatch.setattr(watching, "PATIENCE_SECONDS", 0.0)
    lost.after, lost.lost = 1, 1000
    result = gallop("make", "-p", "A girl waves.", "--wait")
    assert 3 == result.exit_code
    assert "could not be reached" in result.stderr
    job_id = next(job.id for job in gallop.world.sandbox.jobs() if job.request.prompt == "A girl waves.")
    assert f"gallop watch {job_id}" in result.stderr


@pytest.mark.usefixtures("no_waiting")
def test_a_stack_that_is_not_there_is_said_at_once(gallop: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """With exit code 3, by every command, also for programs."""
    monkeypatch.setattr(
        running, "AsyncGallop", partial(AsyncGallop, transport=Offline(gallop.world.transport(), after=0, lost=1000))
    )
    for words in ("list", "get job_1", "watch job_1", "cancel job_1", "make -p A", "price -p A"):
        result = gallop(*words.split(), "--json")
        assert 3 == result.exit_code
        assert "could not be reached" in result.stderr
        found = json.loads(result.stdout)
        assert "unreachable" == (found[0] if isinstance(found, list) else found)["error"]["code"]


def test_users_commands_load_nothing_of_aws() -> None:
    """So that they start fast, and run where only the client is installed."""
    code = "import sys, gallop.cli.app; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "shared")}, capture_output=True, check=True
    )
    assert set() == {"boto3", "botocore", "moto", "aws_lambda_powertools", "PIL"} & set(done.stdout.decode().split())
