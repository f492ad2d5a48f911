"""The reference of the fake DashScope is up to date with the code."""

from __future__ import annotations

import re
from dataclasses import fields

from fake_dashscope import Switches
from tests.docs.fake_dashscope_page import PAGE, renew

TEXT = PAGE.read_text("utf-8")


def test_tables_and_record_match_the_code() -> None:
    """Fault table, model table and the record of the seed request are what the code generates, byte for byte."""
    assert renew(TEXT) == TEXT


def test_every_switch_is_on_the_page() -> None:
    """The table of switches has a row for each switch, and no other."""
    table = TEXT.partition("## Switches")[2].partition("## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(field.name for field in fields(Switches)) == sorted(rows)
