"""Pictures that were made right, from either door to the receipts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.domain.job import JobState
from gallop.domain.request.images import Original, StoredImage
from gallop.media import pictures
from gallop.media.pictures import Usable

from tests.support.drops import Door
from tests.support.http import Client
from tests.support.pictures import corners, data_uri, decoded, encoded, picture, seen, turned

if TYPE_CHECKING:
    from tests.support.world import World

PROMPT = b"The woman of [Image 1] smiles."
RAINBOW = ["red", "green", "blue", "white"]
SIDEWAYS = turned(corners().rotate(90, expand=True), 6)
HEIC = encoded(corners(), "HEIF")
NOTES = [
    "1.heic: converted from HEIC to JPEG",
    "2.jpg: turned upright (its camera had stored it lying on its side)",
]


def dropped(world: World) -> None:
    """Drop a folder with two pictures to be made right and one that is, and let it start."""
    files = {"prompt.txt": PROMPT, "1.heic": HEIC, "2.jpg": SIDEWAYS, "3.png": picture("PNG")}
    for name, data in files.items():
        world.drop(f"drop/ad/{name}", data)
    Door(world).run(11)


def stored(world: World, image: Any) -> bytes:  # noqa: ANN401 - whatever a request names
    """Read what a job's image names, in the version that it names."""
    assert isinstance(image, StoredImage)
    answer = world.s3.get_object(Bucket=image.bucket, Key=image.key, VersionId=image.version_id)
    return answer["Body"].read()


def test_a_drop_gets_what_dashscope_can_take(world: World) -> None:
    """Pictures are stored upright and as JPEG under uploads/; the record names the objects that they were made of."""
    dropped(world)
    (job,) = world.jobs()
    heic, sideways, png = job.request.images
    assert isinstance(heic, StoredImage)
    assert heic.key.startswith("uploads/s3/")
    for image in (heic, sideways):
        made = decoded(stored(world, image))
        assert ("JPEG", (640, 480), RAINBOW) == (made.format, made.size, seen(made))
    assert picture("PNG") == stored(world, png)
    version = world.s3.head_object(Bucket=world.inbox, Key="drop/ad/1.heic")["VersionId"]
    assert Original(hashlib.sha256(HEIC).hexdigest(), world.inbox, "drop/ad/1.heic", version) == heic.original
    assert isinstance(png, StoredImage)
    assert ("drop/ad/3.png", None) == (png.key, png.original)


def test_the_receipts_tell_what_was_done(world: World) -> None:
    """In status.json from the start, and in video.json at the end, with the objects as they were dropped."""
    dropped(world)
    assert NOTES == world.receipt("ad/status.json")["notes"]
    (job,) = world.jobs()
    world.invoke("StartTaskFunction", {"job_id": job.id})
    world.clock.advance(3600)
    world.invoke("StatusFunction", {"action": "ask", "job_id": job.id})
    world.invoke("SaveResultFunction", {"job_id": job.id})
    world.invoke("FinishFunction", {"job_id": job.id})
    assert JobState.SUCCEEDED is world.job(job.id).state
    receipt = world.receipt("ad/video.json")
    assert NOTES == receipt["notes"] == world.receipt("ad/status.json")["notes"]
    came = [image.get("original", image)["key"] for image in receipt["request"]["images"]]
    assert ["drop/ad/1.heic", "drop/ad/2.jpg", "drop/ad/3.png"] == came


def test_the_same_drop_is_the_same_job_whatever_is_made_of_it(world: World) -> None:
    """A job is known by the bytes as they came: a library that converts otherwise makes no second job of them."""
    dropped(world)
    otherwise = Usable(encoded(corners(), "JPEG", quality=50), "image/jpeg", "1.heic: converted otherwise")
    with patch.object(pictures, "examine", lambda where, _: otherwise if where == "1.heic" else Usable(b"", "")):
        dropped(world)
    assert 1 == len(world.jobs())


@pytest.mark.parametrize("how", ["inline", "uploaded"])
def test_the_https_door_does_the_same(world: World, how: str) -> None:
    """The job shows its notes, which speak of the place of the picture in the body."""
    ada = Client(world)
    address = f"s3://{world.inbox}/uploads/mine.jpg"
    world.drop("uploads/mine.jpg", SIDEWAYS)
    body = {"prompt": PROMPT.decode(), "images": [data_uri(SIDEWAYS) if how == "inline" else address]}
    answer = ada.post(body, idempotency_key="one")
    assert ["/images/0: turned upright (its camera had stored it lying on its side)"] == answer.json["notes"]
    (job,) = world.jobs()
    (image,) = job.request.images
    assert isinstance(image, StoredImage)
    assert RAINBOW == seen(decoded(stored(world, image)))
    assert image.original is not None
    assert hashlib.sha256(SIDEWAYS).hexdigest() == image.original.sha256
    assert ("" if how == "inline" else "uploads/mine.jpg") == image.original.key
    assert "true" == ada.post(body, idempotency_key="one").headers["Idempotent-Replay"]


def test_a_refused_request_leaves_nothing_behind(world: World) -> None:
    """What was made of a good picture is stored with the job, and there is none."""
    faults = Client(world).post({"prompt": "She smiles.", "images": [data_uri(HEIC), data_uri(b"no")]}).faults
    assert ["/images/1"] == list(faults)
    assert [] == world.s3.list_objects_v2(Bucket=world.inbox).get("Contents", [])
