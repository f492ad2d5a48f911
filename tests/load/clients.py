"""The new_jobs of a run, and those who send them: two at the HTTPS door with keys of their own, one at the S3 door."""

from __future__ import annotations

import json
from typing import Any

from tests.support.pictures import picture

HTTPS, S3, LATE = ("ada", "bob"), "folder", "late"
CLIENTS = (*HTTPS, S3)
SECONDS_OF_VIDEO = 3
PICTURE_URL = "https://example.com/girl.jpg"


def new_jobs(jobs: int) -> list[tuple[str, str]]:
    """Give so many new_jobs, each as its client and its prompt, by which it is known everywhere; clients in turn."""
    return [(CLIENTS[number % len(CLIENTS)], prompt(number)) for number in range(jobs)]


def prompt(number: int) -> str:
    """Name a wish."""
    return f"Wish {number:05}. The girl of [Image 1] waves."


def name(prompt: str) -> str:
    """Give a wish's name without its words: ``Wish-00001``."""
    return prompt.partition(".")[0].replace(" ", "-")


def body(prompt: str) -> dict[str, Any]:
    """Write a wish as the HTTPS door takes it."""
    return {"prompt": prompt, "images": [PICTURE_URL], "duration": SECONDS_OF_VIDEO}


def files(prompt: str) -> dict[str, bytes]:
    """Write a wish as a folder that is ready at once when all of it is there, by the names under drop/."""
    folder, new_job = name(prompt), {**body(prompt), "images": ["1.jpg"]}
    return {f"{folder}/1.jpg": picture(), f"{folder}/job.json": json.dumps(new_job).encode()}
