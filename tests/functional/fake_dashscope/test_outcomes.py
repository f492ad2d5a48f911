"""Faults of tasks and of downloads: how a task ends, and how its download breaks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.functional.fake_dashscope.test_faults import PATIENCE, QUICK, arm

if TYPE_CHECKING:
    from tests.functional.fake_dashscope.sandbox import Sandbox


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("fail", {"task_status": "FAILED", "code": "InternalError.Algo"}),
        ("fail_without_detail", {"task_status": "FAILED"}),
        ("succeed_without_url", {"task_status": "SUCCEEDED"}),
        ("never_ends", {"task_status": "RUNNING"}),
        ("result_size", {"task_status": "SUCCEEDED"}),
    ],
)
def test_a_task_fault_decides_how_the_task_ends(sandbox: Sandbox, kind: str, fields: dict[str, str]) -> None:
    """A fault on ``task`` hits the next task that is created, and no other."""
    arm(sandbox, "task", kind)
    first, second = sandbox.submit(QUICK), sandbox.submit(QUICK)
    sandbox.advance(1)
    sandbox.advance(12 * 3600)
    output = sandbox.output(first)
    assert fields.items() <= output.items()
    assert ("code" in fields) == ("code" in output)
    assert (kind == "result_size") == ("video_url" in output)
    assert "video_url" in sandbox.output(second)


def test_a_success_without_a_url_is_billed(sandbox: Sandbox) -> None:
    """``succeed_without_url`` costs what the video would have cost."""
    arm(sandbox, "task", "succeed_without_url")
    assert 3 == sandbox.finish(QUICK)["usage"]["duration"]
    assert 3 == sandbox.fake.ledger()["tasks"][0]["billed_seconds"]


def test_a_task_may_time_out_after_three_hours(sandbox: Sandbox) -> None:
    """``times_out`` is RUNNING for three hours, then FAILED with the vendor's code."""
    arm(sandbox, "task", "times_out")
    task_id = sandbox.submit()
    sandbox.advance(1)
    sandbox.advance(3 * 3600 - 2)
    assert "RUNNING" == sandbox.output(task_id)["task_status"]
    sandbox.advance(2)
    assert "InternalError.Timeout" == sandbox.output(task_id)["code"]


def test_a_task_that_never_ends_holds_its_place(sandbox: Sandbox) -> None:
    """A task that never ends is one of the five that run."""
    arm(sandbox, "task", "never_ends", times=5)
    for _ in range(5):
        sandbox.submit()
    sandbox.advance(1)
    waiting = sandbox.submit()
    sandbox.advance(3600)
    assert "PENDING" == sandbox.output(waiting)["task_status"]


def download(sandbox: Sandbox, kind: str, url: str) -> httpx.Response:
    """Download with a fault, without waiting for a stall to end."""
    arm(sandbox, "download", kind)
    return sandbox.client.get(url, timeout=PATIENCE if kind == "stall" else 60)


def test_a_download_can_break_off(sandbox: Sandbox) -> None:
    """``truncate`` ends the connection half way, ``stall`` falls silent there."""
    url = sandbox.video_url(QUICK)
    sandbox.client.get(url)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        download(sandbox, "truncate", url)
    with pytest.raises(httpx.ReadTimeout):
        download(sandbox, "stall", url)


def test_a_download_breaks_off_half_way(sandbox: Sandbox) -> None:
    """The first half arrives as it is."""
    url = sandbox.video_url(QUICK)
    whole = sandbox.client.get(url).content
    arm(sandbox, "download", "truncate")
    got = b""
    with suppress(httpx.RemoteProtocolError), sandbox.client.stream("GET", url) as response:
        for chunk in response.iter_raw():
            got += chunk
    assert str(len(whole)) == response.headers["content-length"]
    assert whole[: len(whole) // 2] == got


def test_a_download_can_be_refused(sandbox: Sandbox) -> None:
    """``403_expired`` and ``500`` are XML, as from the object store."""
    url = sandbox.video_url(QUICK)
    expired, failed = download(sandbox, "403_expired", url), download(sandbox, "500", url)
    assert (403, 500) == (expired.status_code, failed.status_code)
    assert "<Code>AccessDenied</Code>" in expired.text
    assert "<Code>InternalError</Code>" in failed.text


def test_a_download_can_lie(sandbox: Sandbox) -> None:
    """``no_content_length`` is the video without its length, ``wrong_bytes`` as many bytes of something else."""
    url = sandbox.video_url(QUICK)
    whole = sandbox.client.get(url)
    chunked = download(sandbox, "no_content_length", url)
    assert "content-length" not in chunked.headers
    assert whole.content == chunked.content
    wrong = download(sandbox, "wrong_bytes", url)
    assert "video/mp4" == wrong.headers["content-type"]
    assert len(whole.content) == len(wrong.content)
    assert b"ftyp" not in wrong.content
