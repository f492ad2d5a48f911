"""The table of a batch."""

from __future__ import annotations

import csv
import io

import pytest
from gallop.domain.drops import batch as batches
from gallop.domain.drops.batch import LineOutcome
from hypothesis import given
from hypothesis import strategies as st

SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


def row(outcome: LineOutcome) -> dict[str, str]:
    """Return the row of an outcome, as spreadsheets read it."""
    (found,) = csv.DictReader(io.StringIO(batches.table([outcome], "results")))
    return found


def test_a_video_is_named_by_its_address() -> None:
    """It can be copied as it is, and no folder's name is at the start of the cell."""
    video = row(LineOutcome(line=1, state="succeeded", video="=cmd|x/batch/00001/video.mp4"))["video"]
    assert "s3://results/=cmd|x/batch/00001/video.mp4" == video
    assert not row(LineOutcome(line=1, state="refused"))["video"]


@given(st.text(st.sampled_from(SIGNS + "; a'\"") | st.characters(codec="utf-8")), st.sampled_from(SIGNS))
def test_no_cell_is_a_formula(text: str, sign: str) -> None:
    """Not even where the separator is a semicolon, or spaces precede the sign."""
    error = row(LineOutcome(line=1, state="refused", error=f"{sign}{text}"))["error"]
    for part in error.split(";"):
        assert not part.strip().startswith(tuple(SIGNS))
        assert part.isprintable() or not set(part) & set("\t\r\n")


@pytest.mark.parametrize("length", [999, 1000, 1001, 100_000])
def test_a_cell_is_bounded(length: int) -> None:
    """Spreadsheets cut at 32,767 characters, or refuse the file."""
    error = row(LineOutcome(line=1, state="refused", error="x" * length))["error"]
    assert min(length, 1000) == len(error)
    assert error.endswith("...") == (length > 1000)
