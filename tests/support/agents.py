"""An agent at the MCP door, as a client of the Model Context Protocol would call for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.http import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.http import Answer, Body
    from tests.support.simulated import Simulated

VERSION = "2025-11-25"
CATALOGUE = Path(__file__).parents[2] / "functions" / "mcp" / "tools.json"
PICTURE = "https://example.com/girl.jpg"
VIDEO: dict[str, Any] = {"prompt": "The girl of [Image 1] smiles.", "images": [PICTURE], "duration": 3}


def catalogue() -> dict[str, dict[str, Any]]:
    """Return the description of each tool by its name."""
    return {tool["name"]: tool for tool in json.loads(CATALOGUE.read_text(encoding="utf-8"))}


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool returned."""

    is_error: bool
    json: dict[str, Any]
    content: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent with the key of a client, or of an operator; a nameless one has none."""

    world: Simulated
    name: str = "ada"
    is_admin: bool = False
    version: str = VERSION
    bound: str = ""
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def post(self, body: Body, **headers: str) -> Answer:
        """Send a body; ``mcp_name`` is the header ``mcp-name``."""
        client = Client(self.world, self.name, self.is_admin, self.bound)
        return client.call("McpFunction", "POST", "/mcp", body, **headers)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Send a request; return the whole answer."""
        answer = self.post(request(method, params, next(self.ids)), mcp_protocol_version=self.version)
        assert 200 == answer.status, answer.text
        return answer.json

    def result(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Send a request that must succeed; return its result."""
        answer = self.ask(method, **params)
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def error(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Send a request that must be refused; return the error."""
        error: dict[str, Any] = self.ask(method, **params)["error"]
        return error

    def use(self, tool: str, **arguments: Any) -> Result:  # noqa: ANN401 - JSON
        """Call a tool."""
        found = self.result("tools/call", name=tool, arguments=arguments)
        return Result(found["isError"], found["structuredContent"], found["content"])

    def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Call a tool that must refuse; return the problem."""
        result = self.use(tool, **arguments)
        assert result.is_error, result
        return result.json

    def make(self, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Make a video; it must be accepted."""
        result = self.use("make_video", **{**VIDEO, **fields})
        assert not result.is_error, result
        return result.json


def request(method: str, params: dict[str, Any] | None = None, number: int = 1) -> dict[str, Any]:
    """Return a request."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
