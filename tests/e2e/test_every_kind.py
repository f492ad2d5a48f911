"""Clients that other people write, unmodified, make every kind of video: only their host and key are changed."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dashscope
import httpx
import openai
import pytest
from dashscope import VideoSynthesis
from gallop.domain import models

from tests.support.clips import clip
from tests.support.pictures import data_uri, picture
from tests.support.scripts import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.caller import Caller

SUBMIT = "/api/v1/services/aigc/video-generation/video-synthesis"
CLIENTS = ROOT / ".venv-clients"
FRAME, PICTURE = data_uri(picture(shade=30)), data_uri(picture(shade=70))
SECONDS = {**dict.fromkeys(models.MODELS, 3.0), "happyhorse-1.0-video-edit": 6.4}
PAGES = "https://help-static-aliyun-doc.aliyuncs.com/file-manage-files/zh-CN/20260424"
# In the shape of DashScope's pages, with media at their addresses.
PAGES_OWN: dict[str, dict[str, Any]] = {
    "happyhorse-1.0-t2v": {
        "input": {"prompt": "A miniature city of cardboard and bottle caps comes to life at night."},
        "parameters": {"resolution": "720P", "ratio": "16:9", "duration": 5},
    },
    "happyhorse-1.0-i2v": {
        "input": {"prompt": "A cat runs on the grass.", "media": [{"type": "first_frame", "url": f"{PAGES}/cat.png"}]},
        "parameters": {"resolution": "720P", "duration": 5},
    },
    "happyhorse-1.0-video-edit": {
        "input": {
            "prompt": "Dress the person in the clothes of the image.",
            "media": [
                {"type": "video", "url": f"{PAGES}/person.mp4"},
                {"type": "reference_image", "url": f"{PAGES}/clothes.png"},
            ],
        },
        "parameters": {"resolution": "720P"},
    },
}
LITELLM = """
import json, sys, time
import litellm

url, key, prompt, frame, picture, video = sys.argv[1:]
at = {"api_base": url, "api_key": key}
calls = {
    "happyhorse-1.0-t2v": {"size": "1280x720", "seconds": "3"},
    "happyhorse-1.1-t2v": {"size": "720x1280", "seconds": "3"},
    "happyhorse-1.0-i2v": {"media": [{"type": "first_frame", "url": frame}], "seconds": "3"},
    "happyhorse-1.1-i2v": {"input_reference": frame, "seconds": "3"},
    "happyhorse-1.0-r2v": {"media": [{"type": "reference_image", "url": picture}], "seconds": "3"},
    "happyhorse-1.1-r2v": {"input_reference": picture, "seconds": "3"},
    "happyhorse-1.0-video-edit": {"media": [{"type": "video", "url": video}]},
}
made = {}
for model, arguments in calls.items():
    rest = {} if "size" in arguments else {"extra_body": {"resolution": "720P", "watermark": False}}
    made[model] = litellm.video_generation(model=f"dashscope/{model}", prompt=prompt, **arguments, **rest, **at)
ends = {}
for model, submitted in made.items():
    while (seen := litellm.video_status(video_id=submitted.id, **at)).status in {"queued", "in_progress"}:
        time.sleep(0.2)
    body = litellm.video_content(video_id=submitted.id, **at)
    ends[model] = [seen.status, float(seen.seconds), body[4:8].decode()]
print(json.dumps(ends))
"""


@pytest.fixture(scope="module")
def video(caller: Caller) -> str:
    """Put a video into the inbox; return its address, which Gallop takes in every protocol."""
    caller.s3.put_object(Bucket=caller.at.inbox_bucket, Key="uploads/kinds/clip.mp4", Body=clip())
    return f"s3://{caller.at.inbox_bucket}/uploads/kinds/clip.mp4"


def calls_of(video: str) -> dict[str, dict[str, Any]]:
    """Return the arguments of a call of DashScope's package for each model."""
    media: dict[str, list[dict[str, str]]] = {
        "t2v": [],
        "i2v": [{"type": "first_frame", "url": FRAME}],
        "r2v": [{"type": "reference_image", "url": PICTURE}],
        "video-edit": [{"type": "video", "url": video}, {"type": "reference_image", "url": PICTURE}],
    }
    calls = {}
    for name, model in models.MODELS.items():
        more: dict[str, Any] = {"duration": 3} if model.parameter("duration") else {"audio_setting": "origin"}
        if media[model.kind.value]:
            more["media"] = media[model.kind.value]
        calls[name] = {"model": name, "resolution": "720P", **more}
    return calls


def assert_made(caller: Caller, prompt: str, expected: dict[str, float] = SECONDS) -> None:
    """Assert that each model made one task for this prompt, with its media, and that Gallop knows what it cost."""
    tasks = caller.tasks_for(prompt)
    assert sorted(expected) == sorted(task["model"] for task in tasks)
    for task in tasks:
        assert "SUCCEEDED" == task["status"], task
        required = {medium.type for medium in models.MODELS[task["model"]].media if medium.least}
        assert required <= {medium["type"] for medium in task["media"]}, task
        assert expected[task["model"]] == pytest.approx(task["billed_seconds"]), task
    listed = caller.http.get("/v1/videos", params={"limit": 100}).json()["data"]
    costs = {job["model"]: job["cost"] for job in listed if job["prompt"] == prompt}
    assert {task["model"]: pytest.approx(task["billed_usd"], abs=0.0001) for task in tasks} == costs


def at_once(make: Callable[[dict[str, Any]], Any], calls: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Make all calls side by side."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return dict(zip(calls, pool.map(make, calls.values()), strict=True))


def test_dashscopes_package_makes_every_kind(caller: Caller, video: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``VideoSynthesis.call`` waits for each."""
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{caller.at.api_url}/api/v1")
    monkeypatch.setattr(dashscope, "api_key", caller.at.api_key)
    prompt = f"Everything moves, {uuid4()}."
    replies = at_once(lambda call: VideoSynthesis.call(prompt=prompt, **call), calls_of(video))
    for model, reply in replies.items():
        assert 200 == reply.status_code, (model, reply)
        assert "SUCCEEDED" == reply.output.task_status, (model, reply)
        assert SECONDS[model] == pytest.approx(reply.usage["duration"]), model
        assert b"ftyp" == httpx.get(reply.output.video_url, timeout=30).content[4:8], model
    assert_made(caller, prompt)


def _for_new_client(call: dict[str, Any]) -> dict[str, Any]:
    """Put what the client has no argument for among its parameters."""
    arguments = dict(call)
    own = {"audio_setting": arguments.pop("audio_setting")} if "audio_setting" in arguments else {}
    return {**arguments, "parameters": own}


def test_dashscopes_new_client_makes_every_kind(caller: Caller, video: str) -> None:
    """``Client.videos.generate`` waits for each."""
    prompt = f"Everything moves again, {uuid4()}."
    with dashscope.Client(base_url=f"{caller.at.api_url}/api/v1", api_key=caller.at.api_key) as client:
        jobs = at_once(lambda call: client.videos.generate(prompt=prompt, **_for_new_client(call)), calls_of(video))
    assert dict.fromkeys(models.MODELS, True) == {model: job.succeeded for model, job in jobs.items()}
    assert_made(caller, prompt)


@pytest.mark.skipif(
    not list(CLIENTS.glob("lib/python*/site-packages/litellm")), reason="`make proofs` installs LiteLLM"
)
def test_litellm_makes_every_kind(caller: Caller, video: str) -> None:
    """In an environment of its own; it downloads each video from the user's bucket."""
    prompt = f"LiteLLM moves everything, {uuid4()}."
    done = subprocess.run(
        [
            CLIENTS / "bin" / "python",
            "-c",
            LITELLM,
            caller.at.api_url,
            caller.at.api_key,
            prompt,
            FRAME,
            PICTURE,
            video,
        ],
        env={"PATH": os.environ["PATH"], "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert 0 == done.returncode, done.stderr
    assert {model: ["completed", seconds, "ftyp"] for model, seconds in SECONDS.items()} == json.loads(done.stdout)
    assert_made(caller, prompt)


def test_requests_in_the_shape_of_the_pages_make_videos(caller: Caller) -> None:
    """Only host and key are others; media at public addresses have stand-ins on the testbed."""
    for model, body in PAGES_OWN.items():
        headers = {"X-DashScope-Async": "enable"}
        answer = caller.http.post(SUBMIT, json={"model": model, **body}, headers=headers)
        assert 200 == answer.status_code, (model, answer.text)
        assert "succeeded" == caller.wait_for_job(answer.json()["output"]["task_id"])["state"], model
        (task,) = caller.tasks_for(body["input"]["prompt"])
        assert (model, True) == (task["model"], task["parameters"]["watermark"])


@pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")
def test_openais_package_names_models(caller: Caller) -> None:
    """It lists and retrieves them, and its ``input_reference`` is the first frame of a model that has one."""
    with openai.OpenAI(base_url=f"{caller.at.api_url}/v1", api_key=caller.at.api_key) as client:
        assert list(models.MODELS) == [model.id for model in client.models.list()]
        assert "alibaba" == client.models.retrieve("happyhorse-1.0-i2v").owned_by
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("sora-2")
        prompt = f"OpenAI's package moves a frame, {uuid4()}."
        reference, seconds = ("cat.jpg", picture(), "image/jpeg"), "3"
        made = client.videos.create(
            model="happyhorse-1.0-i2v",
            prompt=prompt,
            input_reference=reference,
            seconds=seconds,  # type: ignore[arg-type] # Gallop has more lengths
        )
        assert ("happyhorse-1.0-i2v", "queued") == (made.model, made.status)
    assert "succeeded" == caller.wait_for_job(made.id)["state"]
    assert_made(caller, prompt, {"happyhorse-1.0-i2v": 3})
