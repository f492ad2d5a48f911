"""The images, videos and audio files of a request: each in one of the media fields of its model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen
from gallop.domain.request import clips, images
from gallop.domain.request.clips import Clip, LinkedClip, StoredClip
from gallop.domain.request.images import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gallop.domain.faults import Fault

IMAGES = "images"
"""The field of reference images."""

Source = Image | Clip
Inspected = Source | list["Fault"]


@frozen
class Medium:
    """A file of a request: ``field`` is the media field that it was sent in."""

    field: str
    source: Source


def identity_of(medium: Medium) -> str:
    """Return the identity of a file: its field (unless a reference image), and its address or the hash of its bytes."""
    source = medium.source
    identity = clips.identity_of(source) if isinstance(source, Clip) else images.identity_of(source)
    return identity if medium.field == IMAGES else f"{medium.field}:{identity}"


def facts_of(media: Iterable[Medium], field: str) -> list[clips.ClipFacts]:
    """Return what was measured in the videos or audio files of a field."""
    sources = [medium.source for medium in media if medium.field == field]
    return [source.facts for source in sources if isinstance(source, LinkedClip | StoredClip) and source.facts]


def record(source: Source) -> dict[str, Any]:
    """Return where a file is, and what was measured; an inline image must be stored first.

    Raises:
        TypeError: the file is an inline image.

    """
    if isinstance(source, LinkedClip | StoredClip):
        return {name: value for name, value in asdict(source).items() if value is not None}
    return images.image_record(source)


def view(medium: Medium) -> dict[str, Any]:
    """Describe a file as its client sees it: its field, and what was measured in a video or audio file."""
    facts = getattr(medium.source, "facts", None)
    measured = {} if facts is None else asdict(facts)
    # The estimate shows it.
    measured.pop("billed_seconds", None)
    return {"field": medium.field, **measured}
