"""The function of the usual Step Functions sample: start a task, ask about it, copy the video. Nothing else."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import Any

import boto3

PATH = "/services/aigc/video-generation/video-synthesis"


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Make the step that the event names."""
    match event["do"]:
        case "start":
            body = {"model": event["model"], "input": {"prompt": event["prompt"]}, "parameters": event["parameters"]}
            return {"task_id": _call(PATH, body)["task_id"]}
        case "ask":
            return {"status": _call(f"/tasks/{event['task_id']}")["task_status"]}
        case _:
            return _save(event["task_id"])


def _save(task_id: str) -> dict[str, Any]:
    with urllib.request.urlopen(_call(f"/tasks/{task_id}")["video_url"]) as video:
        boto3.client("s3").upload_fileobj(video, os.environ["RESULTS_BUCKET"], f"sample/{task_id}.mp4")
    return {"task_id": task_id, "saved_at": time.time()}


def _call(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {os.environ['API_KEY']}", "Content-Type": "application/json"}
    if body:
        headers["X-DashScope-Async"] = "enable"
    request = urllib.request.Request(
        os.environ["BASE_URL"] + path, json.dumps(body).encode() if body else None, headers
    )
    with urllib.request.urlopen(request) as response:
        output: dict[str, Any] = json.load(response)["output"]
    return output
