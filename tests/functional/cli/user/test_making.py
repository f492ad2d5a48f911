"""``gallop make``, ``price``, ``watch``, ``get``, ``list`` and ``cancel``: what they do, print and return."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from gallop.cli.user.fields import wanted

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
    job = gallop.json("make", "-p", PROMPT, "-i", girl, "-i", girl, *words, *own, "--account", "default")
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
    assert {"account": "default", "tags": {}} == job["placement"]


def test_a_tag_is_a_name_and_a_value(gallop: Command) -> None:
    """The stack checks both, and a refusal names the option."""
    assert {"region": "eu", "tier": "1"} == wanted("", {"tag": ["region=eu", "tier=1"]}).options["tags"]
    assert "--tag has the tag" in gallop("price", "-p", "x", "--tag", "region=EU").stderr.replace(":", "")
    assert "not a name and a value" in gallop("make", "-p", "x", "--tag", "eu").stderr


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


def test_variants_are_one_group(gallop: Command, girl: str) -> None:
    """One ID for all; the same command is the same group; each video has a name that says which it is."""
    words = ("make", "-p", PROMPT, "-i", girl, "--n", "3", "--seed", "7", "--duration", "3")
    assert "3 s x $0.14 = $0.42, x 3 = $1.26" == gallop.ok("price", *words[1:])
    first = gallop(*words)
    group = first.stdout.strip()
    assert group.startswith("grp_")
    assert f"Accepted: 3 videos, ~$1.26. To watch it, run: gallop watch {group}" in first.stderr
    saved = gallop.ok(*words, "-o", "girls.mp4").split()
    assert ["girls-1.mp4", "girls-2.mp4", "girls-3.mp4"] == saved
    assert 3 == len({sha256_of(gallop.folder / name) for name in saved})
    assert 3 == len(gallop.world.sandbox.jobs())
    view = gallop.json(*words, "-o", "out")
    assert [f"out/{group}-{number}.mp4" for number in (1, 2, 3)] == [one["file"] for one in view["data"]]
    assert [7, 8, 9] == [one["seed"] for one in view["data"]]


def test_a_folder_has_variants_too(gallop: Command, spring: Path) -> None:
    """By --n, or by its job.json."""
    assert 2 == len(gallop.json("make", str(spring), "--n", "2")["data"])
    (spring / "job.json").write_text('{"n": 3, "duration": 3}', encoding="utf-8")
    assert 3 == len(gallop.json("make", str(spring))["data"])
    assert gallop.ok("make", str(spring), "--n", "1").startswith("job_")


def test_a_group_is_watched_shown_saved_listed_and_cancelled(gallop: Command) -> None:
    """By its ID, in each command that takes that of a job."""
    group = gallop.ok("make", "-p", "A girl smiles.", "--n", "2")
    jobs = [one["id"] for one in gallop.json("get", group)["data"]]
    shown = gallop.ok("get", group)
    assert [*jobs] == [line.split()[1] for line in shown.splitlines()[-2:]]
    assert f"{group} 2/2" in gallop.ok("list")
    early = gallop("get", group, "-o", ".")
    assert 2 == early.exit_code
    assert jobs == gallop.ok("watch", group).split()
    assert [f"{group}-{number}.mp4" for number in (1, 2)] == gallop.ok("get", group, "-o", ".").split()
    other = gallop.ok("make", "-p", "A girl waves.", "--n", "2")
    assert ["cancelled"] * 2 == [job["state"] for job in gallop.json("cancel", other)]
    assert 1 == gallop("watch", other).exit_code


def test_one_variant_that_fails_stops_no_other(gallop: Command) -> None:
    """The others are saved, and the exit code says that one has no video."""
    gallop.world.sandbox.fake.fault(on="task", kind="fail", times=1)
    result = gallop("make", "-p", "A girl smiles.", "--n", "2", "-o", "girl.mp4")
    assert 1 == result.exit_code
    assert 1 == len(result.stdout.split())
    assert "failed" in result.stderr
