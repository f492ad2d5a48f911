"""The models that Gallop offers, their parameters and prices: data, not code.

Limits and enumerations: fact sheet §1.2. Prices: §6, USD per second of video; the input images are free.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

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
    """A model that makes a video from reference images.

    ``international`` and ``elsewhere`` map each resolution to USD per second: the price in Singapore, and the price in
    mainland China and the global scope. For model 1.1 only the mainland prices are published; those of Singapore are
    inferred from the ratio between the two scopes.
    """

    id: str
    international: dict[str, Decimal]
    elsewhere: dict[str, Decimal]

    @property
    def resolutions(self) -> tuple[str, ...]:
        """The resolutions that this model renders."""
        return tuple(self.international)


MODELS = {
    model.id: model
    for model in (
        Model(
            id="happyhorse-1.0-r2v",
            international={"720P": Decimal("0.14"), "1080P": Decimal("0.24")},
            elsewhere={"720P": Decimal("0.1201"), "1080P": Decimal("0.2135")},
        ),
        Model(
            id="happyhorse-1.1-r2v",
            international={"480P": Decimal("0.07"), "720P": Decimal("0.14"), "1080P": Decimal("0.1867")},
            elsewhere={"480P": Decimal("0.06"), "720P": Decimal("0.1201"), "1080P": Decimal("0.1601")},
        ),
    )
}


def size(resolution: str, ratio: str) -> str:
    """Return the pixels of a resolution and ratio in OpenAI's format (``1280x720``); the short side is nominal."""
    short = int(resolution.removesuffix("P"))
    across, down = (int(part) for part in ratio.split(":"))
    long = round(short * max(across, down) / min(across, down) / 2) * 2
    return f"{long}x{short}" if across >= down else f"{short}x{long}"
