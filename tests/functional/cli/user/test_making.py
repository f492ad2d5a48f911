"""``gallop make``, ``price``, ``watch``, ``get``, ``list`` and ``cancel``: what they do, print and return."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.functional.client.test_client import sha256_of
from tests.support.pictures import picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.cli.user.conftest import Command

PROMPT = "The girl of [Image 1] smiles."


@pytest.fixture
def girl(gallop: Command) -> str:
    """Give an image."""
    (gallop.folder / "girl.jpg").write_bytes(picture())
    return "girl.jpg"


@pytest.fixture
def spring(gallop: Command) -> Path:
    """Give a folder as it could be dropped."""
    folder = gallop.folder / "spring"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(picture())
    (folder / "prompt.txt").write_text(PROMPT, encoding="utf-8")
    return folder


def test_options_are_the_fields_of_a_request(gallop: Command, girl: str) -> None:
    """Each reaches the job, with its type."""
    words = ("--duration", "3", "--seed", "7", "--ratio", "9:16", "--resolution", "1080P", "--watermark")
    own = ("--priority", "2", "--metadata", "order=17", "--metadata", "shop=a=b")
    job = gallop.json("make", "-p", PROMPT, "-i", girl, "-i", girl, *words, *own)
    given = {name: job[name] for name in ("duration", "seed", "ratio", "resolution", "watermark", "priority", "images")}
    assert {
        "duration": 3,
        "seed": 7,
        "ratio": "9:16",
        "resolution": "1080P",
        "watermark": True,
        "priority": 2,
        "images": 2,
    } == given
    assert {"order": "17", "shop": "a=b"} == job["metadata"]


def test_make_prints_the_job_and_does_not_wait(gallop: Command, girl: str) -> None:
    """Only its ID is on standard output; the same command is the same job, and --again is another."""
    first = gallop("make", "-p", PROMPT, "-i", girl)
    job_id = first.stdout.strip()
    assert job_id.startswith("job_")
    assert f"Accepted: ~$0.70. To watch it, run: gallop watch {job_id}" in first.stderr
    second = gallop("make", "-p", PROMPT, "-i", girl)
    assert job_id == second.stdout.strip()
    assert f"This content is a job already: {job_id}" in second.stderr
    assert job_id != gallop.ok("make", "-p", PROMPT, "-i", girl, "--again", "2")


def test_a_folder_becomes_a_file(gallop: Command, spring: Path) -> None:
    """With --output, the command waits, makes the folder, and prints the path of the video."""
    path = gallop.folder / "new" / "out"
    result = gallop("make", str(spring), "-o", str(path))
    (saved,) = path.iterdir()
    assert str(saved) == result.stdout.strip()
    (task,) = gallop.world.sandbox.tasks()
    assert gallop.world.sandbox.film_of(task["task_id"]) == sha256_of(saved)
    assert f"{saved.stem}: made in " in result.stderr


def test_a_file_is_named_by_the_user_and_not_by_the_job(gallop: Command, spring: Path) -> None:
    """A name that ends with .mp4 is a file; the JSON names it, too."""
    made = gallop.json("make", str(spring), "--wait", "-o", "girl.mp4")
    assert ("succeeded", "girl.mp4") == (made["state"], made["file"])
    assert made["video"]["sha256"] == sha256_of(gallop.folder / "girl.mp4")


def test_a_price_makes_nothing(gallop: Command, spring: Path, girl: str) -> None:
    """Of a folder and of options, by both commands."""
    assert "5 s x $0.14 = $0.70" == gallop.ok("price", str(spring))
    assert "3 s x $0.14 = $0.42" == gallop.ok("make", "-p", PROMPT, "-i", girl, "--duration", "3", "--dry-run")
    assert 0.70 == gallop.json("price", "-p", PROMPT, "-i", girl)["estimated_cost"]
    assert [] == gallop.world.sandbox.jobs()


def test_jobs_are_watched_until_all_have_ended(gallop: Command) -> None:
    """One line each on standard output; the exit code says that one has no video."""
    jobs = [gallop.ok("make", "-p", f"A girl smiles at {number}.") for number in range(2)]
    cancelled = gallop.ok("make", "-p", "A girl waits.")
    gallop.ok("cancel", cancelled)
    result = gallop("watch", *jobs, cancelled)
    assert 1 == result.exit_code
    assert jobs == result.stdout.split()
    assert f"Job {cancelled} cancelled" in result.stderr
    views = json.loads(gallop("watch", *jobs, cancelled, "--json").stdout)
    assert ["succeeded", "succeeded", "cancelled"] == [view["state"] for view in views]


def test_a_job_is_shown_and_its_video_downloaded(gallop: Command) -> None:
    """Before its end, the command says that there is nothing yet."""
    job_id = gallop.ok("make", "-p", "A girl smiles.", "--seed", "7")
    early = gallop("get", job_id, "-o", ".")
    assert 2 == early.exit_code
    assert "has no video yet" in early.stderr
    gallop.ok("watch", job_id)
    facts = dict(line.split(maxsplit=1) for line in gallop.ok("get", job_id).splitlines())
    assert {"state": "succeeded", "cost": "$0.70", "seed": "7"}.items() <= facts.items()
    assert f"{job_id}.mp4" == gallop.ok("get", job_id, "-o", ".")
    assert (gallop.folder / f"{job_id}.mp4").stat().st_size


def test_jobs_are_listed(gallop: Command) -> None:
    """The newest first, by state, by time, up to a number; a prompt's control characters are replaced."""
    jobs = []
    for number in range(3):
        gallop.world.sandbox.clock.advance(1)
        jobs.append(gallop.ok("make", "-p", f"A girl smiles \x1b[31m at {number}."))
    gallop.ok("cancel", jobs[0])
    assert jobs[:0:-1] == [job["id"] for job in gallop.json("list", "--state", "queued")]
    assert jobs[:1:-1] == [job["id"] for job in gallop.json("list", "--limit", "1")]
    assert [] == gallop.json("list", "--since", "2999-01-01")
    shown = gallop.ok("list")
    assert "\x1b" not in shown
    assert [*jobs[::-1]] == [line.split()[0] for line in shown.splitlines()[1:]]


def test_a_cancel_that_comes_too_late_fails(gallop: Command) -> None:
    """The exit code says that a job continues, or has been made."""
    job_id = gallop.ok("make", "-p", "A girl smiles.")
    assert ["cancelled"] == [job["state"] for job in gallop.json("cancel", job_id)]
    other = gallop.ok("make", "-p", "A girl waves.", "--wait")
    assert 1 == gallop("cancel", other).exit_code
