"""Lists of faults are bounded, and what comes from outside is shown in a form that can be encoded."""

from __future__ import annotations

import json

import pytest
from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import MAX_FAULTS, Fault, bounded, fault_from, listing, omitted, pointer_to, shown

MANY = [Fault(f"/{number}", "is wrong", "Fix it.") for number in range(2500)]


def test_an_error_has_the_first_faults_and_how_many_more() -> None:
    """The message says it, too."""
    error = InvalidRequest(MANY)
    view = listing(error.faults)
    assert [f"/{number}" for number in range(MAX_FAULTS)] == [fault["pointer"] for fault in view["faults"]]
    assert 2400 == view["omitted"]
    assert str(error).endswith("; 2,400 more problems are not listed")


def test_few_faults_are_all_listed() -> None:
    """Nothing is said about others."""
    assert {"faults": [fault.view() for fault in MANY[:100]]} == listing(MANY[:100])


def test_bounded_lists_can_be_joined() -> None:
    """The number that they omit is added up, however often they are bounded and stored."""
    stored = [fault_from(fault.view()) for fault in bounded(MANY[:300], 3)]
    joined = bounded([*bounded(MANY[:250]), *stored, *omitted(7)])
    assert 250 + 300 + 7 == len(joined) - 1 + joined[-1].omitted
    assert 1 == len([fault for fault in joined if fault.omitted])
    assert "1 more problem is not listed" == omitted(1)[0].detail


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("中文", '"中文"'),
        ("\ud800", '"\\ud800"'),
        ({"\udfaa": 1}, '{"\\udfaa": 1}'),
        ("\x00\x1b[31m", '"\\u0000\\u001b[31m"'),
        ("a" * 100, '"' + "a" * 56 + "..."),
    ],
)
def test_a_value_is_shown_on_one_short_line(value: object, expected: str) -> None:
    """It can be encoded in UTF-8, and has no control characters."""
    assert expected == shown(value)


@pytest.mark.parametrize("name", ["\udfaa", "a/b~c", "中" * 5000, "\x00", "</script>", ""])
def test_a_pointer_has_any_name(name: str) -> None:
    """It is a JSON pointer in valid Unicode, and short."""
    pointer = pointer_to(name)
    assert json.loads(json.dumps(pointer).encode()) == pointer
    assert pointer.encode().startswith(b"/")
    assert 1 == pointer.count("/")
    assert len(pointer) <= 161
