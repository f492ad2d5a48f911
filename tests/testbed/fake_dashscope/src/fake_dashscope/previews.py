"""Rows of models that Alibaba has announced and the fake does not know from the start: ``fake.add_model(WAN_3_0)``.

The facts are third parties' (the model pages as LiteLLM 1.110.2 keeps them, resellers' pages of 2026-11), until
Alibaba's own reference is public. The limits of a reference's size, that videos and audios come by URL only, the
default ratio and resolution, the length that the model chooses for -1, and that all seconds of reference videos are
billed are inferences.
"""

from __future__ import annotations

from typing import Any, Final

from fake_dashscope.models import ADAPTIVE, MEGABYTE, RATIOS

_FRAME: Final = {"minimum": 0, "maximum": 1, "short_side": 300, "widest": 2.5}
_SOUND: Final = {"minimum": 0, "maximum": 5, "kind": "audio", "total_seconds": 15, "inline": False}
_VIDEO: Final = {**_SOUND, "kind": "video", "max_bytes": 100 * MEGABYTE, "billed": True}

WAN_3_0: Final[dict[str, Any]] = {
    "name": "wan3.0-video",
    "media": [
        {"type": "first_frame", **_FRAME},
        {"type": "last_frame", **_FRAME},
        {"type": "reference_image", "minimum": 0, "maximum": 10, "short_side": 300},
        {"type": "reference_video", **_VIDEO},
        {"type": "reference_audio", **_SOUND},
    ],
    "exclusive": [["first_frame", "last_frame"], ["reference_image", "reference_video", "reference_audio"]],
    "max_prompt": 20_000,
    "chinese_weight": 1,
    "prices": {"480P": [0.041256, 0.05], "720P": [0.082513, 0.1], "1080P": [0.165025, 0.2]},
    "ratios": [ADAPTIVE, *RATIOS],
    "default_ratio": ADAPTIVE,
    "min_seconds": 2,
    "max_seconds": 30,
    "chooses_seconds": True,
    "audio_switch": True,
    "frames_per_second": 30,
}

WAN_3_0_PRIME: Final[dict[str, Any]] = {
    **WAN_3_0,
    "name": "wan3.0-video-prime",
    "prices": {"480P": [0.0636, 0.068], "720P": [0.127199, 0.14], "1080P": [0.254399, 0.28]},
}
