"""The models of the fake: media rules, parameters, defaults and prices, as Alibaba publishes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

RATIOS = ("16:9", "9:16", "3:4", "4:3", "4:5", "5:4", "1:1", "9:21", "21:9")
MEGABYTE = 1024 * 1024
FRAMES_PER_SECOND = 24


@dataclass(frozen=True, slots=True)
class MediaRule:
    """How many media of one type a model takes, and the limits of each.

    ``short_side`` is the minimum in pixels; ``widest`` the maximum of long side to short side, 0 for none.
    """

    type: str
    minimum: int
    maximum: int
    short_side: int = 400
    widest: float = 0.0
    max_bytes: int = 20 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its inputs, its defaults and its price per second.

    ``prices`` are USD per billed second, by tier: (mainland China and Global, International). ``seconds`` is empty
    if the input sets the length.
    """

    name: str
    media: tuple[MediaRule, ...]
    prices: dict[str, tuple[float, float]]
    prompt_required: bool = True
    resolutions: tuple[str, ...] = ("720P", "1080P")
    default_resolution: str = "1080P"
    ratios: tuple[str, ...] = RATIOS
    default_ratio: str = "16:9"
    seconds: range = field(default=range(3, 16))
    default_seconds: int = 5
    audio_settings: tuple[str, ...] = ()

    @property
    def edits(self) -> bool:
        """Whether the model edits a video; input seconds are then billed as well."""
        return any(rule.type == "video" for rule in self.media)


REFERENCES = MediaRule("reference_image", 1, 9)
FIRST_FRAME = MediaRule("first_frame", 1, 1, short_side=300, widest=2.5)
EDIT_VIDEO = MediaRule("video", 1, 1, short_side=360, widest=2.5, max_bytes=100 * MEGABYTE)
EDIT_REFERENCES = MediaRule("reference_image", 0, 5, short_side=300, widest=2.5)

PRICES_1_0 = {"720P": (0.123769, 0.14), "1080P": (0.220034, 0.24)}
PRICES_1_1 = {"480P": (0.0618845, 0.07), "720P": (0.123769, 0.14), "1080P": (0.165026, 0.18)}
TIERS_1_1 = ("480P", "720P", "1080P")
MAINLAND_AND_GLOBAL = {"cn-beijing", "us-east-1", "eu-central-1"}


def _line_up() -> tuple[Model, ...]:
    return (
        Model("happyhorse-1.0-r2v", (REFERENCES,), PRICES_1_0),
        Model("happyhorse-1.0-t2v", (), PRICES_1_0),
        Model("happyhorse-1.0-i2v", (FIRST_FRAME,), PRICES_1_0, prompt_required=False, ratios=()),
        Model(
            "happyhorse-1.0-video-edit",
            (EDIT_VIDEO, EDIT_REFERENCES),
            PRICES_1_0,
            ratios=(),
            seconds=range(0),
            audio_settings=("auto", "origin"),
        ),
        Model("happyhorse-1.1-r2v", (REFERENCES,), PRICES_1_1, resolutions=TIERS_1_1),
        Model("happyhorse-1.1-t2v", (), PRICES_1_1, resolutions=TIERS_1_1),
        Model(
            "happyhorse-1.1-i2v", (FIRST_FRAME,), PRICES_1_1, prompt_required=False, resolutions=TIERS_1_1, ratios=()
        ),
    )


MODELS = {model.name: model for model in _line_up()}


def price(model: Model, resolution: str, region: str) -> float:
    """Return the price of one billed second in USD in ``region``."""
    mainland, international = model.prices[resolution]
    return mainland if region in MAINLAND_AND_GLOBAL else international


def lines(resolution: str) -> int:
    """Return the number of a resolution tier: 720 for ``720P``."""
    return int(resolution.removesuffix("P"))


def _even(value: float) -> int:
    return 2 * round(value / 2)


def frame_size(resolution: str, ratio: str) -> tuple[int, int]:
    """Return width and height of a video in pixels. The tier is the short side: an inference, not documented."""
    across, down = (int(part) for part in ratio.split(":"))
    short = lines(resolution)
    if across >= down:
        return _even(short * across / down), short
    return short, _even(short * down / across)


def frame_size_like(resolution: str, width: int, height: int) -> tuple[int, int]:
    """Return width and height in pixels: the shape of the input, with about the area of the tier's 16:9."""
    short = lines(resolution)
    scale = sqrt(short * short * 16 / 9 / (width * height))
    return _even(width * scale), _even(height * scale)
