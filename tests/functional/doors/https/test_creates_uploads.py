"""Images that are uploaded first: the upload form that Gallop issues, and the client that an upload belongs to."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.request import uploads
from gallop.domain.request.images import StoredImage

from tests.functional.doors.https.test_https import PICTURE, assert_nothing_started, new_job
from tests.support.http import Client
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

MB = 1024 * 1024


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def uploaded(sandbox: Sandbox, client: Client, data: bytes | None = None) -> str:
    """Upload a picture as the form would and return its id."""
    upload = client.upload({"content_type": "image/jpeg"}).json
    sandbox.drop(upload["fields"]["key"], picture() if data is None else data)
    return str(upload["id"])


def test_an_upload_is_a_signed_form_for_one_image(sandbox: Sandbox, ada: Client) -> None:
    """The policy fixes the key and the type, limits the size and expires after an hour; no client can change it."""
    answer = ada.upload({"content_type": "image/png"})
    upload = answer.json
    assert 201 == answer.status
    assert "upload" == upload["object"]
    assert "image/png" == upload["content_type"]
    assert 100 * MB == upload["max_bytes"]
    assert uploads.is_id(upload["id"])
    policy = json.loads(base64.b64decode(upload["fields"]["policy"]))
    key = f"uploads/ada/{upload['id']}"
    conditions = [{"Content-Type": "image/png"}, ["content-length-range", 1, 100 * MB], {"bucket": sandbox.inbox}]
    assert [condition for condition in [*conditions, {"key": key}] if condition not in policy["conditions"]] == []
    assert (key, "image/png") == (upload["fields"]["key"], upload["fields"]["Content-Type"])
    assert int(sandbox.clock.now()) + 3600 == upload["expires_at"]
    assert sandbox.inbox in upload["url"]


@pytest.mark.parametrize("media_type", ["video/mp4", "video/quicktime"])
def test_an_upload_is_a_signed_form_for_one_video(ada: Client, media_type: str) -> None:
    """The policy fixes its key and type, and limits its size to 100 MB."""
    upload = ada.upload({"content_type": media_type}).json
    conditions = json.loads(base64.b64decode(upload["fields"]["policy"]))["conditions"]
    for condition in (
        {"Content-Type": media_type},
        {"key": f"uploads/ada/{upload['id']}"},
        ["content-length-range", 1, 100 * MB],
    ):
        assert condition in conditions
    assert 100 * MB == upload["max_bytes"]


def test_every_upload_has_a_key_of_its_own(ada: Client) -> None:
    """Keys cannot be guessed and do not collide."""
    assert 20 == len({ada.upload({"content_type": "image/webp"}).json["id"] for _ in range(20)})


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 400, "/content_type"),
        ({"content_type": "text/html"}, 400, "/content_type"),
        ({"content_type": ["image/png"]}, 400, "/content_type"),
        ({"content_type": "video/webm"}, 400, "/content_type"),
        ({"content_type": "video/x-msvideo"}, 400, "/content_type"),
        ({"content_type": "audio/mp4"}, 400, "/content_type"),
        ({"content_type": "image/png\r\nx: y"}, 400, "/content_type"),
        ({"content_type": "image/png", "key": "drop/x"}, 400, "/key"),
        ("", 400, ""),
        ("[]", 400, ""),
    ],
)
def test_an_invalid_upload_request_is_refused(ada: Client, body: Any, status: int, pointer: str) -> None:  # noqa: ANN401
    """The answer has a message, like every refusal."""
    answer = ada.upload(body)
    assert (status, [pointer]) == (answer.status, list(answer.faults))


@pytest.mark.parametrize(
    ("sent", "media_type"),
    [
        ("image/jpg", "image/jpeg"),
        ("IMAGE/PNG", "image/png"),
        ("image/jpeg; charset=binary", "image/jpeg"),
        (" image/webp ", "image/webp"),
        ("image/pjpeg", "image/jpeg"),
        ("image/x-ms-bmp", "image/bmp"),
        ("video/mp4", "video/mp4"),
        ("Video/QuickTime", "video/quicktime"),
        ("video/mov", "video/quicktime"),
        ("video/x-m4v", "video/mp4"),
        ("application/mp4", "video/mp4"),
        ('video/mp4; codecs="avc1"', "video/mp4"),
    ],
)
def test_a_media_type_has_several_spellings(ada: Client, sent: str, media_type: str) -> None:
    """Capitals, parameters and old names are accepted; the form has the registered name."""
    upload = ada.upload({"content_type": sent}).json
    assert media_type == upload["content_type"]
    assert media_type == upload["fields"]["Content-Type"]


def test_an_upload_needs_a_key(sandbox: Sandbox) -> None:
    """The answer is 401, as on every route."""
    assert 401 == Client(sandbox, "").upload({"content_type": "image/png"}).status


def test_an_upload_is_referenced_by_its_id(sandbox: Sandbox, ada: Client) -> None:
    """Its version and hash are recorded, as for every object; in OpenAI's names the id is a file id."""
    upload_id = uploaded(sandbox, ada)
    for sent in ({"images": [upload_id]}, {"input_reference": {"file_id": upload_id}}):
        answer = ada.post({"prompt": "[Image 1] smiles.", **sent})
        (image,) = sandbox.job(answer.json["id"]).request.images
        assert isinstance(image, StoredImage)
        assert (f"uploads/ada/{upload_id}", True) == (image.key, bool(image.version_id and image.sha256))


def test_an_upload_and_the_same_bytes_are_the_same_content(sandbox: Sandbox, ada: Client) -> None:
    """A client that switches from one to the other repeats the same request."""
    first = ada.post(new_job(images=[data_uri(picture())]), idempotency_key="k")
    second = ada.post(new_job(images=[uploaded(sandbox, ada)]), idempotency_key="k")
    assert 202 == first.status
    assert 202 == second.status
    assert first.json["id"] == second.json["id"]


def test_an_upload_is_checked_by_its_content(sandbox: Sandbox, ada: Client) -> None:
    """It is checked before any money is spent, and its declared type is ignored."""
    upload_id = uploaded(sandbox, ada, b"<svg onload=alert(1)>")
    assert ada.post(new_job(images=[upload_id])).faults["/images/0"].startswith("is ")
    assert [] == sandbox.jobs()


def test_an_upload_that_never_arrived_is_not_found(sandbox: Sandbox, ada: Client) -> None:
    """An id that was never issued is not found either."""
    waiting = ada.upload({"content_type": "image/jpeg"}).json["id"]
    for upload_id in (waiting, "upload_" + "a" * 26):
        assert {"/images/0": "not found in the inbox bucket"} == ada.post(new_job(images=[upload_id])).faults
    assert_nothing_started(sandbox)


def test_an_upload_belongs_to_its_client(sandbox: Sandbox, ada: Client) -> None:
    """For other clients it does not exist, by its id, its name in the bucket or as a stored image: same message."""
    mallory = Client(sandbox, "mallory")
    upload_id = uploaded(sandbox, ada)
    ada.post(new_job(images=[data_uri(picture("PNG"))]))
    kept = next(image.key for job in sandbox.jobs() for image in job.request.images if isinstance(image, StoredImage))
    names = [upload_id, f"s3://{sandbox.inbox}/uploads/ada/{upload_id}", f"s3://{sandbox.inbox}/{kept}"]
    none = mallory.post(new_job(images=["upload_" + "a" * 26])).json
    assert [none] * 3 == [mallory.post(new_job(images=[name])).json for name in names]
    assert [202] * 3 == [ada.post(new_job(images=[name])).status for name in names]


@pytest.mark.parametrize(
    "key",
    [
        "uploads/mallory/../ada/{id}",
        "uploads/./ada/{id}",
        "uploads//ada/{id}",
        "uploads/ada/{id}/",
        "uploads/ada//{id}",
        "uploads/",
        "uploads",
        "drop/ada/1.jpg",
        "/uploads/ada/{id}",
    ],
)
def test_key_tricks_do_not_bypass_the_owner(sandbox: Sandbox, ada: Client, key: str) -> None:
    """Names with dots and empty parts are refused: S3 takes them for other keys, and some of its clients do not."""
    name = key.format(id=uploaded(sandbox, ada))
    faults = Client(sandbox, "mallory").post(new_job(images=[f"s3://{sandbox.inbox}/{name}"])).faults
    assert faults["/images/0"].startswith("refers to an object outside")


def test_objects_that_operators_copied_are_open_to_all_clients(sandbox: Sandbox) -> None:
    """Anyone who can write to the bucket decided so; folders named after clients make no difference."""
    sandbox.drop("uploads/ada/cat.jpg", picture())
    assert (
        202
        == Client(sandbox, "bob").post(new_job(images=[PICTURE, f"s3://{sandbox.inbox}/uploads/ada/cat.jpg"])).status
    )
