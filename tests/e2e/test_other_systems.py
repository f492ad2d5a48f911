"""The main job where AWS's runtime client has no native part, as on macOS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.caller import Caller
from tests.e2e.conftest import SPEED
from tests.support.other_systems import without_native_client
from tests.support.pictures import data_uri, picture
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    """Give both doors of a testbed without the native client."""
    with without_native_client(), Testbed(speed=SPEED, is_jumping=True) as testbed, Caller(testbed) as position:
        assert (testbed.aws.scratch / "runtime" / "runtime_client.py").is_symlink()
        yield position


def test_both_doors_make_videos(caller: Caller) -> None:
    """A request and a dropped folder each become one task and one video."""
    job = caller.create({"prompt": "[Image 1] walks.", "images": [data_uri(picture())]}).json()
    caller.drop({"spring/1.jpg": picture(), "spring/prompt.txt": "[Image 1] 在雨中跳舞。".encode()})
    assert "succeeded" == caller.wait_for_job(job["id"])["state"]
    assert "succeeded" == caller.wait_for_receipt("spring/status.json")["state"]
    assert caller.video("spring/video.mp4").startswith(b"\0\0\0")
    for prompt in ("[Image 1] walks.", "[Image 1] 在雨中跳舞。"):
        assert 1 == len(caller.tasks_for(prompt))
