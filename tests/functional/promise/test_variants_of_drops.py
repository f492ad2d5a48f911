"""A drop or line for several videos is one group: its jobs are made, shown, replaced and cancelled together."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.s3 import buckets, versions
from gallop.adapters.table import batches as batch_table
from gallop.adapters.table import dynamo
from gallop.adapters.table import jobs as store
from gallop.domain import groups
from gallop.domain.drops import batch as batches
from gallop.domain.errors import JobNotFinished
from gallop.domain.job import REPLACED, Job, JobState
from gallop.media import mosaic
from gallop.services import erase_drop, publish
from gallop.services.cancel import cancel
from PIL import Image

from fake_dashscope import render
from tests.support.films import shots
from tests.support.pictures import picture
from tests.support.promise import Simulation, fresh
from tests.support.promise.batches import a_line, quick, receipt, rows, work_off
from tests.support.promise.money import DAY, HOUR, PRICE, caps, go_to_noon, sweep_for, used
from tests.support.promise.variants import END, change, drop, files, of_each, shown, states
from tests.template.stack import parameter
from tests.testbed.aws.kill_points import after, before

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P1", "P2", "P9")

QUIET = int(parameter("QuietSeconds"))


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation at noon; frames are others' matter."""
    with quick() as made:
        go_to_noon(made)
        yield made


@pytest.fixture
def busy(simulation: Simulation) -> Iterator[Simulation]:
    """Give a stack with one slot, which a task of another drop holds for twenty minutes."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=1200.0)
    with patch.dict("os.environ", MAX_IN_FLIGHT="1"):
        drop(simulation, 1, "other")
        simulation.run_for(QUIET)
        yield simulation


def test_a_drop_makes_a_group(simulation: Simulation) -> None:
    """Each video has its receipts below a number, and one more receipt has the whole."""
    drop(simulation, 3, seed=7)
    simulation.run_for(1)
    assert "queued" == shown(simulation)["state"] or "running" == shown(simulation)["state"]
    simulation.run_for(END)
    assert {"status.json", *of_each(1, 2, 3)} == files(simulation)
    whole = shown(simulation)
    assert ["succeeded", 3, 3] == [whole["state"], whole["n"], whole["ready"]]
    assert [7, 8, 9] == [one["seed"] for one in whole["videos"]]
    assert ["ad/1/video.mp4", "ad/2/video.mp4", "ad/3/video.mp4"] == [one["video"] for one in whole["videos"]]
    assert whole["estimated_cost"] == whole["cost"] == pytest.approx(3 * PRICE)
    second = {"id": whole["group"], "place": 2, "size": 3}
    assert [second, second] == [simulation.receipt(f"ad/2/{name}.json")["group"] for name in ("status", "video")]
    assert whole["videos"][1]["job"] == shown(simulation, "ad/2")["job"]
    assert 3 == len(simulation.tasks())


# All others are in test_variants_killed.py.
@pytest.mark.parametrize(
    "kill",
    [before("TransactWriteItems"), after("TransactWriteItems"), after("StartExecution"), after("PutObject", 3)],
    ids=str,
)
def test_a_door_that_dies_makes_two(simulation: Simulation, kill: KillPoint) -> None:
    """Whichever of its calls was its last, and however often and in which order its messages come."""
    simulation.kills["Drops"] = [kill]
    simulation.drop("drop/ad/1.jpg", picture(), times=2)
    change(simulation)
    sweep_for(simulation, HOUR)
    assert [] == simulation.kills["Drops"]
    assert ["succeeded"] * 2 == states(simulation.jobs())
    assert 2 == len(simulation.tasks())
    assert ["succeeded", 2] == [shown(simulation)["state"], shown(simulation)["ready"]]


def test_a_batch_counts_videos(simulation: Simulation) -> None:
    """Lines for several beside others: each video has a row, and a place below that of its line."""
    lines = [a_line(seed=1), a_line(n=3, seed=4), '{"n": 5}', a_line(n=2)]
    work_off(simulation, lines)
    assert ["1", "2", "2", "2", "3", "4", "4"] == [row["line"] for row in rows(simulation)]
    places = ["00001", "00002/1", "00002/2", "00002/3", "00004/1", "00004/2"]
    videos = [f"s3://{simulation.results}/spring/batch/{place}/video.mp4" for place in places]
    assert videos == [row["video"] for row in rows(simulation) if row["video"]]
    told = receipt(simulation)
    assert [4, 3, 1] == [told["lines"], told["good"], told["bad"]]
    assert 6 == told["jobs"]["succeeded"] == len(simulation.tasks())
    assert "succeeded" == shown(simulation, "spring/batch/00002")["state"]
    work_off(simulation, lines)
    assert [6, 0.0] == [receipt(simulation)["repeated"], receipt(simulation)["cost"]]
    assert 6 == len(simulation.tasks())


def test_a_batch_that_an_earlier_version_read_is_counted(simulation: Simulation) -> None:
    """There, each valid line was one video, and one that was refused later counted once."""
    batch = batches.batch_of("drop/spring/batch.jsonl", "1", simulation.clock.now())
    item = {"pk": f"BATCH#{batch.id}", "sk": "BATCH", "lines": 3, "good": 3, "lines_started": 2, "n_refused": 1}
    simulation.dynamodb.put_item(TableName=simulation.table, Item=dynamo.pack(item))
    found = batch_table.progress(batch)
    assert [3, 3, 1] == [found.valid, found.good, found.refused]


def test_a_batch_has_a_maximum_of_videos(simulation: Simulation) -> None:
    """A line for four counts as four."""
    with patch("gallop.domain.drops.batch_lines.MAX_LINES", 5):
        work_off(simulation, [a_line(n=4), a_line(n=2)])
    assert "has lines for 6 videos; the maximum is 5" in receipt(simulation)["error"]["message"]
    assert [] == simulation.jobs()


def test_a_line_without_room_for_all_makes_none(simulation: Simulation) -> None:
    """Each of its videos counts as refused; the line counts once."""
    with caps(day=3 * PRICE), patch.dict("os.environ", OVER_CAP="refuse"):
        work_off(simulation, [a_line(n=2), a_line(n=2, seed=5)])
    assert sorted(["succeeded", "succeeded", "refused"]) == sorted(row["state"] for row in rows(simulation))
    told = receipt(simulation)
    assert [1, 1] == [told["good"], told["bad"]]
    assert [2, 2] == [told["jobs"]["succeeded"], len(simulation.tasks())]


def test_a_group_is_parked_and_released_as_a_whole(simulation: Simulation) -> None:
    """There is room for two of its three: none begins until there is for all."""
    with caps(day=3 * PRICE):
        drop(simulation, 1, "other")
        simulation.run_for(QUIET)
        drop(simulation, 3)
        sweep_for(simulation, END)
        assert ["queued"] * 3 + ["succeeded"] == states(simulation.jobs())
        assert "these 3 jobs are estimated at $1.26" in shown(simulation)["parked"]["message"]
        assert pytest.approx(PRICE) == used(simulation)["month"]
        simulation.clock.advance(DAY)
        sweep_for(simulation, END)
    assert ["succeeded"] * 4 == states(simulation.jobs())
    assert pytest.approx(4 * PRICE) == used(simulation)["month"]
    assert shown(simulation)["parked"] is None


def test_of_a_parked_group_those_that_were_not_cancelled_are_released(simulation: Simulation) -> None:
    """What is cancelled needs no room."""
    with caps(day=3 * PRICE):
        drop(simulation, 1, "other")
        simulation.run_for(QUIET)
        drop(simulation, 3)
        simulation.run_for(QUIET)
        cancel(shown(simulation)["videos"][0]["job"])
        sweep_for(simulation, END)
    assert ["cancelled", "succeeded", "succeeded", "succeeded"] == states(simulation.jobs())


def test_a_group_over_the_whole_cap_is_refused(simulation: Simulation) -> None:
    """Nothing is recorded, and the receipt has the sum."""
    with caps(day=2 * PRICE):
        drop(simulation, 3)
        simulation.run_for(QUIET)
    assert [] == simulation.jobs()
    assert "these 3 jobs alone are estimated at $1.26" in simulation.receipt("ad/error.json")["error"]["message"]


def test_one_that_fails_does_not_fail_the_others(simulation: Simulation) -> None:
    """The whole has succeeded, with how many are ready, and with the error beside the one without a video."""
    simulation.fake.fault(on="task", kind="fail")
    drop(simulation, 3)
    sweep_for(simulation, END)
    whole = shown(simulation)
    assert ["succeeded", 2] == [whole["state"], whole["ready"]]
    (failed,) = [one for one in whole["videos"] if one["error"]]
    assert ["failed", None] == [failed["state"], failed["video"]]
    assert failed["error"]["code"] == simulation.receipt(f"{failed['receipts']}/error.json")["error"]["code"]


def test_a_cancel_cancels_each_that_waits(busy: Simulation) -> None:
    """Each has its own answer; again and late, it changes nothing."""
    drop(busy, 3)
    busy.run_for(QUIET)
    for _ in range(2):
        busy.drop("drop/ad/CANCEL", b"", times=2)
        busy.run_for(QUIET)
    whole = shown(busy)
    assert ["cancelled", 0] == [whole["state"], whole["ready"]]
    assert ["cancelled"] * 3 == [one["cancel"]["answer"] for one in whole["videos"]]
    sweep_for(busy, 2 * HOUR)
    assert 1 == len(busy.tasks())


@pytest.mark.parametrize("kill", [after("UpdateItem"), after("PutObject", 3)], ids=str)
def test_a_cancel_that_dies_is_completed(busy: Simulation, kill: KillPoint) -> None:
    """The next delivery cancels the others."""
    drop(busy, 3)
    busy.run_for(QUIET)
    busy.kills["Drops"] = [kill]
    busy.drop("drop/ad/CANCEL", b"")
    sweep_for(busy, 2 * HOUR)
    assert [] == busy.kills["Drops"]
    assert ["cancelled"] * 3 == [one["cancel"]["answer"] for one in shown(busy)["videos"]]
    assert 1 == len(busy.tasks())


def test_a_cancel_of_what_runs_comes_too_late(simulation: Simulation) -> None:
    """Those are delivered and charged; what has ended stays as it is."""
    drop(simulation, 2)
    simulation.run_for(1)
    simulation.drop("drop/ad/CANCEL", b"")
    simulation.run_for(END)
    assert {"too_late"} == {one["cancel"]["answer"] for one in shown(simulation)["videos"]}
    assert ["succeeded", 2] == [shown(simulation)["state"], shown(simulation)["ready"]]


@pytest.mark.parametrize(("first", "second"), [(1, 3), (3, 2)])
def test_another_number_is_another_content(simulation: Simulation, first: int, second: int) -> None:
    """What was made before is below its id, and each folder has only what belongs to it; nothing is paid twice."""
    drop(simulation, first)
    sweep_for(simulation, END)
    old = groups.owner_of(simulation.jobs()[0])
    of = {
        n: {"status.json", *of_each(*range(1, n + 1))} if n > 1 else {"status.json", "video.json", "video.mp4"}
        for n in (1, 2, 3)
    }
    change(simulation, second)
    sweep_for(simulation, END)
    new = next(owner for job in simulation.jobs() if (owner := groups.owner_of(job)) != old)
    assert of[second] | {f"{old}/{name}" for name in of[first]} == files(simulation)
    change(simulation, first)
    sweep_for(simulation, END)
    assert of[first] | {f"{new}/{name}" for name in of[second]} == files(simulation)
    assert first + second == len(simulation.tasks()) == len(simulation.jobs())
    for job in simulation.jobs():
        assert job.result
        assert f"{publish.prefix_of(job)}/video.mp4" == job.result.key
        assert buckets.has_version(job.result)


def test_a_group_that_is_replaced_before_it_runs_costs_nothing(busy: Simulation) -> None:
    """From one to three and back while both wait: what the folder has at the end is made, and nothing else."""
    drop(busy, 1)
    busy.run_for(QUIET)
    for n in (3, 1, 3, 1):
        change(busy, n)
        busy.run_for(QUIET)
    sweep_for(busy, 2 * HOUR)
    assert 2 == len(busy.tasks())
    assert ["succeeded", "succeeded"] == [state for state in states(busy.jobs()) if state != "cancelled"]
    assert "succeeded" == shown(busy)["state"]
    assert "group" not in shown(busy)


def test_a_group_that_has_begun_is_not_made_again(busy: Simulation) -> None:
    """One of its two runs when the folder changes; restored, that is current again, and the other stays cancelled."""
    with patch.dict("os.environ", MAX_IN_FLIGHT="2"):
        drop(busy, 2)
        busy.run_for(QUIET)
        change(busy, 1)
        busy.run_for(QUIET)
        change(busy, 2)
        sweep_for(busy, 2 * HOUR)
    whole = shown(busy)
    assert ["succeeded", 1] == [whole["state"], whole["ready"]]
    assert ["cancelled", "succeeded"] == sorted(one["state"] for one in whole["videos"])
    assert 2 == len(busy.tasks())


def test_the_same_content_again_is_the_same_group(simulation: Simulation) -> None:
    """It is noted, and what was deleted from the results is there again."""
    drop(simulation, 2)
    sweep_for(simulation, END)
    simulation.s3.delete_object(Bucket=simulation.results, Key="ad/2/video.mp4")
    change(simulation, 2)
    sweep_for(simulation, END)
    assert shown(simulation)["dropped_again_at"] == shown(simulation, "ad/1")["dropped_again_at"] is not None
    assert "created and charged only once" in shown(simulation)["note"]
    assert {"status.json", *of_each(1, 2)} == files(simulation)
    assert 2 == len(simulation.tasks())


def test_an_older_state_does_not_stay_over_a_newer_one(simulation: Simulation) -> None:
    """A run that read the jobs before one of them ended, and writes after that, writes again."""
    drop(simulation, 2)
    simulation.run_for(1)
    put, first = buckets.put_receipt, simulation.jobs()[0]
    waiting = [lambda: cancel_one(first)]

    def put_late(key: str, document: dict[str, Any], owner: str = "") -> None:
        if waiting and key == "ad/status.json":
            waiting.pop()()
        put(key, document, owner)

    with patch.object(buckets, "put_receipt", put_late):
        publish.status_of_group(first)
    assert "failed" in [one["state"] for one in shown(simulation)["videos"]]


def cancel_one(job: Job) -> None:
    """End a job, and write its receipts."""
    job = store.get(job.id)
    publish.status(store.advance(job, replace(job.at(JobState.FAILED, job.updated_at + 1), failure=REPLACED)))


@pytest.mark.parametrize("is_restored", [False, True], ids=["replaced", "restored"])
def test_a_group_is_deleted_with_its_drop(simulation: Simulation, is_restored: bool) -> None:
    """Every job of it, in every version, and nothing of another."""
    drop(simulation, 2)
    simulation.run_for(1)
    with pytest.raises(JobNotFinished):
        erase_drop.plan(simulation.jobs()[0])
    sweep_for(simulation, END)
    group = [job.id for job in simulation.jobs()]
    change(simulation, 1)
    sweep_for(simulation, END)
    if is_restored:
        change(simulation, 2)
        sweep_for(simulation, END)
    found = erase_drop.plan(store.get(group[1]))
    assert [group[0]] == [job.id for job in found.others]
    erase_drop.erase_with_files(found)
    (left,) = simulation.jobs()
    assert left.result
    assert buckets.has_version(left.result)
    there = versions.under(simulation.results, "ad/")
    assert {left.id} == {buckets.owner_of(version.key, version.version_id) for version in there} - {""}
    assert is_restored == (not versions.under(simulation.inbox, "drop/ad/job.json"))


def test_a_deleted_group_is_made_again(simulation: Simulation) -> None:
    """An interrupted delete, which left one of its jobs, makes nothing new; the whole one does."""
    drop(simulation, 2)
    sweep_for(simulation, END)
    first, second = simulation.jobs()
    store.erase(first)
    change(simulation)
    sweep_for(simulation, END)
    assert [second.id] == [job.id for job in simulation.jobs()]
    assert 2 == len(simulation.tasks())
    erase_drop.erase_with_files(erase_drop.plan(simulation.jobs()[0]))
    drop(simulation, 2)
    sweep_for(simulation, END)
    assert {first.id, second.id} == {job.id for job in simulation.jobs()}
    assert 4 == len(simulation.tasks())


def test_a_folder_in_a_folder_keeps_its_results(simulation: Simulation) -> None:
    """The places of a group are not given to it while another drop has its results there."""
    drop(simulation, 1, "ad/2")
    sweep_for(simulation, END)
    drop(simulation, 2)
    sweep_for(simulation, END)
    (fault,) = simulation.receipt("ad/error.json")["faults"]
    assert ["job.json", "/n", "is 2, but other drops have their results in ad/2/"] == [
        fault[name] for name in ("file", "pointer", "detail")
    ]
    assert 1 == len(simulation.jobs())


def test_a_group_keeps_its_places(simulation: Simulation) -> None:
    """A folder with the name of one is refused beside it, and may have it once the group is replaced."""
    drop(simulation, 2)
    simulation.run_for(QUIET)
    drop(simulation, 1, "ad/2")
    sweep_for(simulation, END)
    assert "makes several videos" in simulation.receipt("ad/2~/error.json")["faults"][0]["detail"]
    assert {"status.json", "2~/error.json", "2~/status.json", *of_each(1, 2)} == files(simulation)
    change(simulation, 1)
    sweep_for(simulation, END)
    drop(simulation, 1, "ad/2")
    sweep_for(simulation, END)
    assert "succeeded" == shown(simulation, "ad/2")["state"]


def sheet(simulation: Simulation, prefix: str = "ad") -> Image.Image:
    """Read the contact sheet."""
    return Image.open(io.BytesIO(simulation.result(f"{prefix}/contact.jpg"))).convert("RGB")


def is_grey(picture_: Image.Image, column: int, row: int) -> bool:
    """Return whether the field of a sheet of two rows and columns has no picture."""
    width, height = picture_.width // 2, picture_.height // 2
    box = (
        column * width + width // 3,
        row * height + height // 3,
        column * width + width // 2,
        row * height + height // 2,
    )
    return all(64 < low <= high < 80 for low, high in picture_.crop(box).getextrema())  # type: ignore[misc]


def test_a_group_has_a_contact_sheet() -> None:
    """One picture of all thumbnails, in the order of the videos; it moves with its group."""

    def large(_script: object, path: Path, *_: object) -> None:
        path.write_bytes(shots(True, size=(1280, 720)))

    with patch.object(render, "render", large), fresh() as simulation:
        drop(simulation, 4)
        sweep_for(simulation, END)
        made = sheet(simulation)
        assert (1280, 720) == made.size
        assert [False] * 4 == [is_grey(made, column, row) for row in (0, 1) for column in (0, 1)]
        group = shown(simulation)["group"]
        change(simulation, 1)
        sweep_for(simulation, END)
        assert "contact.jpg" not in files(simulation)
        assert (1280, 720) == sheet(simulation, f"ad/{group}").size
        change(simulation, 4)
        sweep_for(simulation, END)
        assert (1280, 720) == sheet(simulation).size
        assert not [name for name in files(simulation) if name.startswith(group)]


def test_a_contact_sheet_has_those_that_are_there() -> None:
    """A video that failed leaves its field empty, and so does a thumbnail that is gone or broken."""
    with fresh() as simulation:
        simulation.fake.fault(on="task", kind="fail")
        drop(simulation, 3)
        sweep_for(simulation, END)
        failed = next(one["place"] for one in shown(simulation)["videos"] if one["error"])
        assert [place == failed for place in (1, 2, 3)] == [
            is_grey(sheet(simulation), *at) for at in ((0, 0), (1, 0), (0, 1))
        ]
        first, second = (job for job in simulation.jobs() if job.thumbnail)
        assert first.thumbnail
        simulation.s3.delete_object(
            Bucket=simulation.results, Key=first.thumbnail.key, VersionId=first.thumbnail.version_id
        )
        simulation.invoke("Thumbnail", {"job_id": second.id})
        assert 1 == [is_grey(sheet(simulation), *at) for at in ((0, 0), (1, 0), (0, 1))].count(False)


@pytest.mark.parametrize("broken", [b"", b"no picture", picture()[:300]], ids=["empty", "text", "cut off"])
def test_a_broken_picture_leaves_its_field_empty(broken: bytes) -> None:
    """The others are shown."""
    made = Image.open(io.BytesIO(mosaic.of([broken, picture(), broken]))).convert("RGB")
    assert not is_grey(made, 1, 0)
