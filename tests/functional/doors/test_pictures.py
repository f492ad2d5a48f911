"""Images that were converted, from either door to the receipts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.domain.job import JobState
from gallop.domain.request.images import Original, StoredImage, Usable
from gallop.media import pictures

from tests.support.drops import Door
from tests.support.http import Client
from tests.support.pictures import corners, data_uri, decoded, encoded, picture, seen, turned
from tests.template.stack import parameter

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

PROMPT = b"The woman of [Image 1] smiles."
RAINBOW = ["red", "green", "blue", "white"]
SIDEWAYS = turned(corners().rotate(90, expand=True), 6)
HEIC = encoded(corners(), "HEIF")
NOTES = [
    "1.heic: converted from HEIC to JPEG",
    "2.jpg: rotated upright (the camera stored it sideways)",
]


def dropped(sandbox: Sandbox) -> None:
    """Drop a folder with two images that need a conversion and one that does not, and let it start."""
    files = {"prompt.txt": PROMPT, "1.heic": HEIC, "2.jpg": SIDEWAYS, "3.png": picture("PNG")}
    for name, data in files.items():
        sandbox.drop(f"drop/ad/{name}", data)
    Door(sandbox).run(int(parameter("QuietSeconds")) + 1)


def stored(sandbox: Sandbox, image: Any) -> bytes:  # noqa: ANN401 - whatever a request names
    """Read the object and version that a job's image refers to."""
    assert isinstance(image, StoredImage)
    answer = sandbox.s3.get_object(Bucket=image.bucket, Key=image.key, VersionId=image.version_id)
    return answer["Body"].read()


def test_a_drop_is_converted_to_what_dashscope_accepts(sandbox: Sandbox) -> None:
    """Images are stored upright and as JPEG under uploads/; the record also names their original objects."""
    dropped(sandbox)
    (job,) = sandbox.jobs()
    heic, sideways, png = job.request.images
    assert isinstance(heic, StoredImage)
    assert heic.key.startswith("uploads/s3/")
    for image in (heic, sideways):
        made = decoded(stored(sandbox, image))
        assert "JPEG" == made.format
        assert (640, 480) == made.size
        assert RAINBOW == seen(made)
    assert picture("PNG") == stored(sandbox, png)
    version = sandbox.s3.head_object(Bucket=sandbox.inbox, Key="drop/ad/1.heic")["VersionId"]
    assert Original(hashlib.sha256(HEIC).hexdigest(), sandbox.inbox, "drop/ad/1.heic", version) == heic.original
    assert isinstance(png, StoredImage)
    assert ("drop/ad/3.png", None) == (png.key, png.original)


def test_the_receipts_list_the_conversions(sandbox: Sandbox) -> None:
    """They are in status.json from the start and in video.json at the end, with the objects as they were dropped."""
    dropped(sandbox)
    assert NOTES == sandbox.receipt("ad/status.json")["notes"]
    (job,) = sandbox.jobs()
    sandbox.invoke("StartTaskFunction", {"job_id": job.id})
    sandbox.clock.advance(3600)
    sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})
    for function in ("SaveResultFunction", "FinishFunction"):
        sandbox.invoke(function, {"job_id": job.id})
    assert JobState.SUCCEEDED is sandbox.job(job.id).state
    receipt = sandbox.receipt("ad/video.json")
    assert NOTES == receipt["notes"] == sandbox.receipt("ad/status.json")["notes"]
    came = [image.get("original", image)["key"] for image in receipt["request"]["images"]]
    assert ["drop/ad/1.heic", "drop/ad/2.jpg", "drop/ad/3.png"] == came


def test_an_equal_drop_is_the_same_job_despite_another_conversion(sandbox: Sandbox) -> None:
    """A job is identified by the original bytes: a library that converts differently makes no second job."""
    dropped(sandbox)
    otherwise = Usable(encoded(corners(), "JPEG", quality=50), "image/jpeg", "1.heic: converted otherwise")
    with patch.object(pictures, "examine", lambda where, _: otherwise if where == "1.heic" else Usable(b"", "")):
        dropped(sandbox)
    assert 1 == len(sandbox.jobs())


@pytest.mark.parametrize("how", ["inline", "uploaded"])
def test_the_https_door_converts_and_notes_the_same(sandbox: Sandbox, how: str) -> None:
    """The notes of the job name the position of the image in the body."""
    ada = Client(sandbox)
    address = f"s3://{sandbox.inbox}/uploads/mine.jpg"
    sandbox.drop("uploads/mine.jpg", SIDEWAYS)
    body = {"prompt": PROMPT.decode(), "images": [data_uri(SIDEWAYS) if how == "inline" else address]}
    answer = ada.post(body, idempotency_key="one")
    assert ["/images/0: rotated upright (the camera stored it sideways)"] == answer.json["notes"]
    (job,) = sandbox.jobs()
    (image,) = job.request.images
    assert isinstance(image, StoredImage)
    assert RAINBOW == seen(decoded(stored(sandbox, image)))
    assert image.original is not None
    assert hashlib.sha256(SIDEWAYS).hexdigest() == image.original.sha256
    assert ("" if how == "inline" else "uploads/mine.jpg") == image.original.key
    assert "true" == ada.post(body, idempotency_key="one").headers["Idempotent-Replay"]


def test_a_refused_request_stores_no_image(sandbox: Sandbox) -> None:
    """Converted images are stored with their job only, and here is no job."""
    faults = Client(sandbox).post({"prompt": "She smiles.", "images": [data_uri(HEIC), data_uri(b"no")]}).faults
    assert ["/images/1"] == list(faults)
    assert [] == sandbox.s3.list_objects_v2(Bucket=sandbox.inbox).get("Contents", [])
