"""When DashScope is asked, and how often that can be."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import pytest
from gallop.domain import catalogue, polling
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_DEADLINE_SECONDS = 300 * 60
EXPECTED = sorted(
    {
        polling.expected_seconds(resolution, duration)
        for resolution in ("480P", "720P", "1080P")
        for duration in catalogue.DURATION_SECONDS
    }
)


def questions(expected: float, until: float) -> Iterator[float]:
    """Give the ages at which a task that never ends is asked about."""
    age = float(polling.next_wait(0, expected))
    while age <= until:
        yield age
        age += polling.next_wait(age, expected)


@pytest.mark.parametrize(
    ("resolution", "duration", "seconds"), [("720P", 5, 80), ("1080P", 15, 840), ("1080P", 5, 300)]
)
def test_the_estimate_goes_through_the_published_samples(resolution: str, duration: int, seconds: float) -> None:
    """720P of 5 s took 80 s, 1080P of 15 s 14 minutes, and 1080P of 5 s stays within the 5 minutes spoken of."""
    assert seconds == polling.expected_seconds(resolution, duration)


@pytest.mark.parametrize("expected", EXPECTED)
def test_the_first_question_waits_for_most_of_the_time(expected: float) -> None:
    """Before 60 % of the expected time no question is asked."""
    assert ceil(0.6 * expected) == next(questions(expected, 1e6))


@given(st.floats(0, LONGEST_DEADLINE_SECONDS), st.sampled_from(EXPECTED))
def test_waits_are_whole_seconds_within_bounds(age: float, expected: float) -> None:
    """Never under 3 s, and never over a minute once the first question is due."""
    seconds = polling.next_wait(age, expected)
    assert isinstance(seconds, int)
    assert seconds >= 3
    assert age < 0.6 * expected or seconds <= 60


@given(st.floats(0, LONGEST_DEADLINE_SECONDS), st.sampled_from(EXPECTED))
def test_a_wait_reaches_the_first_question_and_does_not_pass_it(age: float, expected: float) -> None:
    """Whoever asks early is told to come at 60 % of the expected time."""
    first = 0.6 * expected
    if age < first - 3:
        assert first <= age + polling.next_wait(age, expected) < first + 1.001


@pytest.mark.parametrize("expected", EXPECTED)
def test_a_task_is_asked_about_a_bounded_number_of_times(expected: float) -> None:
    """Up to the longest deadline that the template allows, some 350 questions: far from the end of a history."""
    assert 350 >= len(list(questions(expected, LONGEST_DEADLINE_SECONDS)))


@pytest.mark.parametrize("expected", EXPECTED)
def test_an_ordinary_task_is_asked_about_a_few_times(expected: float) -> None:
    """A task that takes as long as expected is noticed soon, by a handful of questions."""
    asked = list(questions(expected, 1.5 * expected))
    noticed = next(age for age in asked if age >= expected)
    assert 7 >= asked.index(noticed) + 1
    assert noticed - expected <= max(3, 0.08 * expected) + 1


@given(st.floats(-10, 1e6), st.floats(-10, 1e6), st.sampled_from(EXPECTED))
def test_progress_grows_and_never_promises_the_end(one: float, other: float, expected: float) -> None:
    """From 0 towards 95, and never back."""
    earlier, later = sorted([one, other])
    before, after = polling.progress_percent(earlier, expected), polling.progress_percent(later, expected)
    assert 0 <= before <= after <= 95


def test_progress_is_not_asked_of_nothing() -> None:
    """A task that is expected to take no time has no progress."""
    assert 0 == polling.progress_percent(10, 0)
