"""Results: signed URLs and how the object store answers them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.functional.fake_dashscope.sandbox import ALIBABA, authorized, order

if TYPE_CHECKING:
    from tests.functional.fake_dashscope.sandbox import Sandbox

DAY = 24 * 3600
QUICK = order("happyhorse-1.1-r2v", resolution="480P", duration=3)
ZEROS = 3_000_000


def test_a_url_looks_like_the_vendors(sandbox: Sandbox) -> None:
    """The path names day, tier, task and watermark; the query is a V1 signature."""
    for watermark, suffix in ((True, "refiner_watermark"), (False, "refiner")):
        output = sandbox.finish(order(resolution="720P", watermark=watermark))["output"]
        url = urlsplit(output["video_url"])
        day = output["end_time"][:10].replace("-", "")
        shape = (
            rf"(/dashscope-a717)?/\w\w/\w\w/{day}/\w{{8}}/\d{{8}}-metadata_video_720p_{output['task_id']}_{suffix}\.mp4"
        )
        assert re.fullmatch(shape, url.path)
        assert {"Expires", "OSSAccessKeyId", "Signature"} == set(parse_qs(url.query))
        if sandbox.base == ALIBABA:
            assert "dashscope-a717.oss-accelerate.aliyuncs.com" == url.netloc


def test_a_get_gives_the_whole_video(sandbox: Sandbox) -> None:
    """A plain GET gives an MP4 with its length and type."""
    response = sandbox.client.get(sandbox.video_url(QUICK))
    assert 200 == response.status_code
    assert "video/mp4" == response.headers["content-type"]
    assert str(len(response.content)) == response.headers["content-length"]
    assert b"ftyp" == response.content[4:8]


@pytest.mark.parametrize(
    ("requested", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-50", slice(-50, None)),
        ("bytes=1000-99999999", slice(1000, None)),
    ],
)
def test_a_range_gives_a_part(sandbox: Sandbox, requested: str, part: slice) -> None:
    """A Range gives 206 with just these bytes."""
    url = sandbox.video_url(QUICK)
    whole = sandbox.client.get(url).content
    response = sandbox.client.get(url, headers={"Range": requested})
    assert 206 == response.status_code
    assert whole[part] == response.content
    start = range(len(whole))[part].start
    assert f"bytes {start}-{start + len(response.content) - 1}/{len(whole)}" == response.headers["content-range"]


def test_a_range_behind_the_end_is_refused(sandbox: Sandbox) -> None:
    """An empty Range is a 416."""
    response = sandbox.client.get(sandbox.video_url(QUICK), headers={"Range": "bytes=999999999-"})
    assert 416 == response.status_code
    assert "<Code>InvalidRange</Code>" in response.text


def test_a_head_is_refused(sandbox: Sandbox) -> None:
    """The signature covers the verb, so that HEAD is a 403."""
    assert 403 == sandbox.client.head(sandbox.video_url(QUICK)).status_code


def test_an_api_key_beside_the_signature_is_refused(sandbox: Sandbox) -> None:
    """An Authorization header beside the signed query is an error of the object store."""
    response = sandbox.client.get(sandbox.video_url(QUICK), headers=authorized())
    assert 400 == response.status_code
    assert "<Code>InvalidArgument</Code>" in response.text


@pytest.mark.parametrize(
    ("part", "replacement", "code"),
    [
        ("Signature=", "Signature=x", "SignatureDoesNotMatch"),
        ("Expires=1", "Expires=2", "SignatureDoesNotMatch"),
        ("OSSAccessKeyId=", "OSSAccessKeyId=x", "AccessDenied"),
        ("Expires=", "Expires=x", "AccessDenied"),
        ("_refiner", "_other", "SignatureDoesNotMatch"),
    ],
)
def test_a_changed_url_is_refused(sandbox: Sandbox, part: str, replacement: str, code: str) -> None:
    """No part of a signed URL can be changed."""
    response = sandbox.client.get(sandbox.video_url(QUICK).replace(part, replacement))
    assert 403 == response.status_code
    assert f"<Code>{code}</Code>" in response.text


def test_a_url_expires_a_day_after_completion(sandbox: Sandbox) -> None:
    """``Expires`` is completion plus 24 h; asking again does not move it; then the answer is XML."""
    task_id = sandbox.submit(QUICK)
    sandbox.advance(1)
    sandbox.advance(600)
    url = sandbox.output(task_id)["video_url"]
    expires = int(parse_qs(urlsplit(url).query)["Expires"][0])
    sandbox.advance(3600)
    assert url == sandbox.output(task_id)["video_url"]
    sandbox.clock.time = expires - 1
    assert 200 == sandbox.client.get(url).status_code
    sandbox.clock.time = expires
    response = sandbox.client.get(url)
    assert (403, "application/xml") == (response.status_code, response.headers["content-type"])
    assert "<Code>AccessDenied</Code>" in response.text
    assert "<Message>Request has expired.</Message>" in response.text


def test_two_downloads_give_the_same_bytes(sandbox: Sandbox) -> None:
    """A video is rendered once."""
    url = sandbox.video_url(QUICK)
    assert sandbox.client.get(url).content == sandbox.client.get(url).content


def test_two_tasks_never_give_the_same_bytes(sandbox: Sandbox) -> None:
    """Two tasks with the same order have different results, so that mixing them up shows."""
    first, second = (sandbox.client.get(sandbox.video_url(QUICK)).content for _ in range(2))
    assert first != second


def test_a_result_can_be_of_any_size(sandbox: Sandbox) -> None:
    """The fault ``result_size`` pads a result to exactly ``bytes``; it remains a video."""
    sandbox.fake.fault(on="task", kind="result_size", bytes=ZEROS)
    url = sandbox.video_url(QUICK)
    whole = sandbox.client.get(url)
    assert ZEROS == len(whole.content) == int(whole.headers["content-length"])
    edge = whole.content.index(b"task ") - 20
    for start in (0, edge, edge + 21, edge + 60, ZEROS - 7):
        part = sandbox.client.get(url, headers={"Range": f"bytes={start}-{start + 99}"})
        assert whole.content[start : start + 100] == part.content


def test_a_missing_result_is_refused(sandbox: Sandbox) -> None:
    """Anything that is not signed is refused, whether it exists or not."""
    url = sandbox.video_url(QUICK).partition("?")[0]
    assert 403 == sandbox.client.get(url).status_code
    assert 403 == sandbox.client.get(url + ".txt").status_code
