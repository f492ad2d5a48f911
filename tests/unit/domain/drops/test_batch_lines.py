"""The lines of a batch: each line of any file is a request or is reported with its problems."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from gallop.domain.drops import batch_lines
from gallop.domain.drops.batch_lines import BatchFolder, Contents, Line
from gallop.domain.faults import Fault
from gallop.domain.request.request import RequestDefaults
from hypothesis import given
from hypothesis import strategies as st

GROUND = RequestDefaults("happyhorse-1.0-r2v", "inbox")
NFC = unicodedata.normalize("NFC", "Grüße.jpg")
FOLDER = BatchFolder(GROUND, {"1.jpg": "drop/ad/1.jpg", NFC: "drop/ad/Gr\u00fc\u00dfe.jpg"}, is_folder=True)
ROOT = BatchFolder(GROUND, {}, is_folder=False)
GOOD = {"prompt": "She smiles.", "images": ["1.jpg"]}


def text(*rows: Any) -> bytes:  # noqa: ANN401 - JSON
    """Return the bytes of a file with these rows."""
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()


def read(data: bytes) -> Contents:
    """Read a file that is a batch."""
    found = batch_lines.read(data)
    assert isinstance(found, Contents)
    return found


def faults_of(folder: BatchFolder = FOLDER, **fields: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - any field
    """Return the problems of a line."""
    found = batch_lines.checked(Line(1, {**GOOD, **fields}), folder)
    return [] if isinstance(found, Line) else [(fault.pointer, fault.detail) for fault in found]


@given(
    st.binary()
    | st.lists(st.text() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(repr))
    .map("\n".join)
    .map(lambda s: s.encode(errors="surrogatepass"))
)
def test_any_bytes_are_lines_or_problems(data: bytes) -> None:
    """No exception is raised, and each line that is not blank is counted once: as an object or as a problem."""
    found = batch_lines.read(data)
    if isinstance(found, Fault):
        assert found.remedy
        return
    numbers = [one.number for one in found.lines] + [one.line for one in found.faults]
    assert len(found.rows) == len(numbers) == len(set(numbers))
    for line in found.lines:
        assert batch_lines.checked(line, FOLDER)


@given(
    st.dictionaries(
        st.sampled_from(["prompt", "images", "seed", "duration", "x"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text()
            | st.sampled_from(["1.jpg", "s3://inbox/drop/a", "data:x"]),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_fields_are_a_request_or_problems(fields: dict[str, Any]) -> None:
    """Any line is checked without an exception; a valid one is still valid when it is read again."""
    found = batch_lines.checked(Line(1, fields), FOLDER)
    if isinstance(found, Line):
        assert found == batch_lines.checked(Line(1, json.loads(found.canonical_json)), FOLDER)
    else:
        assert all(fault.detail for fault in found)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n", b"\n \t\n"])
def test_byte_order_marks_line_ends_and_blank_lines(mark: bytes, end: bytes) -> None:
    """Files of any editor are read; blank lines are skipped, and numbers are those of the file."""
    found = read(mark + end.join([json.dumps(GOOD).encode()] * 3) + end)
    assert (3, ()) == (len(found.rows), found.faults)
    assert [1, 1 + end.count(b"\n"), 1 + 2 * end.count(b"\n")] == [line.number for line in found.lines]


def test_utf16_is_read() -> None:
    """Files that Windows calls Unicode are read, too."""
    assert [GOOD] == [line.fields for line in read(json.dumps(GOOD).encode("utf-16")).lines]


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        ('{"prompt": "x" 5}', 16, "is not valid JSON"),
        ("{oops", 2, "is not valid JSON"),
        ('{"seed": NaN}', 10, "is not valid JSON: NaN is not a number"),
        ('{"seed": 1, "seed": 2}', 13, 'contains "seed" twice in one object'),
        ('["prompt"]', None, "is not a JSON object"),
        ("[" * 20_000, 33, "is nested too deeply"),
        (f'{{"prompt": "{"x" * 70_000}"}}', None, "is too long: 70,014 bytes; the maximum is 65,536 bytes"),
        (f'{{"seed": {"9" * 5000}}}', 10, "contains a number of 5,000 digits"),
        ('{"metadata": {"a": 1e999}}', 20, "contains a number that is out of range: 1e999"),
    ],
)
def test_invalid_lines_are_reported_by_location(row: str, column: int | None, problem: str) -> None:
    """The report has the line number, the column if there is one, and the problem; other lines are read."""
    found = read(text(GOOD, row, GOOD))
    assert [1, 3] == [line.number for line in found.lines]
    (fault,) = found.faults
    assert 2 == fault.line
    assert column == fault.column
    assert fault.detail.startswith(problem) is True


def test_a_line_that_is_not_utf8_is_reported() -> None:
    """The report has its location; the file's other lines are not lost."""
    found = read(text(GOOD) + b'\n{"prompt": "\xff"}\n')
    assert [Fault("", "is not valid UTF-8", "Save the file as UTF-8 text.", line=2, column=13)] == list(found.faults)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff\xfea", "is not valid UTF-8 text"),
        (json.dumps([GOOD, GOOD]).encode(), "is one JSON array instead of one object per line"),
        (json.dumps(GOOD, indent=2).encode(), "is one JSON value instead of one object per line"),
        (b"\x89PNG\r\n\x1a\n\0\0", "has no valid line"),
        (b"{}\n" * 10_001, "has 10,001 lines; the maximum is 10,000"),
    ],
)
def test_a_file_that_is_not_a_batch_is_refused(data: bytes, problem: str) -> None:
    """The whole file gets one problem, with what to do."""
    found = batch_lines.read(data)
    assert isinstance(found, Fault)
    assert found.detail.startswith(problem)
    assert found.remedy


def test_images_are_found() -> None:
    """They may be files next to the batch, with any form of accents, objects of the inbox, or https addresses."""
    images = ["1.jpg", unicodedata.normalize("NFD", NFC), "s3://inbox/drop/b/2.jpg", "s3://inbox/uploads/3.jpg"]
    found = batch_lines.checked(Line(1, {**GOOD, "images": [*images, "https://example.com/4.jpg"]}), FOLDER)
    assert isinstance(found, Line)
    named = ["s3://inbox/drop/ad/1.jpg", f"s3://inbox/drop/ad/{NFC}"]
    assert [*named, *images[2:], "https://example.com/4.jpg"] == found.fields["images"]


@pytest.mark.parametrize(
    ("folder", "image", "problem"),
    [
        (FOLDER, "9.jpg", "9.jpg is not in the folder of batch.jsonl"),
        (ROOT, "1.jpg", "1.jpg is a file name, but batch.jsonl is not in a folder"),
        (FOLDER, "data:image/png;base64,AAAA", "is an inline image"),
        (FOLDER, "http://example.com/1.jpg", "is not a supported image reference"),
        (FOLDER, "s3://other/drop/1.jpg", None),
        (FOLDER, "", " is not in the folder of batch.jsonl"),
        (FOLDER, 7, "is not a supported image reference"),
    ],
)
def test_invalid_images_are_reported(folder: BatchFolder, image: object, problem: str | None) -> None:
    """Each is reported with its position in the list."""
    ((where, told),) = faults_of(folder, images=[image])
    assert ("/images/0", True) == (where, problem in (None, told))


def test_all_problems_of_a_line_are_reported() -> None:
    """The report is not limited to the first problem."""
    found = faults_of(images=["9.jpg", 7], duration=99, ratio="2:7", sed=1, prompt="[Image 3] runs")
    assert {"/images/0", "/images/1", "/duration", "/ratio", "/sed", "/prompt"} == {where for where, _ in found}
    assert [("/images", "must be a list")] == faults_of(images="1.jpg")[:1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_each_line_can_be_read_by_its_place(encoding: str, end: str) -> None:
    """A step gets no line, only its place in the file."""
    lines = [json.dumps({"prompt": text, "images": ["1.jpg"]}, ensure_ascii=False) for text in ("a", "Grüße", "春🐎")]
    data = end.join(lines).encode(encoding)
    found = batch_lines.read(data)
    assert isinstance(found, Contents)
    again = [batch_lines.line_in(row, data[row.offset : row.offset + row.size]) for row in found.rows]
    assert [*found.lines] == again
    assert all(batch_lines.names_files(line) for line in found.lines)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"video": "9.mp4"}, "/video"),
        ({"video": ["9.mp4"]}, "/video"),
        ({"images": None, "media": [{"url": "9.jpg"}]}, "/media/0/url"),
        ({"images": None, "media": [{"type": "video", "url": "9.mp4"}]}, "/media/0/url"),
        ({"images": None, "input_reference": "9.jpg"}, "/input_reference"),
        ({"images": None, "input_reference": [{"image_url": "9.jpg"}]}, "/input_reference/0/image_url"),
    ],
)
def test_a_file_is_looked_for_in_every_field(fields: dict[str, Any], where: str) -> None:
    """A missing one is reported where it was named, once."""
    ((found, problem),) = faults_of(**fields)
    assert where == found
    assert problem.endswith("is not in the folder of batch.jsonl")


def test_names_in_every_field_become_addresses() -> None:
    """The line itself is not changed."""
    line = Line(1, {"prompt": "x", "media": [{"url": "1.jpg"}]})
    found = batch_lines.checked(line, FOLDER)
    assert isinstance(found, Line)
    assert [{"url": "s3://inbox/drop/ad/1.jpg"}] == found.fields["media"]
    assert [{"url": "1.jpg"}] == line.fields["media"]


def test_an_inline_video_is_called_a_video() -> None:
    """Not an image."""
    assert ("/video", "is an inline video") in faults_of(video="data:video/mp4;base64,AAAA")


def test_thousands_of_names_are_not_looked_for() -> None:
    """Having too many is a problem of its own, and cheap to find."""
    assert ("/images", "there are 15,000 images; 1 to 9 are required") in faults_of(images=["1.jpg"] * 15_000)
    addressed, _ = batch_lines._addressed({"images": ["1.jpg"] * 15_000}, FOLDER)  # noqa: SLF001 - the cost is inside
    assert 20 == len([name for name in addressed["images"] if name != "1.jpg"])
