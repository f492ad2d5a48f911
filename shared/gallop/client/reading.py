"""Requests from what callers have: arguments, or a folder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop.client import sources
from gallop.client.requests import IMAGES, Request

if TYPE_CHECKING:
    import os

    from gallop.client.requests import Options
    from gallop.client.sources import Source

SEVERAL = 2


def read(prompt: str, options: Options, again: object, n: int = 1) -> Request:
    """Return the request of these arguments, for ``n`` videos; reads and hashes the files.

    Raises:
        OSError: a file cannot be read.
        TypeError: ``images`` is one image instead of several, or ``n`` is among the options.

    """
    if "n" in options:
        raise TypeError("make creates one job; for several videos, use make_group.")
    fields: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    fields |= {} if n == 1 else {"n": n}
    images = fields.pop(IMAGES, ())
    if isinstance(images, str | bytes):
        raise TypeError("images must be a list of images; for one image, write images=[image].")
    media: list[tuple[str, Source]] = [(IMAGES, image) for image in images]
    media += [(name, fields.pop(name)) for name in ("first_frame", "video") if name in fields]
    if prompt:
        fields["prompt"] = prompt
    return Request(fields, tuple((name, sources.read(source)) for name, source in media), _again(again))


def read_group(prompt: str, options: Options, again: object, n: int) -> Request:
    """Return the request of these arguments, for several videos.

    Raises:
        OSError, TypeError: as above.
        ValueError: it is for one video.

    """
    if n < SEVERAL:
        raise ValueError(f"n must be {SEVERAL} or more; for one video, use make.")
    return read(prompt, options, again, n)


def read_folder(path: str | os.PathLike[str], again: object, n: int | None = 1) -> Request:
    """Return the request of a folder, for ``n`` videos; None is as many as its job.json says.

    Raises:
        OSError: it or one of its files cannot be read.
        Refused: files are missing or wrong.

    """
    from gallop.client import folders  # noqa: PLC0415 - the rules of drops take as long to import as all the rest

    found = folders.read(path, _again(again))
    if n is None:
        return found
    fields = {name: value for name, value in found.fields.items() if name != "n"}
    return replace(found, fields=fields if n == 1 else {**fields, "n": n})


def _again(again: object) -> str:
    return "" if again is None else str(again)
