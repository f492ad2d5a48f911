"""docs/operations.md has what an operator needs for each alarm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.template import stack

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
ALARMS = stack.of_type("AWS::CloudWatch::Alarm")
SECTIONS = dict(
    re.findall(r"^### (\w+)\n(.*?)(?=^##)", PAGE.partition("## Commands")[0] + "##", re.MULTILINE | re.DOTALL)
)


def test_the_page_opens_with_the_command_for_whoever_sees_that_something_is_wrong() -> None:
    """And shows an alarm as the doctor does, with the template's description."""
    opening = PAGE.partition("```sh")[0]
    assert "run `gallop doctor`" in opening.splitlines()[2]
    found = re.search(r"^failure  alarm {10}gallop-(\w+)-\w+: (.+)$", opening, re.MULTILINE)
    assert found
    assert ALARMS[found[1]]["Properties"]["AlarmDescription"] == found[2]


def test_each_alarm_has_a_section() -> None:
    """In the order of the template; and a removed alarm has none."""
    assert [*ALARMS] == [*SECTIONS]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_begins_with_a_command(name: str) -> None:
    """After a few words on what has happened: at night, nobody reads a page before the first look."""
    before, fence, _ = SECTIONS[name].partition("```")
    assert fence
    assert 6 > len(before.strip().splitlines())


@pytest.mark.parametrize("name", ALARMS)
def test_a_message_and_its_section_agree(name: str) -> None:
    """The command that the alarm's message names first is in the section."""
    first = ALARMS[name]["Properties"]["AlarmDescription"].partition(" First, ")[2]
    for command in re.findall(r"(?:gallop|aws) [a-z][a-z -]*[a-z]", first):
        assert command in SECTIONS[name]
    for function in re.findall(r"(\w+)Function", first):
        assert f"errors {function}" in SECTIONS[name]
