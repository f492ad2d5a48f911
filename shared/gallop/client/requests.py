"""A request for a video: its fields, its files, and the Idempotency-Key that follows from both."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from gallop.client import sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gallop.client.sources import Local, Source

IMAGES = "images"
# Changes with the way in which keys are made: keys of two ways never meet.
_KEY_PREFIX = "gallop-1-"


class Options(TypedDict, total=False):
    """What a request may have besides its prompt; docs/https-door.md has the limits of each model.

    ``images`` are up to nine reference images. ``first_frame`` is the image with which the video begins, and ``video``
    one to edit, of up to 100 MB. The files decide the kind of the video, or else ``model`` does. ``resolution`` decides
    the price, and is 720P by default. ``ratio`` is the shape, such as ``16:9``. ``duration`` is in seconds, 5 by
    default. The same ``seed`` gives similar videos. ``watermark`` is the
    visible one; the operator of the stack sets its default. ``audio`` is the sound of an
    edited video. ``metadata`` is yours, and returned with the job. ``priority`` (0 to 9) orders your own waiting jobs.
    ``webhook`` is a path at the host of one of your endpoints. ``account`` is the DashScope account of the stack on
    which the job must run, and ``tags`` those that its account must have, such as ``{"region": "eu"}``.
    """

    images: Iterable[Source]
    first_frame: Source
    video: Source
    model: str
    resolution: Literal["480P", "720P", "1080P"]
    ratio: str
    duration: int
    seed: int
    watermark: bool
    audio: Literal["auto", "origin"]
    metadata: Mapping[str, Any]
    priority: int
    webhook: str
    account: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """The fields of a request without its files, and its files by their fields, in order."""

    fields: Mapping[str, Any] = field(repr=False)
    media: tuple[tuple[str, str | Local], ...] = field(repr=False)
    again: str = ""

    @property
    def key(self) -> str:
        """The Idempotency-Key: a hash of everything that defines the job, with the bytes of its files."""
        media = [[name, sources.identity_of(source)] for name, source in self.media]
        content = json.dumps([self.fields, media, self.again], sort_keys=True, separators=(",", ":"))
        return _KEY_PREFIX + hashlib.sha256(content.encode()).hexdigest()

    @property
    def local(self) -> list[Local]:
        """The files on this machine, each once."""
        found = {source.sha256: source for _, source in self.media if not isinstance(source, str)}
        return list(found.values())

    def body(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Return the JSON of the request; ``addresses`` has those of the files on this machine, by their SHA-256."""
        made: dict[str, Any] = dict(self.fields)
        for name, source in self.media:
            address = source if isinstance(source, str) else addresses[source.sha256]
            if name == IMAGES:
                made.setdefault(name, []).append(address)
            else:
                made[name] = address
        return made
