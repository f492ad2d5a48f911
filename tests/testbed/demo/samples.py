"""The four jobs of the demo, one of each kind, and what they send."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from PIL import Image

from tests.testbed.demo import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PICTURES = Path(__file__).parents[1] / "pictures" / "qipao"
# The minimum, so that the demo is short; the default is 5.
SECONDS = 3
FRAME, CLIP = "first-frame.jpg", "clip.mp4"
TEXT = "A white horse gallops along a beach at sunrise, seen from a low camera that keeps pace with it."
EDIT = "Give everything the colours of [Image 1], and keep the movement of the camera."


@dataclass(frozen=True, slots=True)
class Sample:
    """A job of the demo: ``kind`` is that of its model, ``parcel`` describes for people what is sent.

    ``inputs`` are the files to keep beside the result, by name. Either ``files`` are dropped into a folder, or ``send``
    creates the job over HTTPS.
    """

    kind: str
    parcel: str
    send: Callable[[httpx.Client, Sample], httpx.Response] | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    inputs: Mapping[str, bytes] = field(default_factory=dict)


def samples() -> list[Sample]:
    """Return the jobs of the demo."""
    frame, video = _portrait(), clip.make(PICTURES / "2-folding-fan.jpg")
    dropped = {CLIP: video, "earrings.jpg": _file("3-tassel-earrings.jpg"), "prompt.txt": EDIT.encode()}
    return [
        Sample("t2v", "POST /v1/videos: a prompt", _text),
        Sample("i2v", "POST /v1/uploads: a first frame, then POST /v1/videos", _first_frame, inputs={FRAME: frame}),
        Sample("r2v", "POST /v1/videos: 3 images and a prompt", _references),
        Sample("video-edit", "drop/fan/: a video, an image and prompt.txt", files=dropped, inputs={CLIP: video}),
    ]


def _text(http: httpx.Client, _: Sample) -> httpx.Response:
    return http.post("/v1/videos", json={"prompt": TEXT, "duration": SECONDS})


def _first_frame(http: httpx.Client, sample: Sample) -> httpx.Response:
    """Upload the frame through a signed form, as everything that does not fit into a request."""
    upload = http.post("/v1/uploads", json={"content_type": "image/jpeg"}).raise_for_status().json()
    # The form goes to S3, which must not get the API key.
    file = {"file": sample.inputs[FRAME]}
    httpx.post(
        upload["url"], data=upload["fields"], files=file, timeout=http.timeout, trust_env=False
    ).raise_for_status()
    return http.post("/v1/videos", json={"first_frame": upload["id"], "duration": SECONDS})


def _references(http: httpx.Client, _: Sample) -> httpx.Response:
    """Send the pictures as a browser's form does."""
    images = [("images", (path.name, path.read_bytes(), "image/jpeg")) for path in sorted(PICTURES.glob("*.jpg"))]
    return http.post("/v1/videos", data={"prompt": _file("prompt.txt").decode()}, files=images)


def _portrait() -> bytes:
    """Return the woman alone, in 3:4: the video has the shape of its first frame."""
    file = io.BytesIO()
    with Image.open(PICTURES / "1-woman.jpg") as image:
        image.crop((316, 0, 964, 864)).save(file, "JPEG", quality=90)
    return file.getvalue()


def _file(name: str) -> bytes:
    return (PICTURES / name).read_bytes()
