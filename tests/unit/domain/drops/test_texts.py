"""The texts of a drop, as common editors save them."""

from __future__ import annotations

import json

import pytest
from gallop.domain.drops import texts
from gallop.domain.faults import Fault
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "data",
    [
        "Grüße, 世界\nzweite Zeile".encode(),
        "Grüße, 世界\r\nzweite Zeile".encode("utf-8-sig"),
        b"\xff\xfe" + "Grüße, 世界\nzweite Zeile".encode("utf-16-le"),
        b"\xfe\xff" + "Grüße, 世界\r\nzweite Zeile".encode("utf-16-be"),
        "Grüße, 世界\r\nzweite Zeile".encode("utf-16-le"),
        "Grüße, 世界\nzweite Zeile".encode("utf-16-be"),
        "Grüße, 世界\rzweite Zeile".encode(),
    ],
)
def test_a_text_is_read_as_its_editor_saved_it(data: bytes) -> None:
    """UTF-8 and UTF-16 are read, with or without a byte order mark, with line ends of Windows, old Macs and Unix."""
    assert "Grüße, 世界\nzweite Zeile" == texts.decode("prompt.txt", data)


@pytest.mark.parametrize(
    "data", ["Grüße".encode("latin-1"), b"\xff\xfea", b"\xff\xfe\x00\xd8", b"\x89PNG\r\n\x1a\n", b"a\0b"]
)
def test_a_file_that_is_not_a_text_is_refused(data: bytes) -> None:
    """A prompt of guessed characters would be charged."""
    fault = texts.decode("prompt.txt", data)
    assert isinstance(fault, Fault)
    assert fault.detail in {"is not valid UTF-8 text", "is not a text file"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{\n  "prompt": "x"\n  "ratio": "1:1"\n}', "line 3, column 3: is not valid JSON: Expecting ',' delimiter"),
        ("", "line 1, column 1: is not valid JSON: Expecting value"),
        ("{'prompt': 'x'}", "line 1, column 2: is not valid JSON"),
        ('["x"]', "is not a JSON object"),
        ('"x"', "is not a JSON object"),
        ("[" * 100_000, "line 1, column 33: is nested too deeply"),
        ('{"seed": ' + "9" * 5000 + "}", "line 1, column 10: contains a number of 5,000 digits"),
        ('{"metadata": {"a": NaN}}', "line 1, column 20: is not valid JSON: NaN is not a number"),
        ('{"metadata": {"a": -1e999}}', "line 1, column 20: contains a number that is out of range: -1e999"),
        ('{"images": "1.jpg"}', "has an invalid list of images"),
        ('{"first_frame": ["1.jpg"]}', "has an invalid first_frame"),
        ('{"video": 7}', "has an invalid video"),
        ('{"images": [1]}', "has an invalid list of images"),
    ],
)
def test_invalid_settings_are_reported_with_their_location(text: str, problem: str) -> None:
    """A problem in job.json has line and column, if there are any."""
    _, (fault,) = texts.read_settings("job.json", text)
    assert "job.json" == fault.file
    assert problem in fault.message


def test_other_fields_are_checked_despite_a_problem() -> None:
    """The rest is checked, so that all problems are reported at once."""
    fields, faults = texts.read_settings(
        "job.json", '{"seed": 1, "images": "1.jpg", "seed": 2, "metadata": {"a": 1, "a": 2}}'
    )
    assert {"seed": 2, "metadata": {"a": 2}} == fields
    expected = [
        'contains "seed" twice in one object',
        'contains "a" twice in one object',
        "has an invalid list of images",
    ]
    assert expected == [fault.detail for fault in faults]


def test_curly_quotation_marks_are_pointed_out() -> None:
    """Word processors insert them, and a parser's message would not help."""
    _, (fault,) = texts.read_settings("job.json", "{\u201cprompt\u201d: 1}")
    assert "straight" in fault.remedy


def test_a_document_is_distinguished_from_a_text() -> None:
    """TextEdit saves RTF under any name."""
    fault = texts.decode("prompt.txt", rb"{\rtf1\ansi The cat.}")
    assert isinstance(fault, Fault)
    assert "RTF" in fault.detail


@given(st.text(max_size=200) | st.recursive(st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_no_text_crashes_the_settings(text: str) -> None:
    """Any content of job.json gives fields or problems."""
    fields, faults = texts.read_settings("job.json", text)
    assert isinstance(fields, dict)
    assert faults or isinstance(json.loads(text), dict)


@given(st.binary(max_size=100))
def test_no_bytes_crash_the_texts(data: bytes) -> None:
    """Any content of prompt.txt gives a text without NUL, or a problem."""
    text = texts.decode("prompt.txt", data)
    assert isinstance(text, Fault) or "\0" not in text
