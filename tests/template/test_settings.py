"""What the code asks of its environment, and what the template puts there."""

from __future__ import annotations

import pytest

from . import reachable, stack

FUNCTIONS = stack.functions()
# It logs nothing, and has no layer.
PLAIN = {"DescribeFunction"}
# Read by Powertools, not by us.
OF_LIBRARIES = {"POWERTOOLS_SERVICE_NAME"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_environment(name: str) -> None:
    """A function is given the variables that its code may read, each of them and no other."""
    read = {reachable.variables()[setting] for setting in reachable.settings_of(stack.translated().code[name])}
    assert read == set(FUNCTIONS[name].get("Environment", {}).get("Variables", {})) - OF_LIBRARIES


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
