"""A video with Content Credentials, signed by the maintained implementation of C2PA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support import marked
from tests.support.films import film

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

# It has wheels for most machines only.
pytest.importorskip("c2pa")

from tests.support.signed import signed, state_of

VIDEO_URL = "https://dashscope-a717.oss-accelerate.aliyuncs.com/"


def stored(sandbox: Sandbox, video: bytes) -> bytes:
    """Let DashScope deliver a video; return what Gallop stores, as a client gets it."""
    sandbox.instead[VIDEO_URL] = lambda _: httpx.Response(200, content=video)
    job = sandbox.storing()
    sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    marks = sandbox.job(job.id).marks
    assert marks
    assert marks.c2pa is True
    return sandbox.result(f"{job.receipts}/video.mp4")


def test_a_signed_video_stays_valid(sandbox: Sandbox) -> None:
    """Gallop sees that it is signed, and its signature and hash hold for the stored file, byte for byte."""
    video = signed(film())
    assert "Valid" == state_of(video)
    assert video == stored(sandbox, video)
    assert "Valid" == state_of(stored(sandbox, video))


def test_marks_are_found_and_not_verified(sandbox: Sandbox) -> None:
    """A file that was changed after it was signed still carries its manifest: C2PA's reader is who refuses it."""
    video = signed(marked.with_label()).replace(b'"Label"', b'"Lebal"')
    assert "Invalid" == state_of(stored(sandbox, video))
