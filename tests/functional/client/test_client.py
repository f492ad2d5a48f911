"""Each method of the client, against the real door."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from gallop.client import Gallop, JobFailed, Refused, Transfer

from tests.functional.client.world import during
from tests.support import signed_copies
from tests.support.pictures import picture

if TYPE_CHECKING:
    from pathlib import Path

    from gallop.client import Job

    from tests.functional.client.world import When, World

MB = 1024 * 1024
PROMPT = "The girl of [Image 1] smiles."


def large() -> bytes:
    """Return an image that no request has room for."""
    return picture() + bytes(4 * MB)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_image_becomes_a_file(client: Gallop, world: World, tmp_path: Path) -> None:
    """A path and bytes: the small one goes into the request, the large one is uploaded; the video has its SHA-256."""
    path = tmp_path / "girl.jpg"
    path.write_bytes(picture())
    uploaded: list[Transfer] = []
    job = client.make(PROMPT, images=[path, large()], duration=3, progress=uploaded.append)
    assert ("queued", 2) == (job.state, job.data["images"])
    assert not job.is_repeated
    assert [len(large())] * 2 == [uploaded[-1].done, uploaded[-1].total]
    assert 1 == world.calls.count("POST /v1/uploads")
    seen: list[Job] = []
    done = client.wait(job, progress=seen.append)
    assert "succeeded" == seen[-1].state
    saved = client.download(done, tmp_path)
    assert f"{job.id}.mp4" == saved.name
    (task,) = world.sandbox.tasks()
    assert world.sandbox.film_of(task["task_id"]) == sha256_of(saved)
    assert ["girl.jpg", saved.name] == sorted(each.name for each in tmp_path.iterdir())


def test_what_is_not_there_yet_is_refused(client: Gallop, tmp_path: Path) -> None:
    """A video before its job has ended, and a thumbnail before it was made; no file is left behind."""
    job = client.make("A girl smiles.")
    with pytest.raises(Refused, match="has no video yet") as refused:
        client.download(job, tmp_path)
    assert "not_ready" == refused.value.code
    with pytest.raises(Refused, match="has no thumbnail yet"):
        client.download(client.wait(job), tmp_path, variant="thumbnail")
    with pytest.raises(Refused, match="has no signed copy yet"):
        client.download(job, tmp_path, variant="signed")
    assert [] == [*tmp_path.iterdir()]


def test_the_signed_copy_is_downloaded_like_the_video(client: Gallop, world: World, tmp_path: Path) -> None:
    """Under a name of its own, so that both are there."""
    job = client.wait(client.make("A girl smiles."))
    with world.sandbox.stack.acting_as("SaveResultFunction"):
        signed_copies.add(world.sandbox.job(job.id))
    saved = client.download(job, tmp_path, variant="signed")
    assert f"{job.id}.signed.mp4" == saved.name
    assert b"signed" == saved.read_bytes()


def test_the_same_content_is_the_same_job(client: Gallop, tmp_path: Path) -> None:
    """From bytes, from a path with another name, and with options in another order; ``again`` is another job."""
    path = tmp_path / "another name.jpg"
    path.write_bytes(picture())
    first = client.make(PROMPT, images=[picture()], duration=3, seed=7)
    second = client.make(PROMPT, images=[str(path)], seed=7, duration=3)
    assert (first.id, True) == (second.id, second.is_repeated)
    third = client.make(PROMPT, images=[picture()], duration=3, seed=7, again=2)
    assert (False, True) == (third.is_repeated, third.id != first.id)
    assert first.id != client.make(PROMPT, images=[picture(shade=1)], duration=3, seed=7).id


def test_a_group_is_several_jobs(client: Gallop, world: World) -> None:
    """With seeds of their own; the same content is the same group, and each job is waited for."""
    group = client.make_group(PROMPT, images=[picture()], n=3, duration=3, seed=7)
    assert [7, 8, 9] == [job.data["seed"] for job in group.jobs]
    assert 1.26 == group.estimated_cost == client.price(PROMPT, images=[picture()], n=3, duration=3).estimated_cost
    again = client.make_group(PROMPT, images=[picture()], n=3, duration=3, seed=7)
    assert (group.id, True) == (again.id, again.is_repeated)
    assert ["succeeded"] * 3 == [client.wait(job).state for job in group.jobs]
    assert 3 == len(world.sandbox.tasks())
    assert group.id != client.make_group(PROMPT, images=[picture()], n=2, duration=3, seed=7).id


def test_one_video_is_no_group(client: Gallop, world: World) -> None:
    """Nothing is created by a call that its caller could not read; what the door refuses names the field."""
    with pytest.raises(ValueError, match="for one video, use make"):
        client.make_group(PROMPT, n=1)
    with pytest.raises(TypeError, match="use make_group"):
        client.make(PROMPT, n=2)  # type: ignore[call-arg]
    with pytest.raises(Refused) as refused:
        client.make_group("A girl smiles.", n=5)
    assert ["/n"] == [fault.pointer for fault in refused.value.faults]
    assert [] == world.sandbox.jobs()


def test_a_folder_is_a_drop(client: Gallop, world: World, tmp_path: Path) -> None:
    """Images by their natural order, the prompt of prompt.txt, the options of job.json; the same content is one job."""
    folder = tmp_path / "spring"
    folder.mkdir()
    for name, shade in (("10.jpg", 10), ("2.jpg", 2), (".DS_Store", 3)):
        (folder / name).write_bytes(picture(shade=shade))
    (folder / "prompt.txt").write_text(f"\ufeff{PROMPT}\r\n", encoding="utf-16")
    (folder / "job.json").write_text(json.dumps({"duration": 3, "seed": None}), encoding="utf-8")
    assert 0.42 == client.price_folder(folder).estimated_cost
    job = client.make_folder(folder)
    assert (PROMPT, 3) == (job.prompt, job.data["duration"])
    same = client.make(PROMPT, images=[picture(shade=2), picture(shade=10)], duration=3)
    assert (job.id, True) == (same.id, same.is_repeated)
    assert 1 == len(world.sandbox.jobs())


def test_a_folder_with_faults_is_not_sent(client: Gallop, world: World, tmp_path: Path) -> None:
    """Each fault names its file, as at the S3 door."""
    (tmp_path / "girl.jpg").write_bytes(picture())
    (tmp_path / "job.json").write_text('{"images": ["boy.jpg"]}', encoding="utf-8")
    with pytest.raises(Refused) as refused:
        client.make_folder(tmp_path)
    assert {"boy.jpg", "prompt.txt"} == {fault.file for fault in refused.value.faults}
    assert [] == world.calls


def test_a_price_makes_nothing(client: Gallop, world: World) -> None:
    """It is that of the job, and what is wrong is refused in the same way."""
    price = client.price("A girl smiles.", duration=3)
    assert (0.42, "3 s x $0.14 = $0.42") == (price.estimated_cost, price.formula)
    assert [] == world.sandbox.jobs()
    with pytest.raises(Refused, match=r"\[Image 2\]") as refused:
        client.price("The girl of [Image 2] smiles.", images=[picture()])
    assert "invalid_request" == refused.value.code
    assert ["/prompt"] == [fault.pointer for fault in refused.value.faults]


def test_jobs_are_listed_over_pages(client: Gallop, world: World) -> None:
    """Each once, the newest first; an iterator asks for pages as they are needed."""
    made = []
    for number in range(53):
        world.sandbox.clock.advance(1)
        made.append(client.make("A girl smiles.", again=number).id)
    assert made[::-1] == [job.id for job in client.list()]
    assert [] == [*client.list(status="failed")]


def test_a_job_is_cancelled_and_deleted(client: Gallop) -> None:
    """A cancelled job raises when it is waited for; deleting it twice is no error."""
    job = client.make("A girl smiles.")
    assert "cancelled" == client.cancel(job).answer
    with pytest.raises(JobFailed) as failed:
        client.wait(job)
    assert "cancelled" == failed.value.job.state
    with pytest.raises(JobFailed):
        client.download(job.id, "unused.mp4")
    assert "already_finished" == client.cancel(job.id).answer
    client.delete(job)
    client.delete(job)
    with pytest.raises(Refused) as refused:
        client.get(job.id)
    assert (404, "not_found") == (refused.value.status, refused.value.code)


def test_a_download_continues(client: Gallop, world: World, tmp_path: Path) -> None:
    """Each interruption continues where it was; what is complete already is not downloaded again."""
    job = client.wait(client.make("A girl smiles."))
    world.cut = 3
    steps: list[Transfer] = []
    saved = client.download(job, tmp_path / "girl.mp4", progress=steps.append)
    assert job.video
    assert job.video.sha256 == sha256_of(saved)
    done = [step.done for step in steps]
    assert (done, job.video.bytes) == (sorted(set(done)), done[-1])
    before = len(world.calls)
    assert saved == client.download(job, tmp_path / "girl.mp4")
    assert before == len(world.calls)


def test_a_part_of_something_else_is_not_kept(client: Gallop, world: World, tmp_path: Path) -> None:
    """A part that was damaged is fetched again from its start."""
    job = client.wait(client.make("A girl smiles."))
    assert job.video
    part = tmp_path / f".girl.mp4.{job.video.sha256[:12]}.part"
    part.write_bytes(b"x" * 1000)
    (tmp_path / "girl.mp4").write_bytes(b"an older file")
    saved = client.download(job, tmp_path / "girl.mp4")
    assert job.video.sha256 == sha256_of(saved)
    assert [saved] == [*tmp_path.iterdir()]
    assert 4 == len([call for call in world.calls[-4:] if call.startswith("GET")])


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_call_and_run_again(client: Gallop, world: World, tmp_path: Path, when: When) -> None:
    """One job, one task, one whole file, whichever call is the last of the first run."""

    def run(prompt: str, to: Path) -> Path:
        return client.download(client.wait(client.make(prompt, images=[large()], duration=3)), to)

    run("A girl smiles at nobody.", tmp_path / "0.mp4")
    count = len(world.calls)
    assert 6 == count, world.calls
    for number in range(1, count + 1):
        prompt, to = f"A girl smiles at {number}.", tmp_path / f"{number}.mp4"
        during(world, (number, when), lambda prompt=prompt, to=to: run(prompt, to))  # type: ignore[misc]
        assert not to.exists()
        run(prompt, to)
        (task,) = world.sandbox.tasks(prompt)
        assert world.sandbox.film_of(task["task_id"]) == sha256_of(to)
        assert 1 == len([job for job in world.sandbox.jobs() if job.request.prompt == prompt])


def test_nothing_secret_is_shown(client: Gallop, world: World) -> None:
    """Neither the client nor a job shows a key or a prompt."""
    job = client.make("A girl smiles.")
    shown = f"{client!r} {job!r}"
    assert (False, False) == (world.key in shown, "smiles" in shown)
