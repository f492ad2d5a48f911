"""The settings that the code reads, and the environment variables that the template sets."""

from __future__ import annotations

import pytest
from gallop import settings

from . import reachable, stack

FUNCTIONS = stack.functions()
# They write no log and have no layer.
PLAIN = {"DescribeFunction", "PageFunction"}
# Set by Lambda itself.
OF_LAMBDA = {"_X_AMZN_TRACE_ID"}
# Set by Globals for every function, whether its code reads it or not.
GIVEN_TO_ALL = stack.written()["Globals"]["Function"]["Environment"]["Variables"]


def read_by(name: str) -> set[str]:
    """Return the variables that the code of a function may read."""
    folder = stack.translated().code[name]
    if name in PLAIN:
        return set(reachable.variables_in(folder / "app.py").values())
    return {reachable.variables()[setting] for setting in reachable.settings_of(folder)} - OF_LAMBDA


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_environment_has_what_the_code_reads(name: str) -> None:
    """A function has each variable that its code may read and, of its own, no other."""
    given = set(FUNCTIONS[name].get("Environment", {}).get("Variables", {}))
    assert set() == read_by(name) - given
    assert set() == given - read_by(name) - set(GIVEN_TO_ALL)


@pytest.mark.parametrize("variable", GIVEN_TO_ALL)
def test_global_variables_are_harmless(variable: str) -> None:
    """Most functions read it, and it is only a name that grants nothing: of the stack, a table, or a bucket."""
    assert len(FUNCTIONS) / 2 < len([name for name in FUNCTIONS if variable in read_by(name)])
    named = GIVEN_TO_ALL[variable]["Ref"]
    resource = stack.translated().resources.get(named, {"Type": named})
    assert resource["Type"] in {"AWS::StackName", "AWS::DynamoDB::Table", "AWS::S3::Bucket"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - PLAIN))
def test_log_lines_have_the_service_name(name: str) -> None:
    """It is the name of the function's folder."""
    folder = stack.translated().code[name].name
    assert folder == FUNCTIONS[name]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]


def test_one_module_reads_the_environment() -> None:
    """Among what has the layer only ``gallop.settings`` reads the environment, as the test above assumes."""
    sources = [*(stack.ROOT / "shared/gallop").rglob("*.py"), *(stack.ROOT / "functions").rglob("*.py")]
    plain = {stack.translated().code[name] for name in PLAIN}
    sources = [path for path in sources if not {"cli", "client"} & set(path.parts) and path.parent not in plain]
    readers = [path.name for path in sources if any(word in path.read_text() for word in ("os.environ", "getenv"))]
    assert ["settings.py"] == readers


def test_every_setting_is_used() -> None:
    """Each setting is read by a function."""
    used = {
        setting
        for folder in stack.translated().code.values()
        if (folder / "app.py").exists()
        for setting in reachable.settings_of(folder)
    }
    assert set(reachable.variables()) == used


@pytest.mark.parametrize(
    ("before", "version"), [("happyhorse-1.1-r2v", "1.1"), ("happyhorse-1.0-r2v", "1.0"), ("", "1.0")]
)
def test_an_update_keeps_the_version_of_models(monkeypatch: pytest.MonkeyPatch, before: str, version: str) -> None:
    """New code runs for a moment with the variables of 0.1.0: it must not make videos with another model."""
    monkeypatch.delenv("MODEL_VERSION", raising=False)
    monkeypatch.setenv("DEFAULT_MODEL", before)
    assert version == settings.model_version()
