"""Which reference images are equal."""

from __future__ import annotations

import pytest
from gallop.domain.request import images
from gallop.domain.request.images import Image, InlineImage, LinkedImage, Original, StoredImage

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_image_is_identified_by_its_content() -> None:
    """The identity is the SHA-256 in hexadecimal."""
    assert ABC == images.sha256(b"abc")


@pytest.mark.parametrize(
    ("image", "identity"),
    [
        (LinkedImage("https://example.com/a.jpg"), "url:https://example.com/a.jpg"),
        (InlineImage(b"abc"), f"sha256:{ABC}"),
        (StoredImage("inbox", "uploads/a.png", "v1", ABC), f"sha256:{ABC}"),
        (InlineImage(b"converted", "image/png", Original(ABC), "a note"), f"sha256:{ABC}"),
        (StoredImage("inbox", "uploads/a.png", "v1", "other", Original(ABC, "inbox", "drop/a.bmp")), f"sha256:{ABC}"),
    ],
)
def test_a_converted_image_keeps_its_identity(image: Image, identity: str) -> None:
    """Equal original bytes are the same image, wherever they are stored and however a library converts them."""
    assert identity == images.identity_of(image)
