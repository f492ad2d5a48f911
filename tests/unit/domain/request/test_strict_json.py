"""JSON of any shape is read, or refused with a place, in linear time: for bodies, job.json and batch lines alike."""

from __future__ import annotations

import json
import time
from itertools import product

import pytest
from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import MAX_FAULTS
from gallop.domain.request import strict_json
from gallop.domain.request.strict_json import InvalidJson
from hypothesis import given
from hypothesis import strategies as st

# The shapes of public parser test suites: what parsers must accept, must refuse, and read differently.
VALID = (
    *(
        "null",
        "true",
        "-0",
        "1E22",
        "0.5e-2",
        '"\\u0000"',
        '"\\ud83d\\ude00"',
        '"\\ufffe"',
        '"\\/"',
        "[]",
        "{}",
        " [1 ] ",
    ),
    *(
        "[[[]],{}]",
        '{"":0}',
        '{"a":{"a":1}}',
        '[{"a":1},{"a":2}]',
        '"\u2028"',
        "\t\r\n 1",
        '"\x7f"',
        "123456789012345678",
    ),
)
INVALID = (
    *(
        "",
        " ",
        "{",
        "[",
        '"',
        "{]",
        "[}",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1 2]",
        '{"a":1,}',
        '{"a"}',
        '{"a":}',
        "{a:1}",
        "{1:1}",
    ),
    *(
        "{'a':1}",
        '["a',
        '["\\x"]',
        '["\\u12"]',
        '["\t"]',
        '["\n"]',
        '["\0"]',
        "[01]",
        "[+1]",
        "[.5]",
        "[1.]",
        "[1e]",
        "[0x1]",
    ),
    *(
        "[-]",
        "[--1]",
        "[1e1.5]",
        "nul",
        "True",
        "[undefined]",
        "[NaN]",
        "[-Infinity]",
        "[Infinity]",
        "[nan]",
        "1 2",
        "{}}",
    ),
    *(
        "[1e999]",
        "[-1e999]",
        "[1e999x]",
        "[NaNx]",
        "/**/{}",
        "{}#",
        "<a/>",
        "\u00a01",
        "\u2060[]",
        "[\uff11]",
        "[1\u0660]",
        "\ufeff\ufeff1",
    ),
)
AMBIGUOUS = (
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '[{"b":{"c":1,"c":1}}]',
    '{"":1,"":1}',
    '{"\\ud800":1,"\\ud800":2}',
)
SPACES = ("", " ", "\n", "\n\t ", "\r\n")


@pytest.mark.parametrize(("text", "space"), list(product(VALID, SPACES)))
def test_valid_json_is_read_as_by_every_parser(text: str, space: str) -> None:
    """Space around it, and a byte order mark before it, change nothing."""
    assert json.loads(text) == strict_json.load(f"{space}{text}{space}").value
    assert json.loads(text) == strict_json.load(f"\ufeff{text}").value


@pytest.mark.parametrize(("text", "space"), list(product(INVALID, SPACES)))
def test_invalid_json_is_refused_with_its_place(text: str, space: str) -> None:
    """Line and column count from 1, and are inside of the text or just behind it."""
    with pytest.raises(InvalidJson) as refused:
        strict_json.load(f"{space}{text}")
    lines = f"{space}{text}".split("\n")
    assert refused.value.line
    assert refused.value.column
    assert refused.value.line <= len(lines)
    assert refused.value.column <= len(lines[refused.value.line - 1]) + 1


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_a_name_that_occurs_twice_is_named_with_its_place(text: str) -> None:
    """Parsers differ in which value counts. Escapes do not hide that two names are equal."""
    (fault,) = strict_json.load(f"\n{text}").duplicates
    assert 2 == fault.line
    assert fault.column
    assert "twice in one object" in fault.detail


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"a": [1,\n 2, NaN]}', 2, 5),
        ('{"a": "NaN",\n\n "b": NaN}', 3, 7),
        ('{"1e999": 1, "b": 1e999}', 1, 19),
        (f'["{"9" * 41}", {"9" * 41}]', 1, 47),
        ('{"a": 1,\n "b": {"a": 2},\n "a": 3}', 3, 2),
        (" " * 7 + "[" * 33 + "]" * 33, 1, 40),
        ('{"a": "[[[[", "b": ' + "[" * 33 + "]" * 33 + "}", 1, 51),
    ],
)
def test_the_place_is_that_of_the_problem(text: str, line: int, column: int) -> None:
    """A string that looks like the problem is not its place."""
    with pytest.raises(InvalidRequest) as refused:
        strict_json.parse(text)
    (fault,) = refused.value.faults
    assert (line, column) == (fault.line, fault.column)


def test_nesting_has_a_limit() -> None:
    """32 levels are read, and any deeper text is refused without recursion."""
    assert strict_json.load("[" * 32 + "]" * 32).value
    for text in ("[" * 33 + "]" * 33, '{"a":' * 33 + "1" + "}" * 33, "[" * 1_000_000, '{"a":' * 300_000):
        with pytest.raises(InvalidJson, match="nested too deeply"):
            strict_json.load(text)


def test_many_duplicates_are_the_first_ones_and_a_number() -> None:
    """The list of problems is bounded."""
    faults = strict_json.load("{" + ",".join(f'"{n}":0,"{n}":0' for n in range(2500)) + "}").duplicates
    assert (MAX_FAULTS + 1, 2400) == (len(faults), faults[-1].omitted)


@pytest.mark.parametrize(
    "text",
    [
        "{" + ",".join(f'"name{number}": {number}' for number in range(120_000)) + "}",
        "{" + ",".join(f'"{number % 60_000}": 0' for number in range(120_000)) + "}",
        '{"a": "' + '\\"' * 1_000_000 + '"}',
        '{"a": ' + '"' + "\\\\" * 1_000_000 + '", "a": 1}',
        "[" + ",".join(['"x"'] * 400_000) + ", NaN]",
        "[" + "1," * 400_000 + "9" * 2_000_000 + "]",
        "[" * 1_000_000 + '"' + '\\"' * 500_000,
    ],
    ids=["names", "duplicates", "escapes", "escapes before a duplicate", "a late NaN", "digits", "an open string"],
)
def test_large_texts_take_linear_time(text: str) -> None:
    """Megabytes take a second or two; with a check of every pair of names they would take minutes."""
    began = time.process_time()
    try:
        strict_json.load(text)
    except InvalidJson as refused:
        assert refused.line  # noqa: PT017 - it may be read as well
    assert 8 > time.process_time() - began


@given(st.text() | st.text(alphabet='{}[]",:\\0eE.-+naN \n'))
def test_no_text_crashes_the_reader(text: str) -> None:
    """Any text has a value, or a problem with a remedy."""
    try:
        document = strict_json.load(text)
    except InvalidJson as refused:
        assert refused.problem  # noqa: PT017 - it may be read as well
        assert refused.remedy  # noqa: PT017
    else:
        assert json.dumps(document.value)
