"""Videos and audio files of a request: where they are, what was measured, and what keeps a model from using them."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from gallop.domain.faults import Fault
from gallop.domain.frozen import frozen
from gallop.domain.media_rules import MEBIBYTE, AudioRules, ClipRules, VideoRules

if TYPE_CHECKING:
    from collections.abc import Iterator


@frozen
class ClipFacts:
    """What was measured in a file: its length in seconds, its size as displayed in pixels, frames per second, bytes.

    ``fps`` is the average. An audio file has no width, height and ``fps``: they are 0. ``billed_seconds`` is the
    longest that DashScope may read, with what is hidden and with the sound; 0 is as long as what is shown.
    """

    seconds: float
    width: int
    height: int
    fps: float
    codec: str
    container: str
    size: int
    has_audio: bool
    billed_seconds: float = 0.0

    @property
    def longest_seconds(self) -> float:
        """The seconds that DashScope may bill at most."""
        return max(self.seconds, self.billed_seconds)


@frozen
class LinkedClip:
    """A clip at a public address, which DashScope downloads; ``facts`` are set once it has been inspected."""

    url: str
    facts: ClipFacts | None = None


@frozen
class StoredClip:
    """A clip in the inbox bucket; its version, hash and facts are set once it has been inspected."""

    bucket: str
    key: str
    version_id: str = ""
    sha256: str = ""
    facts: ClipFacts | None = None


# The last frame of a minute's sound may end so much later than the pictures.
_PADDING_SECONDS = 0.1

Clip = LinkedClip | StoredClip


def identity_of(clip: Clip) -> str:
    """Return the identity of a clip: its address, or the hash of its bytes."""
    match clip:
        case LinkedClip(url):
            return f"url:{url}"
        case StoredClip():
            return f"sha256:{clip.sha256}"
    assert_never(clip)


def faults_of(where: str, facts: ClipFacts, rules: ClipRules) -> list[Fault]:
    """Compare what was measured with the limits of a model; return every fault."""
    found = [
        *_faults_of_size(where, facts.size, rules),
        *_faults_of_container(where, facts.container, rules),
        *_faults_of_length(where, facts, rules),
    ]
    if isinstance(rules, AudioRules):
        return found
    return [*found, *_faults_of_codec(where, facts, rules), *_faults_of_picture(where, facts, rules)]


def too_large(where: str, size: int, limit: int) -> Fault:
    """Report a file that is too large; both figures are in bytes."""
    detail = f"is too large: {size / MEBIBYTE:.1f} MB; the maximum is {limit // MEBIBYTE} MB"
    return Fault(where, detail, "Shorten it, or export it at a lower bit rate.")


def _faults_of_size(where: str, size: int, rules: ClipRules) -> Iterator[Fault]:
    if size > rules.max_bytes:
        yield too_large(where, size, rules.max_bytes)


def _faults_of_container(where: str, container: str, rules: ClipRules) -> Iterator[Fault]:
    if container not in rules.containers:
        allowed = _listed(rules.containers)
        yield Fault(where, f"is {container}; {allowed} is required", f"Export it as {rules.containers[0]}.")


def _faults_of_codec(where: str, facts: ClipFacts, rules: VideoRules) -> Iterator[Fault]:
    if facts.codec not in rules.codecs:
        allowed = _listed(rules.codecs)
        detail = f"uses {facts.codec}; {allowed} is required"
        yield Fault(where, detail, f"Export it as MP4 with {rules.codecs[0]}.")


def _faults_of_length(where: str, facts: ClipFacts, rules: ClipRules) -> Iterator[Fault]:
    seconds, longest = f"{plain(facts.seconds)} s", facts.longest_seconds
    if facts.seconds < rules.min_seconds:
        detail = f"is too short: {seconds}; the minimum is {plain(rules.min_seconds)} s"
        yield Fault(where, detail, "Use a longer one.")
    elif facts.seconds > rules.max_seconds:
        detail = f"is too long: {seconds}; the maximum is {plain(rules.max_seconds)} s"
        yield Fault(where, detail, f"Trim it to {plain(rules.max_seconds)} s or less.")
    elif longest > rules.max_seconds + _PADDING_SECONDS:
        limit = f"{plain(rules.max_seconds)} s"
        detail = (
            f"is too long: programs may read {plain(longest)} s, of which {seconds} are shown; the maximum is {limit}"
        )
        yield Fault(where, detail, f"Export it as a new file of {limit} or less.")


def _faults_of_picture(where: str, facts: ClipFacts, rules: VideoRules) -> Iterator[Fault]:
    size = f"is {facts.width} x {facts.height} px"
    short, long = sorted((facts.width, facts.height))
    if short < rules.short_side:
        detail = f"{size}; the shorter side must be at least {rules.short_side} px"
        yield Fault(where, detail, f"Use a video whose shorter side has at least {rules.short_side} px.")
    if long > rules.long_side:
        detail = f"{size}; the longer side must be at most {rules.long_side} px"
        yield Fault(where, detail, f"Scale it so that its longer side has {rules.long_side} px or less.")
    if long > rules.max_aspect * short:
        shape = f"1:{plain(rules.max_aspect)} and {plain(rules.max_aspect)}:1"
        yield Fault(where, f"{size}; its aspect ratio must be between {shape}", "Crop it.")
    if facts.fps <= rules.above_fps:
        detail = f"has {plain(facts.fps)} frames per second; more than {plain(rules.above_fps)} are required"
        yield Fault(where, detail, "Export it at 24 frames per second or more.")


def _listed(names: tuple[str, ...]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def plain(number: float) -> str:
    """Write a number with up to three decimals."""
    return f"{number:.3f}".rstrip("0").rstrip(".")
