"""Looks into the videos and audio files of a request before anything is paid."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, assert_never

from gallop import log
from gallop.adapters.s3 import ranged_reader
from gallop.domain.errors import CallFailed, NoSuchObject
from gallop.domain.faults import Fault
from gallop.domain.media_rules import AudioRules
from gallop.domain.request import clips, references
from gallop.domain.request.clips import Clip, ClipFacts, LinkedClip, StoredClip

if TYPE_CHECKING:
    from gallop.domain.media_rules import ClipRules

_UPLOAD = (
    "Upload it instead: with POST /v1/uploads, which returns an `upload_...` id; "
    "for a batch.jsonl, into the folder of that file, and write its name."
)


def inspect(where: str, clip: Clip, rules: ClipRules) -> Clip | list[Fault]:
    """Measure a clip by reading ranges of it; return it with its facts, or everything that is wrong with it.

    A stored clip is returned with its version and hash as well. Whether it belongs to the client is for the caller to
    check before.

    Raises:
        AwsTrouble: S3 returned an error.

    """
    match clip:
        case LinkedClip():
            return _inspect_linked(where, clip, rules)
        case StoredClip():
            return _inspect_stored(where, clip, rules)
    assert_never(clip)


def _inspect_linked(where: str, clip: LinkedClip, rules: ClipRules) -> Clip | list[Fault]:
    from gallop.adapters import linked_file  # noqa: PLC0415 - its HTTP client is slow to import

    try:
        with linked_file.opened(clip.url) as file:
            found = _facts(where, file, rules)
    except CallFailed as error:
        # The text of this error never has the address.
        log.info("linked clip not readable", error=str(error))
        reason = str(error).rstrip(".")
        detail = f"cannot be measured at its address before it is paid for: {reason[:1].lower()}{reason[1:]}"
        return [Fault(where, detail, _UPLOAD)]
    return replace(clip, facts=found) if isinstance(found, ClipFacts) else found


def _inspect_stored(where: str, clip: StoredClip, rules: ClipRules) -> Clip | list[Fault]:
    try:
        stored = ranged_reader.newest(clip.bucket, clip.key)
    except NoSuchObject:
        return [references.not_there(where)]
    with ranged_reader.opened(stored) as file:
        found = _facts(where, file, rules)
    if not isinstance(found, ClipFacts):
        return found
    sha256 = ranged_reader.sha256_of(stored)
    return replace(clip, version_id=stored.version_id, sha256=sha256, facts=found)


def _facts(where: str, file: BinaryIO, rules: ClipRules) -> ClipFacts | list[Fault]:
    size = file.seek(0, io.SEEK_END)
    if size > rules.max_bytes:
        return [clips.too_large(where, size, rules.max_bytes)]
    from gallop.media import inspect_clip, inspect_sound  # noqa: PLC0415 - most requests have no clip

    if isinstance(rules, AudioRules):
        return inspect_sound.examine(where, file, rules)
    return inspect_clip.examine(where, file, rules)
