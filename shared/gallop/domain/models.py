"""The models that Gallop offers, and their parameters: data, not code (fact sheet §1.2)."""

from __future__ import annotations

from dataclasses import dataclass

RATIOS = ("16:9", "9:16", "3:4", "4:3", "4:5", "5:4", "1:1", "9:21", "21:9")
DURATION_SECONDS = range(3, 16)
SEEDS = range(2_147_483_648)
MAX_IMAGES = 9
MAX_IMAGE_BYTES = 20 * 1024 * 1024
IMAGE_SHORT_SIDE_PIXELS = 400
# The limits for images that Gallop reads, in order to convert those that DashScope does not accept.
MAX_PICTURE_BYTES = 100 * 1024 * 1024
MAX_PICTURE_PIXELS = 100_000_000
MAX_PROMPT_CHARACTERS = 5000

DEFAULT_RESOLUTION = "720P"
DEFAULT_RATIO = "16:9"
DEFAULT_DURATION_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Model:
    """A model that makes a video from reference images, in one of ``resolutions``."""

    id: str
    resolutions: tuple[str, ...]


MODELS = {
    model.id: model
    for model in (
        Model("happyhorse-1.0-r2v", ("720P", "1080P")),
        Model("happyhorse-1.1-r2v", ("480P", "720P", "1080P")),
    )
}


def size(resolution: str, ratio: str) -> str:
    """Return the pixels of a resolution and ratio in OpenAI's format (``1280x720``); the short side is nominal."""
    short = int(resolution.removesuffix("P"))
    across, down = (int(part) for part in ratio.split(":"))
    long = round(short * max(across, down) / min(across, down) / 2) * 2
    return f"{long}x{short}" if across >= down else f"{short}x{long}"
