"""Uploads over real HTTP: the signed form is enforced exactly, and an uploaded image becomes a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.pictures import picture
from tests.testbed.aws.gateway.api import MAX_BODY_BYTES

if TYPE_CHECKING:
    from tests.e2e.caller import Caller

MB = 1024 * 1024


def prepared(caller: Caller, media_type: str = "image/jpeg") -> dict[str, Any]:
    """Request a form."""
    answer = caller.http.post("/v1/uploads", json={"content_type": media_type})
    assert 201 == answer.status_code, answer.text
    upload: dict[str, Any] = answer.json()
    return upload


def send(upload: dict[str, Any], data: bytes, **fields: str) -> httpx.Response:
    """Send the form, with some fields changed, as any program would: the file last."""
    changed = {**upload["fields"], **{name.replace("_", "-"): value for name, value in fields.items()}}
    return httpx.post(upload["url"], data=changed, files={"file": ("a.jpg", data)}, timeout=30)


def test_an_uploaded_image_becomes_a_video(caller: Caller) -> None:
    """A large image, which no body could contain, is used by its id and stored under its key, with its type."""
    upload = prepared(caller)
    large = picture(width=1200, height=900) + bytes(12 * MB)
    assert 204 == send(upload, large).status_code
    job = caller.wait_for_job(caller.create({"prompt": "[Image 1] smiles.", "images": [upload["id"]]}).json()["id"])
    assert ("succeeded", 1) == (job["state"], job["images"]), job["error"]
    head = caller.s3.head_object(Bucket=caller.at.inbox_bucket, Key=upload["fields"]["key"])
    assert (len(large), "image/jpeg") == (head["ContentLength"], head["ContentType"])


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"key": "drop/mine/1.jpg"}, 403, "AccessDenied"),
        ({"key": "uploads/another/upload_x"}, 403, "AccessDenied"),
        ({"Content_Type": "text/html"}, 403, "AccessDenied"),
        ({"x_amz_signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
        ({"policy": "e30="}, 403, "SignatureDoesNotMatch"),
        ({"acl": "public-read"}, 403, "AccessDenied"),
        ({"success_action_redirect": "https://example.com"}, 403, "AccessDenied"),
    ],
)
def test_the_form_is_valid_for_one_image_only(caller: Caller, fields: dict[str, str], status: int, code: str) -> None:
    """S3 refuses another key, another type, an additional field and another signature."""
    answer = send(prepared(caller), picture(), **fields)
    assert (status, True) == (answer.status_code, f"<Code>{code}</Code>" in answer.text)


def test_the_size_is_limited(caller: Caller) -> None:
    """An empty file is too small, and a byte more than was signed is too much."""
    assert "<Code>EntityTooSmall</Code>" in send(prepared(caller), b"").text
    bounds: list[Any] = [["content-length-range", 1, 10]]
    form = caller.s3.generate_presigned_post(caller.at.inbox_bucket, "uploads/small", Conditions=bounds)
    assert [204, 400] == [send(form, bytes(size)).status_code for size in (10, 11)]


def test_a_form_that_was_interrupted_is_sent_again(caller: Caller) -> None:
    """It replaces the file under its one key, so that a page tries again after a break."""
    upload = prepared(caller)
    assert [204, 204] == [send(upload, picture(shade=shade)).status_code for shade in (8, 9)]
    stored = caller.s3.get_object(Bucket=caller.at.inbox_bucket, Key=upload["fields"]["key"])["Body"].read()
    assert picture(shade=9) == stored


def test_a_page_of_the_stack_may_upload_and_another_may_not(caller: Caller) -> None:
    """A browser asks before it sends a form, and shows its page the answer only if the bucket's rule allows it."""
    upload, allowed = prepared(caller), "access-control-allow-origin"
    for origin, status, shown in ((caller.at.api_url, 200, caller.at.api_url), ("https://a.example", 403, None)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = httpx.options(upload["url"], headers=asked)
        assert status == preflight.status_code
        assert shown == preflight.headers.get(allowed)
        form = {"data": upload["fields"], "files": {"file": picture()}}
        assert shown == httpx.post(upload["url"], **form, headers={"Origin": origin}).headers.get(allowed)


def test_a_form_expires(caller: Caller) -> None:
    """S3 refuses it after the signed time; an hour of the product is a minute and a half here."""
    form = caller.s3.generate_presigned_post(caller.at.inbox_bucket, "uploads/late", ExpiresIn=1)
    caller.testbed.clock.sleep(1.1)
    answer = send(form, picture())
    assert (403, True) == (answer.status_code, "Policy expired." in answer.text)


def test_bodies_beyond_all_limits_are_refused_by_aws(caller: Caller) -> None:
    """Gallop's limit comes first, with a message; larger bodies get Lambda's or API Gateway's error, and no job."""
    told = {
        size: caller.http.post("/v1/videos", content=bytes(size)) for size in (4_500_001, 6 * MB, MAX_BODY_BYTES + 1)
    }
    assert {413} == {answer.status_code for answer in told.values()}
    words = [answer.headers["content-type"] for answer in told.values()]
    assert ["application/problem+json", "application/json", "application/json"] == words
