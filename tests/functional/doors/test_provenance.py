"""Where a video comes from: the same words in the receipts, every view, the webhook and the object's metadata."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.client.jobs import Job as ClientJob
from gallop.domain import provenance
from gallop.domain.clients import webhooks
from gallop.domain.times import timestamp

from fake_dashscope import render
from tests.functional.doors.test_models import succeeded
from tests.support import marked
from tests.support.agents import Agent
from tests.support.dashscope import Vendor
from tests.support.http import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gallop.domain.job import Job

    from tests.support.promise import Simulation

PROMPT = "A cat runs."
ORDER: dict[str, Any] = {"prompt": PROMPT, "model": "happyhorse-1.0-t2v", "watermark": True}
VIDEO = marked.with_label() + marked.c2pa_box()
MARKS = {"c2pa": True, "xmp": False, "aigc": True}


@pytest.fixture
def gallop(gallop: Simulation) -> Iterator[Simulation]:
    """Give a Gallop whose DashScope makes videos with marks."""

    def write(_script: object, path: Path, *_: object) -> None:
        path.write_bytes(VIDEO)

    with patch.object(render, "render", write):
        yield gallop


@pytest.fixture
def job(gallop: Simulation) -> Job:
    """Return a job that has succeeded, of a dropped folder."""
    gallop.drop("drop/cat/job.json", json.dumps(ORDER).encode())
    return succeeded(gallop)


def expected(gallop: Simulation, job: Job) -> dict[str, Any]:
    """Return what must be said of a job's video, from what the neighbours have."""
    (task,) = gallop.tasks()
    assert job.task_ended_at
    return {
        "ai_generated": True,
        "digital_source_type": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        "generator": "Alibaba Cloud Model Studio (DashScope) via Gallop",
        "model": "happyhorse-1.0-t2v",
        "task_id": task["task_id"],
        "generated_at": timestamp(job.task_ended_at),
        "prompt_sha256": hashlib.sha256(PROMPT.encode()).hexdigest(),
        "watermark_requested": True,
        "video_sha256": hashlib.sha256(gallop.result("cat/video.mp4")).hexdigest(),
        "marks": MARKS,
    }


def test_everybody_is_told_the_same(gallop: Simulation, job: Job) -> None:
    """The receipts, the views of both protocols and of agents, the list, and the webhook; the client has it typed."""
    told = expected(gallop, job)
    client = Client(gallop, "operator", is_admin=True)
    view = client.get(f"/v1/videos/{job.id}").json
    assert told == view["provenance"]
    assert told == client.get("/v1/videos").json["data"][0]["provenance"]
    assert told == Vendor(gallop, "operator", is_admin=True).query(job.id).json["output"]["provenance"]
    assert told == Agent(gallop, "operator", is_admin=True).use("get_video", id=job.id).json["provenance"]
    assert told == webhooks.end_of(job, "")["provenance"]
    for name in ("video", "status"):
        assert told == gallop.receipt(f"cat/{name}.json")["provenance"], name
    typed = ClientJob.read(view).provenance
    assert typed
    assert told["video_sha256"] == typed.video_sha256
    assert typed.marks
    assert MARKS == {"c2pa": typed.marks.c2pa, "xmp": typed.marks.xmp, "aigc": typed.marks.aigc}


def test_the_file_is_the_vendors(gallop: Simulation, job: Job) -> None:
    """Its marks are kept: nothing is added, and nothing is removed."""
    (task,) = gallop.tasks()
    stored = gallop.result("cat/video.mp4")
    assert stored.startswith(VIDEO)
    assert f"task {task['task_id']}".encode() in stored
    assert job.result
    assert hashlib.sha256(stored).hexdigest() == job.result.sha256


def test_the_object_says_what_was_known_when_it_was_written(gallop: Simulation, job: Job) -> None:
    """All but the hash of the video, and its marks; also after the files of an earlier job were moved."""
    told = {name: value for name, value in expected(gallop, job).items() if name not in {"video_sha256", "marks"}}
    gallop.drop("drop/cat/job.json", json.dumps({**ORDER, "seed": 7}).encode())
    gallop.run_for(3600)
    for key in ("cat/video.mp4", f"cat/{job.id}/video.mp4"):
        metadata = gallop.s3.head_object(Bucket=gallop.results, Key=key)["Metadata"]
        assert told.keys() == {name.replace("-", "_") for name in metadata if name != "job"}
        assert "true" == metadata["ai-generated"]
        assert told["digital_source_type"] == metadata["digital-source-type"]
        assert told["prompt_sha256"] == metadata["prompt-sha256"]
    assert told["task_id"] == metadata["task-id"]


def test_there_is_none_before_there_is_a_video(gallop: Simulation) -> None:
    """Null, as in the receipts."""
    view = Client(gallop).post(ORDER).json
    assert view["provenance"] is None
    assert ClientJob.read(view).provenance is None
    assert ClientJob.read({name: value for name, value in view.items() if name != "provenance"}).provenance is None


def test_without_a_prompt_there_is_no_hash_of_it(gallop: Simulation, job: Job) -> None:
    """The hash of nothing would look like that of a prompt."""
    assert gallop.tasks()
    without = replace(job, request=replace(job.request, prompt=""))
    told = provenance.view(without)
    assert told
    assert told["prompt_sha256"] is None
    assert "prompt-sha256" not in provenance.metadata(without)
