"""Downloads of one file by several runs at the same time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gallop.client.downloads import _Part
from gallop.client.jobs import StoredFile

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"A whole video."


def part(folder: Path) -> _Part:
    """Begin or continue a download."""
    stored = StoredFile(len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "video/mp4", "s3://results/two.mp4")
    return _Part(folder / ".two.mp4.part", "two.mp4", stored, None)


def test_two_runs_write_two_files(tmp_path: Path) -> None:
    """The bytes of neither get between those of the other; what nobody continues is gone."""
    first, second = part(tmp_path), part(tmp_path)
    for piece in (CONTENT[:5], CONTENT[5:]):
        for one in (first, second):
            one._take(piece)  # noqa: SLF001 - as an answer does
    assert first.is_stored()
    assert second.is_stored()
    first.close()
    second.close()
    assert [first.path] == [*tmp_path.iterdir()]


def test_a_run_continues_what_an_earlier_one_left(tmp_path: Path) -> None:
    """After it has ended, however it ended."""
    first = part(tmp_path)
    first._take(CONTENT[:5])  # noqa: SLF001
    first.close()
    second = part(tmp_path)
    assert 5 == second.done
    second.close()
