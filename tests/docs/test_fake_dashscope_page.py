"""The reference of the fake DashScope is up to date with the code."""

from __future__ import annotations

import json
import re
from dataclasses import fields

from fake_dashscope import FakeDashScope, Switches
from tests.docs.fake_dashscope_page import PAGE, renew

TEXT = PAGE.read_text("utf-8")


def test_tables_and_record_match_the_code() -> None:
    """Fault table, model table and the record of the seed request are what the code generates, byte for byte."""
    assert renew(TEXT) == TEXT


def test_the_row_on_the_page_is_a_model() -> None:
    """The example of another model can be added as it is written."""
    fake = FakeDashScope()
    (row,) = (json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
    fake.add_model(row)
    assert row["name"] in {model.name for model in fake.models()}


def test_every_switch_is_on_the_page() -> None:
    """The table of switches has a row for each switch, and no other."""
    table = TEXT.partition("## Switches")[2].partition("## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(field.name for field in fields(Switches)) == sorted(rows)
