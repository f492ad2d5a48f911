"""The descriptions of the tools say what the tools do, and take what the HTTPS door takes."""

from __future__ import annotations

from typing import Any

import pytest
from gallop.doors.mcp import catalogue
from jsonschema import Draft202012Validator

from tests.functional.doors.https.test_openapi import BODIES, validator
from tests.support import agents

TOOLS = agents.catalogue()


def test_the_file_matches_the_code() -> None:
    """After a change of a field or a tool, `make docs` must be run."""
    assert catalogue.text() == agents.CATALOGUE.read_text(encoding="utf-8")


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_the_schemas_are_valid(tool: dict[str, Any]) -> None:
    """Each is an object, closed, and contains all that it refers to."""
    for schema in (tool["inputSchema"], tool["outputSchema"]):
        Draft202012Validator.check_schema(schema)
        assert "object" == schema["type"]
        assert "#/components" not in str(schema)
    assert tool["inputSchema"]["additionalProperties"] is False


@pytest.mark.parametrize("tool", ["price_video", "make_video"])
def test_the_tools_take_the_bodies_of_the_https_door(tool: str) -> None:
    """Every valid body is a valid call, and every other is not."""
    schema, door = Draft202012Validator(TOOLS[tool]["inputSchema"]), validator("VideoRequest")
    assert [] == [body for body in BODIES if schema.is_valid(body) is not door.is_valid(body)]


def test_only_make_and_cancel_change_something() -> None:
    """Clients ask before a tool that is not read-only; none but a cancel takes something away."""
    hints = {name: tool["annotations"] for name, tool in TOOLS.items()}
    changing = {name for name, hint in hints.items() if not hint["readOnlyHint"]}
    assert {"make_video", "cancel_video"} == changing
    assert {"cancel_video"} == {name for name, hint in hints.items() if hint.get("destructiveHint")}
    assert changing == {name for name, hint in hints.items() if hint.get("idempotentHint")}
