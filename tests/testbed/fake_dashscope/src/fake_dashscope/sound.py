"""The AAC sound of a video: a quiet tone, or that of the video that is edited."""

from __future__ import annotations

from array import array
from math import pi, sin
from typing import TYPE_CHECKING, Literal

import av
from av.audio.frame import AudioFrame

if TYPE_CHECKING:
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer

Sound = Literal["none", "generated", "edited", "origin"]
SAMPLE_RATE = 48_000
AAC_SAMPLES = 1024
BIT_RATE = 32_000
VOLUME = 0.02
PERIODS = {"generated": 128, "edited": 64}  # samples; 375 Hz and 750 Hz, so that a test can tell them apart


def add(container: OutputContainer, sound: Sound, seconds: float, origin: Path | None) -> None:
    """Add a track of ``seconds``; an origin without sound, or that was not downloaded, is silent."""
    if sound == "none":
        return
    track = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
    track.bit_rate = BIT_RATE
    if not (sound == "origin" and origin is not None and _copy(container, track, origin, seconds)):
        _tone(container, track, PERIODS.get(sound, 0), seconds)
    container.mux(track.encode(None))


def _tone(container: OutputContainer, track: AudioStream, period: int, seconds: float) -> None:
    wave = array("f", (VOLUME * sin(2 * pi * at / period) if period else 0.0 for at in range(AAC_SAMPLES))).tobytes()
    for index in range(int(seconds * SAMPLE_RATE) // AAC_SAMPLES - 1):
        frame = AudioFrame(format="fltp", layout="stereo", samples=AAC_SAMPLES)
        for plane in frame.planes:
            plane.update(wave)
        frame.sample_rate = SAMPLE_RATE
        frame.pts = index * AAC_SAMPLES
        container.mux(track.encode(frame))


def _copy(container: OutputContainer, track: AudioStream, origin: Path, seconds: float) -> bool:
    """Encode the sound of ``origin`` again, up to ``seconds``; return whether it has any."""
    with av.open(str(origin)) as source:
        if not source.streams.audio:
            return False
        limit = seconds - 2 * AAC_SAMPLES / SAMPLE_RATE
        for frame in source.decode(audio=0):
            if (frame.time or 0.0) + frame.samples / frame.sample_rate > limit:
                break
            frame.pts = None
            container.mux(track.encode(frame))
    return True
