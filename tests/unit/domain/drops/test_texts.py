"""The texts of a drop, as people's editors save them."""

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
    """UTF-8 or UTF-16, with or without a byte order mark, with the line ends of Windows, of old Macs or of the rest."""
    assert "Grüße, 世界\nzweite Zeile" == texts.decode("prompt.txt", data)


@pytest.mark.parametrize(
    "data", ["Grüße".encode("latin-1"), b"\xff\xfea", b"\xff\xfe\x00\xd8", b"\x89PNG\r\n\x1a\n", b"a\0b"]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    """A prompt of guessed letters would be paid for."""
    fault = texts.decode("prompt.txt", data)
    assert isinstance(fault, Fault)
    assert fault.detail in {"is not valid UTF-8 text", "is not a text file"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{\n  "prompt": "x"\n  "ratio": "1:1"\n}', "is not valid JSON: Expecting ',' delimiter in line 3, column 3"),
        ("", "is not valid JSON: Expecting value in line 1, column 1"),
        ("{'prompt': 'x'}", "in line 1, column 2"),
        ('["x"]', "is not a JSON object"),
        ('"x"', "is not a JSON object"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"seed": ' + "9" * 5000 + "}", "is not valid JSON: it contains a number of 5,000 digits"),
        ('{"metadata": {"a": NaN}}', "is not valid JSON: NaN is not a number"),
        ('{"metadata": {"a": -1e999}}', "is not valid JSON: it contains a number that is out of range, -1e999"),
        ('{"images": "1.jpg"}', "has an invalid list of images"),
        ('{"images": []}', "has an invalid list of images"),
        ('{"images": [1]}', "has an invalid list of images"),
    ],
)
def test_broken_settings_are_told_with_their_place(text: str, problem: str) -> None:
    """A fault in job.json names the line and the column where there are any."""
    _, (fault,) = texts.read_settings("job.json", text)
    assert "job.json" == fault.file
    assert problem in fault.detail


def test_other_fields_are_read_beside_a_fault() -> None:
    """What can be read is checked further, so that all faults are told at once."""
    fields, faults = texts.read_settings(
        "job.json", '{"seed": 1, "images": "1.jpg", "seed": 2, "metadata": {"a": 1, "a": 2}}'
    )
    assert {"seed": 2, "metadata": {"a": 2}} == fields
    expected = [
        'contains "a" more than once',
        'contains "seed" more than once',
        "has an invalid list of images",
    ]
    assert expected == [fault.detail for fault in faults]


def test_curved_quotation_marks_are_pointed_out() -> None:
    """A word processor bends them, and the words of a parser help nobody then."""
    _, (fault,) = texts.read_settings("job.json", "{\u201cprompt\u201d: 1}")
    assert "straight" in fault.remedy


def test_a_document_is_told_from_a_text() -> None:
    """TextEdit saves RTF under any name."""
    fault = texts.decode("prompt.txt", rb"{\rtf1\ansi The cat.}")
    assert isinstance(fault, Fault)
    assert "RTF" in fault.detail


@given(st.text(max_size=200) | st.recursive(st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_no_text_breaks_the_settings(text: str) -> None:
    """Whatever stands in job.json, out come fields, or faults."""
    fields, faults = texts.read_settings("job.json", text)
    assert isinstance(fields, dict)
    assert faults or isinstance(json.loads(text), dict)


@given(st.binary(max_size=100))
def test_no_bytes_break_the_texts(data: bytes) -> None:
    """Whatever lies in prompt.txt, out comes a text without NUL, or a fault."""
    text = texts.decode("prompt.txt", data)
    assert isinstance(text, Fault) or "\0" not in text
