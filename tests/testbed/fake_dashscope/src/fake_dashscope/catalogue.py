"""The models that the fake knows from the start, and what Alibaba publishes about them.

Each fact names its source: M:… are pages of Alibaba's Chinese documentation (r2v, t2v, i2v, edit: the API references
of HappyHorse; price: the price list; group: the console's catalogue) in the official mirror modelstudioai/skills of
2026-05-30, EN-0623 is the international edition of 2026-06-23, SKU is the list of prices that LiteLLM 1.110.2 keeps
of Alibaba's model pages. What no source says is marked as an inference.
"""

from __future__ import annotations

from math import sqrt

from fake_dashscope.models import MEGABYTE, MediaRule, Model

# M:r2v: 1 to 9, short side of 400 px, 20 MB; no maximum side and no shape are stated.
REFERENCES = MediaRule("reference_image", 1, 9, short_side=400)
# M:i2v: exactly one, 300 px, 1:2.5 to 2.5:1, 20 MB.
FIRST_FRAME = MediaRule("first_frame", 1, 1, short_side=300, widest=2.5)
# M:edit: exactly one, a public URL and no Base64, 3 to 60 s, sides of 360 to 4,096 px, 1:2.5 to 2.5:1, 100 MB, above
# 8 frames per second. The input's seconds are billed beside the output's. That `oss://` is taken is an inference from
# the official SDK, which uploads local files of any type.
EDIT_VIDEO = MediaRule(
    "video",
    1,
    1,
    kind="video",
    short_side=360,
    long_side=4096,
    widest=2.5,
    max_bytes=100 * MEGABYTE,
    min_seconds=3,
    max_seconds=60,
    above_fps=8,
    inline=False,
    sets_length=True,
    billed=True,
)
# M:edit: up to five, 300 px, 1:2.5 to 2.5:1, 20 MB.
EDIT_REFERENCES = MediaRule("reference_image", 0, 5, short_side=300, widest=2.5)

# USD per second: (mainland China and Global, International). SKU; M:price has the same in CNY. Tokyo and Hong Kong are
# not published; that they cost as much as International is an inference.
PRICES_1_0 = {"720P": (0.123769, 0.14), "1080P": (0.220034, 0.24)}
PRICES_1_1 = {"480P": (0.0618845, 0.07), "720P": (0.123769, 0.14), "1080P": (0.165026, 0.18)}
MAINLAND_AND_GLOBAL = {"cn-beijing", "us-east-1", "eu-central-1"}


def _line_up() -> tuple[Model, ...]:
    """Return the rows. The defaults of a row are those of M:r2v and M:t2v: 1080P, 16:9, 3 to 15 s, 5 s, 24 frames."""
    return (
        Model("happyhorse-1.0-r2v", (REFERENCES,), PRICES_1_0),
        # M:t2v. A script of Alibaba's says that 1.0-t2v takes no resolution, and the page says that it does.
        Model("happyhorse-1.0-t2v", (), PRICES_1_0),
        # M:i2v: the prompt is optional; there is no ratio.
        Model("happyhorse-1.0-i2v", (FIRST_FRAME,), PRICES_1_0, prompt_required=False, ratios=()),
        # M:edit: neither ratio nor duration; the output is as long as the input, cut at 15 s; audio_setting is auto or
        # origin.
        Model(
            "happyhorse-1.0-video-edit",
            (EDIT_VIDEO, EDIT_REFERENCES),
            PRICES_1_0,
            ratios=(),
            audio_settings=("auto", "origin"),
        ),
        # EN-0623: 1.1 has the same protocol and 480P; there is no 1.1 for edits.
        Model("happyhorse-1.1-r2v", (REFERENCES,), PRICES_1_1),
        Model("happyhorse-1.1-t2v", (), PRICES_1_1),
        Model("happyhorse-1.1-i2v", (FIRST_FRAME,), PRICES_1_1, prompt_required=False, ratios=()),
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
    """Return width and height in pixels: the shape of the input, with about the area of the tier's 16:9 (M:i2v).

    That an edit follows the same rule is an inference.
    """
    short = lines(resolution)
    scale = sqrt(short * short * 16 / 9 / (width * height))
    return _even(width * scale), _even(height * scale)
