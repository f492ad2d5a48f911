"""The rendered videos: each is rendered once, when first needed, and kept as long as the fake."""

from __future__ import annotations

import hashlib
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_dashscope.order import Order
    from fake_dashscope.render import Script
    from fake_dashscope.sound import Sound
    from fake_dashscope.task import Task

CHUNK = 256 * 1024
BOX_HEAD = 8
LARGE_BOX_HEAD = 16


@dataclass(frozen=True, slots=True)
class Film:
    """A finished MP4: the rendered file, a box that names the task, and padding generated while it is read."""

    path: Path
    file_size: int
    tag: bytes
    padding: int = 0

    @property
    def size(self) -> int:
        """The size of the MP4 in bytes."""
        return self.file_size + len(self.tag) + self.padding

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` up to ``stop``, in chunks."""
        with self.path.open("rb") as file:
            while start < min(stop, self.file_size):
                file.seek(start)
                chunk = file.read(min(CHUNK, stop - start))
                start += len(chunk)
                yield chunk
        tail = self.tag + _box_head(self.padding)
        offset = start - self.file_size
        if offset < len(tail) and start < stop:
            chunk = tail[offset : offset + stop - start]
            start += len(chunk)
            yield chunk
        nothing = bytes(CHUNK)
        while start < stop:
            chunk = nothing[: min(CHUNK, stop - start)]
            start += len(chunk)
            yield chunk


def _box_head(size: int) -> bytes:
    """Return the head of an MP4 ``free`` box of ``size`` bytes in total."""
    if not size:
        return b""
    return struct.pack(">I4sQ", 1, b"free", size)


class Studio:
    """Renders the videos of tasks; the same content is rendered once."""

    def __init__(self, folder: Path, audio: bool) -> None:
        """Keep the videos under ``folder``, with a sound track if ``audio``."""
        self._folder = folder
        self._audio = audio
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self.closing = threading.Event()

    def film(self, task: Task) -> Film:
        """Return the video of a succeeded task; renders it if necessary."""
        script = self._script(task)
        name = hashlib.sha256(repr(script).encode()).hexdigest()
        path = self._folder / f"{name}.mp4"
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if not path.exists():
                self._render(script, path)
        return _film(task, path)

    def _script(self, task: Task) -> Script:
        from fake_dashscope import render  # noqa: PLC0415  the image and video libraries are heavy

        order, inputs = task.order, task.inputs
        assert inputs is not None
        edited = next((medium for medium in inputs.media if order.model.rule(medium.type).sets_length), None)
        rate = order.model.frames_per_second
        frames = round(inputs.output_seconds * rate)
        return render.Script(inputs.media, inputs.size, frames, order.watermark, self._sound(order), rate, edited)

    def _sound(self, order: Order) -> Sound:
        if not (self._audio and order.audio):
            return "none"
        if order.model.has_duration:
            return "generated"
        return "origin" if order.audio_setting == "origin" else "edited"

    def _render(self, script: Script, path: Path) -> None:
        from fake_dashscope import render  # noqa: PLC0415  as above

        unfinished = path.with_suffix(".part")
        render.render(script, unfinished, self.closing.is_set)
        unfinished.rename(path)


def _film(task: Task, path: Path) -> Film:
    size = path.stat().st_size
    text = f"task {task.id}".encode()
    tag = struct.pack(">I4s", BOX_HEAD + len(text), b"free") + text
    wanted = int(task.fault.options["bytes"]) if task.fault and task.fault_kind == "result_size" else 0
    padding = wanted - size - len(tag)
    return Film(path, size, tag, padding if padding >= LARGE_BOX_HEAD else 0)
