"""What the code asks of its environment, and what the template puts there."""

from __future__ import annotations

import pytest

from . import reachable, stack

FUNCTIONS = stack.functions()
# It logs nothing, and has no layer.
PLAIN = {"DescribeFunction"}
# Read by Powertools, not by us.
OF_LIBRARIES = {"POWERTOOLS_SERVICE_NAME"}
# What Globals give to every function, whether its code reads it or not.
GIVEN_TO_ALL = stack.written()["Globals"]["Function"]["Environment"]["Variables"]


def read_by(name: str) -> set[str]:
    """Return the variables that the code of a function may read."""
    return {reachable.variables()[setting] for setting in reachable.settings_of(stack.translated().code[name])}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_environment(name: str) -> None:
    """A function is given the variables that its code may read, each of them and, of its own, no other."""
    given = set(FUNCTIONS[name].get("Environment", {}).get("Variables", {}))
    assert set() == read_by(name) - given
    assert set() == given - read_by(name) - OF_LIBRARIES - set(GIVEN_TO_ALL)


@pytest.mark.parametrize("variable", GIVEN_TO_ALL)
def test_what_all_are_given(variable: str) -> None:
    """Most functions read it, and it is no more than the name of what only rights open: a table, or a bucket."""
    assert len(FUNCTIONS) / 2 < len([name for name in FUNCTIONS if variable in read_by(name)])
    named = stack.translated().resources[GIVEN_TO_ALL[variable]["Ref"]]["Type"]
    assert named in {"AWS::DynamoDB::Table", "AWS::S3::Bucket"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - PLAIN))
def test_service_name(name: str) -> None:
    """A function's log lines carry the name of its folder."""
    folder = stack.translated().code[name].name
    assert folder == FUNCTIONS[name]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]


def test_one_place_reads_the_environment() -> None:
    """Of what is deployed, only ``gallop.settings`` touches the environment, or the test above would not see it."""
    sources = [*(stack.ROOT / "shared/gallop").rglob("*.py"), *(stack.ROOT / "functions").rglob("*.py")]
    sources = [path for path in sources if "cli" not in path.parts]
    readers = [path.name for path in sources if any(word in path.read_text() for word in ("os.environ", "getenv"))]
    assert ["settings.py"] == readers


def test_every_setting_is_used() -> None:
    """No setting is left over: each is read by some function."""
    used = {
        setting
        for folder in stack.translated().code.values()
        if (folder / "app.py").exists()
        for setting in reachable.settings_of(folder)
    }
    assert set(reachable.variables()) == used
