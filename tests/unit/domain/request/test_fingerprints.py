"""Equal requests are equal for every version of Gallop: an update in the middle of retries makes no second video."""

from __future__ import annotations

from typing import Any

import pytest
from gallop.domain.request import media, reader
from gallop.domain.request.idempotency import fingerprint_of
from gallop.domain.request.images import LinkedImage, StoredImage
from gallop.domain.request.media import IMAGES, Medium
from gallop.domain.request.request import RequestDefaults

DEFAULTS = RequestDefaults("1.0", "inbox", "ada", ("https://h.example.com",))
PICTURE = "https://e.com/a.jpg"
# As version 0.1.0 computed them; these never change.
OF_0_1_0: list[tuple[dict[str, Any], str]] = [
    (
        {"prompt": "x [Image 1]", "images": [PICTURE, "s3://inbox/uploads/b.png"]},
        "42a10c8da32b6883066480f38996234688902a07cd6f4371c3b280a7c63deb29",
    ),
    (
        {
            "prompt": "x",
            "images": [PICTURE],
            "seed": 4,
            "metadata": {"a": [1, {"b": 2.5}]},
            "webhook": "/p",
            "priority": 3,
            "watermark": True,
            "size": "1080x1920",
        },
        "cf9076c9266bf98fa62d68149a4c2f35d27d65dd7e6927de9e7441913cdaeaa6",
    ),
    (
        {"prompt": "x", "model": "happyhorse-1.1-r2v", "resolution": "480P", "images": [PICTURE]},
        "a92f961111e2072713456056eb887c4bb96b09313d4d880d7ed521b5f5f738e8",
    ),
]


@pytest.mark.parametrize(("body", "fingerprint"), OF_0_1_0)
def test_a_released_fingerprint_never_changes(body: dict[str, Any], fingerprint: str) -> None:
    """A retry that the next version receives finds the job that the version before recorded."""
    assert fingerprint == fingerprint_of(reader.read(body, DEFAULTS, lambda _, source, _rules: source))


def test_a_reference_image_of_a_drop_keeps_its_identity() -> None:
    """The id of a dropped job comes from it: the same drop is the same job after an update."""
    stored = StoredImage("inbox", "drop/a/1.jpg", "v1", "0123")
    assert "sha256:0123" == media.identity_of(Medium(IMAGES, stored))
    assert f"url:{PICTURE}" == media.identity_of(Medium(IMAGES, LinkedImage(PICTURE)))
    assert "first_frame:sha256:0123" == media.identity_of(Medium("first_frame", stored))


def test_where_it_may_run_is_part_of_a_request() -> None:
    """The same video elsewhere is another job; without account and tags nothing is added, as shown above."""
    wanted: list[dict[str, Any]] = [{}, {"account": "two"}, {"tags": {"region": "eu"}}, {"tags": {"region": "us"}}]
    found = {
        fingerprint_of(reader.read({"prompt": "x", **one}, DEFAULTS, lambda _, source, _rules: source))
        for one in wanted
    }
    assert len(wanted) == len(found)
