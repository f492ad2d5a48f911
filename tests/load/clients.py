"""The jobs of a run, and their clients: two at the HTTPS door with their own keys, one at the S3 door."""

from __future__ import annotations

import json
from typing import Any

from tests.support.pictures import picture

HTTPS, S3, LATE = ("ada", "bob"), "folder", "late"
CLIENTS = (*HTTPS, S3)
# Those whose jobs may run in one region only, at the HTTPS door and at the S3 door.
PLACED_HTTPS, PLACED_S3 = "eve", "folder-eu"
PLACEMENT = {"tags": {"region": "eu"}}
SECONDS_OF_VIDEO = 3
# What their requests are for.
MODEL = "happyhorse-1.0-r2v"
PICTURE_URL = "https://example.com/girl.jpg"


def new_jobs(jobs: int) -> list[tuple[str, str]]:
    """Return the clients and prompts of new jobs, the clients alternating; a prompt identifies its job everywhere."""
    return [(CLIENTS[number % len(CLIENTS)], prompt(number)) for number in range(jobs)]


def prompt(number: int) -> str:
    """Return the prompt with a number."""
    return f"Clip {number:05}. The girl of [Image 1] waves."


def name(prompt: str) -> str:
    """Return a prompt's name, without its text: ``Clip-00001``."""
    return prompt.partition(".")[0].replace(" ", "-")


def body(prompt: str, client: str = "") -> dict[str, Any]:
    """Return the request body of a client's job for the HTTPS door."""
    placement = PLACEMENT if client in (PLACED_HTTPS, PLACED_S3) else {}
    return {"prompt": prompt, "images": [PICTURE_URL], "duration": SECONDS_OF_VIDEO, **placement}


def files(prompt: str, client: str = S3) -> dict[str, bytes]:
    """Return a job's files by their names under drop/; the folder is ready as soon as all of them are there."""
    folder, new_job = name(prompt), {**body(prompt, client), "images": ["1.jpg"]}
    return {f"{folder}/1.jpg": picture(), f"{folder}/job.json": json.dumps(new_job).encode()}
