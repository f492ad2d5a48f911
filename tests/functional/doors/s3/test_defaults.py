"""A drop that has its job keeps it, whatever the stack's defaults and the rules for files become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from gallop.domain.drops import drop as drops
from gallop.domain.drops import plan as plans

from tests.support.clips import clip
from tests.support.drops import Door
from tests.support.pictures import picture

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

HOUR = 3700


def arrive_again(sandbox: Sandbox, other: str) -> None:
    """Let the door look at a drop again, an hour later: a file that it does not use arrives."""
    sandbox.clock.time += HOUR
    sandbox.drop(other, b"-")
    Door(sandbox).run(HOUR)


def test_a_lone_image_keeps_its_job_when_the_default_changes(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kind of video for lone images is for later ones: a late event does not make a second one."""
    sandbox.drop("drop/cat.jpg", picture())
    Door(sandbox).run(HOUR)
    monkeypatch.setenv("LONE_IMAGE", "i2v")
    arrive_again(sandbox, "drop/cat.xyz")
    assert 1 == len(sandbox.jobs())


@pytest.mark.parametrize("other", ["clip.mp4", "first-frame.jpg", "two clips"])
def test_a_folder_keeps_its_job_after_an_upgrade(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    """An earlier version ignored videos, and took every image as a reference."""
    with monkeypatch.context() as earlier:
        earlier.setattr(drops, "is_video", lambda _: False)
        earlier.setattr(plans, "_FIRST_FRAME_NAME", re.compile("(?!)"))
        for name in ("clip.mp4", "more.mp4") if other == "two clips" else (other,):
            sandbox.drop(f"drop/f/{name}", picture(shade=1) if name.endswith("jpg") else clip())
        sandbox.drop("drop/f/1.jpg", picture())
        sandbox.drop("drop/f/prompt.txt", b"A cat.")
        Door(sandbox).run(HOUR)
    (before,) = sandbox.jobs()
    arrive_again(sandbox, "drop/f/notes.xyz")
    (after,) = sandbox.jobs()
    assert before.id == after.id
    assert after.id == sandbox.receipt("f/status.json")["job"]
