"""Looks into the videos and audio files of a request before anything is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gallop.domain.faults import Fault
    from gallop.domain.media_rules import ClipRules
    from gallop.domain.request.clips import Clip


def inspect(where: str, clip: Clip, rules: ClipRules) -> Clip | list[Fault]:
    """Measure a clip by reading ranges of it; return it with its facts, or everything that is wrong with it.

    A stored clip is returned with its version and hash as well. Whether it belongs to the client is for the caller to
    check before.

    Raises:
        AwsTrouble: S3 returned an error.

    """
    raise NotImplementedError
