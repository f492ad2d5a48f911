"""What stands at the front of a drop, and what has to make room for it."""

from __future__ import annotations

import pytest
from gallop.domain.drops.current import NO_JOB, CurrentDrop

A, B, C = ("job_" + letter * 26 for letter in "abc")
WORDS = {"status.json": {"state": "incomplete", "updated_at": "noon"}}


def test_the_first_job_has_nothing_to_tidy() -> None:
    """Its files lie at the front, and nobody's lie behind."""
    current = CurrentDrop("ad").with_job(A, 1.0)
    assert ("ad", ()) == (current.prefix_for(A), current.displaced)


def test_an_earlier_job_gets_a_folder_of_its_own() -> None:
    """Under its id, below the drop."""
    current = CurrentDrop("ad").with_job(A, 1.0).with_job(B, 2.0)
    assert ("ad", f"ad/{A}", (A,)) == (current.prefix_for(B), current.prefix_for(A), current.displaced)


def test_whoever_comes_back_is_not_behind() -> None:
    """A, B, A: then only B makes room."""
    current = CurrentDrop("ad").with_job(A, 1.0).with_job(B, 2.0).with_job(A, 3.0)
    assert ("ad", (B,)) == (current.prefix_for(A), current.displaced)


def test_all_who_were_not_tidied_up_are_remembered() -> None:
    """However quickly one follows the other."""
    current = CurrentDrop("ad").with_receipts(WORDS, 1.0).with_job(A, 2.0).with_job(B, 3.0).with_receipts(WORDS, 4.0)
    assert (NO_JOB, A, B) == current.displaced
    assert () == current.cleaned_up().displaced


def test_jobs_without_a_drop_have_their_own_place() -> None:
    """Where nothing was ever turned, everyone is at the front."""
    assert "videos/x" == CurrentDrop("videos/x").prefix_for(A)


@pytest.mark.parametrize(
    ("owner", "name", "expected"),
    [(A, "status.json", True), (C, "status.json", False), (NO_JOB, "error.json", True), (NO_JOB, "status.json", False)],
)
def test_only_what_is_left_is_removed(owner: str, name: str, expected: bool) -> None:
    """Files of those who made room, and words that hold no more; never those of a stranger or of today."""
    current = CurrentDrop("ad").with_receipts({}, 0.5).with_job(A, 1.0).with_receipts(WORDS, 2.0)
    assert expected == current.may_remove(owner, name)


def test_older_files_do_not_overtake_a_job_of_newer_ones() -> None:
    """A function that slept between looking and writing comes too late."""
    current = CurrentDrop("ad").with_job(B, 5.0)
    assert (True, False, False) == tuple(current.supersedes(time) for time in (4.0, 5.0, 6.0))


def test_words_can_be_overtaken_by_anything() -> None:
    """No money hangs on them, and taking files away makes a drop look older."""
    assert not CurrentDrop("ad").with_receipts(WORDS, 5.0).supersedes(4.0)


def test_a_cancel_stops_what_was_uploaded_before_it() -> None:
    """And what was uploaded in the same second, which is all that S3 tells; what comes later starts."""
    current = CurrentDrop("ad").with_cancel(5.0)
    assert (True, True, False) == tuple(current.supersedes(time) for time in (4.0, 5.0, 6.0))


def test_the_same_words_need_not_be_said_twice() -> None:
    """Only when they were first said differs."""
    current = CurrentDrop("ad").with_receipts(WORDS, 1.0)
    assert current.shows({"status.json": {"state": "incomplete", "updated_at": "one"}})
    assert not current.shows({"status.json": {"state": "refused", "updated_at": "noon"}})
    assert not CurrentDrop("ad").shows({})
    assert not current.with_job(A, 2.0).shows({})
