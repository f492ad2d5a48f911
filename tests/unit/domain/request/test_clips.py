"""What is measured in a clip, compared with the limits of a model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gallop.domain.media_rules import MEBIBYTE, AudioRules, ImageRules, VideoRules
from gallop.domain.request import clips, media
from gallop.domain.request.clips import ClipFacts, LinkedClip, StoredClip
from gallop.domain.request.media import Medium

RULES = VideoRules(3, 60, 360, 4096, 2.5, 100 * MEBIBYTE, 8)
GOOD = ClipFacts(6.62, 1280, 720, 29.97, "H.264", "MP4", 5_000_000, has_audio=True)


@pytest.mark.parametrize(
    ("change", "detail", "remedy"),
    [
        ({"seconds": 2.999}, "is too short: 2.999 s; the minimum is 3 s", "Use a longer one."),
        ({"seconds": 60.02}, "is too long: 60.02 s; the maximum is 60 s", "Trim it to 60 s or less."),
        (
            {"seconds": 59, "billed_seconds": 62},
            "is too long: programs may read 62 s, of which 59 s are shown; the maximum is 60 s",
            "Export it as a new file of 60 s or less.",
        ),
        (
            {"seconds": 2.9, "billed_seconds": 5},
            "is too short: 2.9 s; the minimum is 3 s",
            "Use a longer one.",
        ),
        (
            {"fps": 7.5},
            "has 7.5 frames per second; more than 8 are required",
            "Export it at 24 frames per second or more.",
        ),
        (
            {"size": 150 * MEBIBYTE},
            "is too large: 150.0 MB; the maximum is 100 MB",
            "Shorten it, or export it at a lower bit rate.",
        ),
        (
            {"height": 359, "width": 700},
            "is 700 x 359 px; the shorter side must be at least 360 px",
            "Use a video whose shorter side has at least 360 px.",
        ),
        (
            {"width": 4097, "height": 2000},
            "is 4097 x 2000 px; the longer side must be at most 4096 px",
            "Scale it so that its longer side has 4096 px or less.",
        ),
        ({"codec": "AV1"}, "uses AV1; H.264 or HEVC is required", "Export it as MP4 with H.264."),
        ({"container": "3GP"}, "is 3GP; MP4 or MOV is required", "Export it as MP4."),
    ],
)
def test_a_problem_says_what_is_wrong_and_what_to_do(change: dict[str, float | str], detail: str, remedy: str) -> None:
    """With the figure that was measured and the limit, and only about what is wrong."""
    (fault,) = clips.faults_of("/video", replace(GOOD, **change), RULES)  # type: ignore[arg-type] # any field
    assert "/video" == fault.pointer
    assert detail == fault.detail
    assert remedy == fault.remedy


def test_what_is_within_all_limits_has_no_problem() -> None:
    """Whatever its shape."""
    assert [] == clips.faults_of("/video", GOOD, RULES)
    assert [] == clips.faults_of("/video", replace(GOOD, width=720, height=1280), RULES)
    assert [] == clips.faults_of("/video", replace(GOOD, width=4096, height=2304, seconds=60), RULES)
    assert [] == clips.faults_of("/video", replace(GOOD, seconds=60, billed_seconds=60.09), RULES)


def test_every_limit_is_checked_at_once() -> None:
    """Also for sounds, which have no picture."""
    bad = ClipFacts(1, 5000, 100, 5, "VP9", "3GP", 200 * MEBIBYTE, has_audio=False)
    assert 8 == len(clips.faults_of("/video", bad, RULES))
    assert 3 == len(clips.faults_of("/audio", bad, AudioRules(2, 15, 15 * MEBIBYTE)))


def test_the_limits_of_a_model_are_data() -> None:
    """They can be compared, and another model has others."""
    assert ImageRules(300, 2.5, 20 * MEBIBYTE) == ImageRules(300, 2.5, 20 * MEBIBYTE)
    assert [] == clips.faults_of("/video", replace(GOOD, codec="AV1"), replace(RULES, codecs=("AV1",)))
    (fault,) = clips.faults_of("/video", GOOD, replace(RULES, codecs=("AV1", "VP9", "ProRes")))
    assert "uses H.264; AV1, VP9 or ProRes is required" == fault.detail


def test_a_client_sees_what_is_shown() -> None:
    """What may be billed is in the estimate."""
    view = media.view(Medium("video", LinkedClip("https://example.com/a.mp4", replace(GOOD, billed_seconds=7))))
    assert 6.62 == view["seconds"]
    assert "billed_seconds" not in view


def test_the_identity_of_a_clip_is_its_content_or_its_address() -> None:
    """Two uploads of the same bytes are the same."""
    assert "url:https://a.example/v.mp4" == clips.identity_of(LinkedClip("https://a.example/v.mp4", GOOD))
    first, second = (StoredClip("b", key, f"v{key}", "abc", GOOD) for key in ("uploads/1", "uploads/2"))
    assert "sha256:abc" == clips.identity_of(first)
    assert clips.identity_of(first) == clips.identity_of(second)
