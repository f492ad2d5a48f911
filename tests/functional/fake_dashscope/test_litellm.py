"""LiteLLM, unmodified, drives the HTTP face as if it were DashScope, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from fake_dashscope import KEY, WAN_3_0, FakeDashScope, Limits, Switches, serve
from fake_dashscope.clock import ScaledClock
from tests.functional.fake_dashscope.clips import clip
from tests.support.scripts import ROOT

if TYPE_CHECKING:
    from tests.functional.fake_dashscope.origin import Origin

ENVIRONMENT = ROOT / ".venv-clients"
MAKE_EACH = """
import json, sys, time
import litellm

url, key, frame, picture, video = sys.argv[1:]
at = {"api_base": url, "api_key": key}
calls = {
    "happyhorse-1.0-t2v": {"size": "1280x720", "seconds": "3"},
    "happyhorse-1.1-t2v": {"size": "720x1280", "seconds": "3"},
    "happyhorse-1.0-i2v": {"media": [{"type": "first_frame", "url": frame}], "seconds": "3"},
    "happyhorse-1.1-i2v": {"input_reference": frame, "seconds": "3"},
    "happyhorse-1.0-r2v": {"media": [{"type": "reference_image", "url": picture}], "seconds": "3"},
    "happyhorse-1.1-r2v": {"input_reference": picture, "seconds": "3"},
    "happyhorse-1.0-video-edit": {"media": [{"type": "video", "url": video}]},
    "wan3.0-video": {"input_reference": frame, "seconds": "2"},
}
made = {}
for model, arguments in calls.items():
    rest = {} if "size" in arguments else {"extra_body": {"resolution": "720P", "watermark": False}}
    made[model] = litellm.video_generation(model=f"dashscope/{model}", prompt="A cat", **arguments, **rest, **at)
ends = {}
for model, submitted in made.items():
    while (seen := litellm.video_status(video_id=submitted.id, **at)).status in {"queued", "in_progress"}:
        time.sleep(0.05)
    body = litellm.video_content(video_id=submitted.id, **at)
    ends[model] = [seen.status, float(seen.seconds), body[4:8].decode()]
print(json.dumps(ends))
"""

pytestmark = pytest.mark.skipif(
    not list(ENVIRONMENT.glob("lib/python*/site-packages/litellm")), reason="`make proofs` installs LiteLLM"
)


def test_litellm_makes_a_video_of_every_kind(origin: Origin) -> None:
    """Each model is one task, with the media that LiteLLM was given; its video is downloaded."""
    switches = Switches(task_seconds=0.05)
    fake = FakeDashScope(ScaledClock(100), limits=Limits.none(), switches=switches, models=[WAN_3_0])
    inputs = [origin.url("portrait.png"), origin.url("red.png"), origin.add("clip.mp4", clip())]
    with serve(fake) as server:
        done = subprocess.run(
            [str(ENVIRONMENT / "bin" / "python"), "-c", MAKE_EACH, server.url, KEY, *inputs],
            env={"PATH": os.environ["PATH"], "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert 0 == done.returncode, done.stderr
    seconds = {**{model.name: 3.0 for model in fake.models()}, "happyhorse-1.0-video-edit": 6.0, "wan3.0-video": 2.0}
    assert {model: ["completed", length, "ftyp"] for model, length in seconds.items()} == json.loads(done.stdout)
    tasks = {task["model"]: task["media"] for task in fake.ledger()["tasks"]}
    frame, picture, video = (
        [{"type": kind, "url": url}]
        for kind, url in zip(("first_frame", "reference_image", "video"), inputs, strict=True)
    )
    assert {
        "happyhorse-1.0-t2v": [],
        "happyhorse-1.1-t2v": [],
        "happyhorse-1.0-i2v": frame,
        "happyhorse-1.1-i2v": frame,
        "happyhorse-1.0-r2v": picture,
        "happyhorse-1.1-r2v": picture,
        "happyhorse-1.0-video-edit": video,
        "wan3.0-video": frame,
    } == tasks
