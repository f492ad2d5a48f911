"""The current job of a drop, and the jobs that it displaces."""

from __future__ import annotations

import pytest
from gallop.domain.drops.current import NO_JOB, CurrentDrop

A, B, C = ("job_" + letter * 26 for letter in "abc")
WORDS = {"status.json": {"state": "incomplete", "updated_at": "noon"}}


def test_the_first_job_has_nothing_to_clean_up() -> None:
    """Its files are at the drop's path, and no job was displaced."""
    current = CurrentDrop("ad").with_job(A, 1.0)
    assert ("ad", ()) == (current.prefix_for(A), current.displaced)


def test_a_displaced_job_gets_its_own_folder() -> None:
    """It is named by the job's id, below the drop."""
    current = CurrentDrop("ad").with_job(A, 1.0).with_job(B, 2.0)
    assert "ad" == current.prefix_for(B)
    assert f"ad/{A}" == current.prefix_for(A)
    assert (A,) == current.displaced


def test_a_job_that_returns_is_not_displaced() -> None:
    """After A, B, A only B is displaced."""
    current = CurrentDrop("ad").with_job(A, 1.0).with_job(B, 2.0).with_job(A, 3.0)
    assert ("ad", (B,)) == (current.prefix_for(A), current.displaced)


def test_all_jobs_that_were_not_cleaned_up_are_remembered() -> None:
    """However quickly one follows the other, none is forgotten."""
    current = CurrentDrop("ad").with_receipts(WORDS, 1.0).with_job(A, 2.0).with_job(B, 3.0).with_receipts(WORDS, 4.0)
    assert (NO_JOB, A, B) == current.displaced
    assert () == current.cleaned_up().displaced


def test_jobs_without_a_drop_have_their_own_path() -> None:
    """Where nothing was ever replaced, every job is the current one."""
    assert "videos/x" == CurrentDrop("videos/x").prefix_for(A)


@pytest.mark.parametrize(
    ("owner", "name", "expected"),
    [(A, "status.json", True), (C, "status.json", False), (NO_JOB, "error.json", True), (NO_JOB, "status.json", False)],
)
def test_only_outdated_files_are_removed(owner: str, name: str, expected: bool) -> None:
    """These are files of displaced jobs and outdated receipts, never another job's files or current ones."""
    current = CurrentDrop("ad").with_receipts({}, 0.5).with_job(A, 1.0).with_receipts(WORDS, 2.0)
    assert expected == current.may_remove(owner, name)


def test_older_files_do_not_replace_a_job_of_newer_ones() -> None:
    """A function that was delayed between reading and writing comes too late."""
    current = CurrentDrop("ad").with_job(B, 5.0)
    assert current.supersedes(4.0) is True
    assert current.supersedes(5.0) is False
    assert current.supersedes(6.0) is False


def test_receipts_may_be_replaced_by_anything() -> None:
    """They cost nothing, and deleting files makes a drop look older."""
    assert not CurrentDrop("ad").with_receipts(WORDS, 5.0).supersedes(4.0)


def test_a_cancel_applies_to_what_was_uploaded_before_it() -> None:
    """It includes uploads of the same second, because S3's times are whole seconds; later uploads start."""
    current = CurrentDrop("ad").with_cancel(5.0)
    assert current.supersedes(4.0) is True
    assert current.supersedes(5.0) is True
    assert current.supersedes(6.0) is False


def test_equal_receipts_are_not_written_again() -> None:
    """They differ only in the time when they were first written."""
    current = CurrentDrop("ad").with_receipts(WORDS, 1.0)
    assert current.shows({"status.json": {"state": "incomplete", "updated_at": "one"}})
    assert not current.shows({"status.json": {"state": "refused", "updated_at": "noon"}})
    assert not CurrentDrop("ad").shows({})
    assert not current.with_job(A, 2.0).shows({})
