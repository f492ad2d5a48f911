"""Names of objects: which are refused, and what replaces them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from urllib.parse import quote, urljoin

import pytest
from gallop.domain import names
from gallop.domain.drops import drop
from hypothesis import given
from hypothesis import strategies as st

# Any sequence of code points, with those that make trouble more often than by chance.
TROUBLE = "\x00\x07\t\n\x0b\r\x1f\x7f\x85\x9f\ud800\udfff\udc80\ufdd0\ufffe\uffff\U0001ffff\\/. "
PATHS = st.text(st.sampled_from(TROUBLE) | st.characters(exclude_categories=()), max_size=40)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("Title\x0bpage", "has an invalid character (U+000B) in its name"),
        ("two\nlines", "has an invalid character (U+000A) in its name"),
        ("next\x85line", "has an invalid character (U+0085) in its name"),
        ("half \ud83d emoji", "has an invalid character (U+D83D) in its name"),
        ("no byte \udcff of UTF-8", "has an invalid character (U+DCFF) in its name"),
        ("\ufffe", "has an invalid character (U+FFFE) in its name"),
        ("\uffff", "has an invalid character (U+FFFF) in its name"),
        ("C:\\ads", "has a backslash in its name"),
        ("..", 'has a folder named ".." in its path'),
        ("a/./b", 'has a folder named "." in its path'),
        ("a/.. /b", 'has a folder named ".. " in its path'),
        ("", "has a folder without a name in its path"),
        ("a//b", "has a folder without a name in its path"),
        ("a/ ", "has a folder without a name in its path"),
    ],
)
def test_an_unsafe_name_is_explained(path: str, problem: str) -> None:
    """The fault says which character or folder it is, and what to do; it can be sent anywhere."""
    fault = names.fault_of(path)
    assert fault
    assert problem == fault.detail
    assert fault.remedy.startswith("Upload it again ")
    assert fault.file == json.loads(json.dumps(fault.view(), ensure_ascii=False).encode())["file"]


@pytest.mark.parametrize(
    "path", [" spring ad ", "a.b/..c/d..", "%0b%2e%2e", "Grüße 春 🐎 e\u0301", "a\u2028b", "-=+@;"]
)
def test_unusual_names_are_safe(path: str) -> None:
    """Spaces around a name, dots within it and every script are taken."""
    assert names.fault_of(path) is None
    assert path == names.safe(path) == drop.receipts_of(path)


@given(PATHS)
def test_the_receipts_of_every_path_can_be_carried(path: str) -> None:
    """By a key, an XML document, and a URL whose dot segments clients remove; and by a table."""
    receipts = f"{drop.receipts_of(path)}/error.json"
    assert names.fault_of(receipts) is None
    assert receipts == ET.fromstring(f"<Key>{receipts.translate({38: '&amp;', 60: '&lt;'})}</Key>").text
    url = f"https://results.s3.amazonaws.com/{quote(receipts)}"
    assert url == urljoin("https://results.s3.amazonaws.com/", url)


@given(PATHS, PATHS)
def test_paths_that_differ_have_different_receipts(one: str, other: str) -> None:
    """Also if only their unsafe characters differ."""
    assert (one == other) == (drop.receipts_of(one) == drop.receipts_of(other))
