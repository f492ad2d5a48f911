"""Audio files by their content: length and format, and every reason for which one is refused."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest
from gallop.domain.media_rules import MEBIBYTE, AudioRules
from gallop.domain.request.clips import ClipFacts
from gallop.media import inspect_sound

from tests.support.clips import box, clip, sound
from tests.support.pictures import picture

if TYPE_CHECKING:
    from gallop.domain.faults import Fault

RULES = AudioRules(min_seconds=1, max_seconds=15, max_bytes=15 * MEBIBYTE)


def examined(data: bytes) -> ClipFacts | list[Fault]:
    """Examine an audio file."""
    return inspect_sound.examine("/audio", io.BytesIO(data), RULES)


def problems_of(data: bytes) -> list[str]:
    """Return what is wrong with an audio file that is refused."""
    result = examined(data)
    assert isinstance(result, list), result
    return [fault.detail for fault in result]


@pytest.mark.parametrize(
    ("form", "codec", "container", "name"),
    [
        ("wav", "pcm_s16le", "WAV", "PCM"),
        ("mp3", "libmp3lame", "MP3", "MP3"),
        ("ipod", "aac", "M4A", "AAC"),
        ("mp4", "aac", "M4A", "AAC"),
    ],
)
def test_length_and_format_are_measured(form: str, codec: str, container: str, name: str) -> None:
    """WAV, MP3 (its frames are counted) and M4A, also under the brand of videos."""
    facts = examined(sound(3, form=form, codec=codec))
    assert isinstance(facts, ClipFacts), facts
    # Codecs work in frames of a fiftieth of a second, and MP3 begins with a description of itself.
    assert pytest.approx(3, abs=0.1) == facts.seconds
    assert (container, name) == (facts.container, facts.codec)
    assert 0 == facts.width == facts.height == facts.fps
    assert facts.has_audio


@pytest.mark.parametrize(("seconds", "problem"), [(0.5, "is too short: 0.5"), (16, "is too long: 16")])
@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_limits_are_checked(seconds: float, problem: str, form: str) -> None:
    """By the length in the file."""
    codec = {"wav": "pcm_s16le", "mp3": "libmp3lame"}[form]
    (found,) = problems_of(sound(seconds, form=form, codec=codec))
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (picture(), "is not a supported audio file: its content looks like an image"),
        (clip(), "is not a supported audio file: its content looks like a video"),
        (clip(form="mkv"), "is not a supported audio file: its content looks like a video"),
        (b"Some text." * 9, "is not a supported audio file: its content looks like another type of file"),
        (sound(3)[:-500], "is damaged or incomplete: it ends too early"),
        (sound(3)[:30], "is damaged or incomplete: it ends too early"),
        (sound(3, form="ipod", codec="aac")[:-500], "is damaged or incomplete: it ends too early"),
        (b"ID3\4" + bytes(99), "is damaged or incomplete: it has no MP3 frames"),
        (box(b"ftyp", b"M4A " + bytes(4)) + box(b"mdat"), "is damaged or incomplete: it has no index (moov box)"),
    ],
)
def test_other_files_are_refused(data: bytes, problem: str) -> None:
    """The answer says what they are; nothing is raised."""
    assert [problem] == problems_of(data)


def test_a_wav_file_that_was_streamed_does_not_know_its_length() -> None:
    """What follows is its sound."""
    data = sound(3)
    place = data.index(b"data") + 4
    facts = examined(data[:place] + struct.pack("<I", 0xFFFFFFFF) + data[place + 4 :])
    assert isinstance(facts, ClipFacts)
    assert 3 == facts.seconds
