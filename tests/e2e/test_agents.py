"""The official clients of the Model Context Protocol, unmodified, over HTTP: one job, whatever an agent repeats."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.scripts import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.caller import Caller
    from tests.e2e.conftest import Gallop

INSTALLED = ROOT / ".venv-clients"
PYTHON = INSTALLED / "bin" / "python"
NODE = INSTALLED / "node" / "node_modules"
INSPECTOR = NODE / "@modelcontextprotocol" / "inspector-cli" / "build"
ENDED = ("succeeded", "failed", "cancelled")
TOOLS = ["price_video", "make_video", "get_video", "wait_for_video", "list_videos", "cancel_video"]
NEEDS_NPM = pytest.mark.skipif(
    shutil.which("npm") is None or not NODE.is_dir(), reason="`make proofs` installs npm's clients"
)
# Both scripts do the same; what they print is checked by the same test.
IN_PYTHON = """
import asyncio, json, sys
import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

url, key, others, prompt, mode = sys.argv[1:]
video = {"prompt": prompt, "images": ["https://example.com/girl.jpg"], "duration": 3}
ENDED = ("succeeded", "failed", "cancelled")


def connected(key):
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60)
    return Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode)


async def refused(call):
    try:
        await call
    except MCPError as error:
        return [error.error.code, error.error.message]


async def main():
    seen = {}
    async with connected(key) as agent:
        agreed, found = agent.session.initialize_result, agent.session.discover_result
        seen["version"] = agreed.protocol_version if agreed else found.supported_versions[0]
        seen["tools"] = [tool.name for tool in (await agent.list_tools()).tools]

        async def use(name, **arguments):
            result = await agent.call_tool(name, arguments)
            return {"is_error": result.is_error, **result.structured_content}

        seen["price"] = await use("price_video", **video)
        seen["too_expensive"] = await use("make_video", **video, max_cost=0.1)
        lost = 0
        for _ in range(10):
            try:
                await agent.call_tool("make_video", video, read_timeout_seconds=0.001)
            except MCPError:
                lost += 1
        seen["lost"] = lost
        made = await use("make_video", **video)
        seen["made"] = made
        while made["state"] not in ENDED:
            made = await use("wait_for_video", id=made["id"])
        seen["ended"] = made
        seen["listed"] = await use("list_videos", limit=1)
        seen["cancelled"] = await use("cancel_video", id=made["id"])
        seen["invalid"] = await use("make_video", **{**video, "prompt": ""})
        seen["no_tool"] = await refused(agent.call_tool("nothing", {}))
        resources = (await agent.list_resources()).resources
        seen["resources"] = [str(resource.uri) for resource in resources]
        seen["read"] = [one.mime_type for one in (await agent.read_resource(resources[0].uri)).contents]
        prompts = (await agent.list_prompts()).prompts
        text = (await agent.get_prompt(prompts[0].name, {"idea": "A cat."})).messages[0].content.text
        seen["prompt"] = "[Image 1] is the first" in text
    async with connected(others) as other:
        result = await other.call_tool("get_video", {"id": made["id"]})
        seen["not_theirs"] = {"is_error": result.is_error, **result.structured_content}
    try:
        async with connected("wrong"):
            pass
    except BaseException as error:
        while hasattr(error, "exceptions"):
            (error,) = error.exceptions
        seen["wrong_key"] = str(error)
    print(json.dumps(seen))


asyncio.run(main())
"""
IN_JAVASCRIPT = """
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, key, others, prompt] = process.argv.slice(2);
const video = { prompt, images: ["https://example.com/girl.jpg"], duration: 3 };
const ended = ["succeeded", "failed", "cancelled"];
const seen = {};

async function connected(key) {
  const client = new Client({ name: "tests", version: "1" });
  const requestInit = { headers: { Authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }));
  return client;
}

async function use(client, name, args) {
  const result = await client.callTool({ name, arguments: args }, undefined, { timeout: 60000 });
  return { is_error: result.isError, ...result.structuredContent };
}

const agent = await connected(key);
seen.version = agent.transport.protocolVersion;
seen.tools = (await agent.listTools()).tools.map((tool) => tool.name);
seen.price = await use(agent, "price_video", video);
seen.too_expensive = await use(agent, "make_video", { ...video, max_cost: 0.1 });
seen.lost = 0;
for (let count = 0; count < 10; count++) {
  try {
    await agent.callTool({ name: "make_video", arguments: video }, undefined, { timeout: 1 });
  } catch {
    seen.lost++;
  }
}
seen.made = await use(agent, "make_video", video);
seen.ended = seen.made;
while (!ended.includes(seen.ended.state)) seen.ended = await use(agent, "wait_for_video", { id: seen.made.id });
seen.listed = await use(agent, "list_videos", { limit: 1 });
seen.cancelled = await use(agent, "cancel_video", { id: seen.made.id });
seen.invalid = await use(agent, "make_video", { ...video, prompt: "" });
try {
  await agent.callTool({ name: "nothing", arguments: {} });
} catch (error) {
  seen.no_tool = [error.code, error.message];
}
const { resources } = await agent.listResources();
seen.resources = resources.map((resource) => resource.uri);
seen.read = (await agent.readResource({ uri: resources[0].uri })).contents.map((one) => one.mimeType);
const { prompts } = await agent.listPrompts();
const got = await agent.getPrompt({ name: prompts[0].name, arguments: { idea: "A cat." } });
seen.prompt = got.messages[0].content.text.includes("[Image 1] is the first");
await agent.ping();
seen.task = [];
const stream = agent.experimental.tasks.callToolStream({ name: "make_video", arguments: { ...video, again: true } });
for await (const message of stream) {
  const said = { taskCreated: "created", taskStatus: message.task?.status, result: message.result?.structuredContent };
  seen.task.push(said[message.type] ?? String(message.error));
}
seen.tasks = (await agent.experimental.tasks.listTasks()).tasks.map((task) => task.status);
seen.not_theirs = await use(await connected(others), "get_video", { id: seen.made.id });
try {
  await connected("wrong");
} catch (error) {
  seen.wrong_key = error.message;
}
console.log(JSON.stringify(seen));
process.exit(0);
"""


@pytest.fixture
def others(gallop: Gallop) -> str:
    """Return the key of another client."""
    return gallop("keys", "create", "bob")


def run(folder: Path, *command: str | Path) -> dict[str, Any]:
    """Run a script that must succeed; return the JSON that it prints."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def assert_served(caller: Caller, prompt: str, seen: dict[str, Any], tasks: int = 1) -> None:
    """Assert that a client got what it asked for, and that ten lost answers and one more call are one task."""
    assert TOOLS == seen["tools"]
    assert 0.42 == seen["price"]["estimated_cost"]
    assert "over_max_cost" == seen["too_expensive"]["code"]
    assert 10 == seen["lost"]
    assert seen["made"]["is_repetition"] is True
    assert "succeeded" == seen["ended"]["state"]
    assert 200 == httpx.get(seen["ended"]["video_url"]).status_code
    assert [seen["made"]["id"]] == [job["id"] for job in seen["listed"]["data"]]
    assert "already_finished" == seen["cancelled"]["cancel"]["answer"]
    assert "invalid_request" == seen["invalid"]["code"]
    assert -32602 == seen["no_tool"][0]
    assert f"gallop://videos/{seen['made']['id']}" == seen["resources"][0]
    assert "application/json" == seen["read"][0]
    assert seen["prompt"] is True
    assert "not_found" == seen["not_theirs"]["code"]
    assert "The API key is not valid." in seen["wrong_key"]
    errors = ("too_expensive", "invalid", "not_theirs")
    assert all(seen[name]["is_error"] and seen[name]["remedy"] for name in errors)
    assert tasks == len(caller.tasks_for(prompt))


@pytest.mark.skipif(not PYTHON.exists(), reason="`make proofs` installs the clients")
@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_python_client(caller: Caller, others: str, tmp_path: Path, mode: str, version: str) -> None:
    """In the version without a handshake, and in the last one with it."""
    prompt = f"The girl of [Image 1] runs, {mode}."
    script = (PYTHON, "-c", IN_PYTHON, caller.at.api_url, caller.at.api_key, others, prompt, mode)
    seen = run(tmp_path, *script)
    assert version == seen["version"]
    assert_served(caller, prompt, seen)


@NEEDS_NPM
def test_the_javascript_client(caller: Caller, others: str, tmp_path: Path) -> None:
    """Npm's `@modelcontextprotocol/sdk`."""
    prompt = "The girl of [Image 1] runs in JavaScript."
    (tmp_path / "node_modules").symlink_to(NODE)
    (tmp_path / "agent.mjs").write_text(IN_JAVASCRIPT, encoding="utf-8")
    seen = run(tmp_path, "node", "agent.mjs", caller.at.api_url, caller.at.api_key, others, prompt)
    assert "2025-11-25" == seen["version"]
    created, *statuses, result = seen["task"]
    assert "created" == created
    assert "completed" == statuses[-1]
    assert "succeeded" == result["state"]
    assert ["completed", "completed"] == seen["tasks"][:2]
    assert_served(caller, prompt, seen, tasks=2)


@NEEDS_NPM
def test_the_inspector(caller: Caller, others: str) -> None:
    """Its command line connects again for each method, and sees the same."""

    def ask(method: str, *options: str, key: str = caller.at.api_key) -> dict[str, Any]:
        connection = (f"{caller.at.api_url}/mcp", "--transport", "http", "--header", f"Authorization: Bearer {key}")
        # It looks for its package beside the folder in which it runs.
        return run(INSPECTOR, "node", "index.js", *connection, "--method", method, *options)

    def use(tool: str, key: str = caller.at.api_key, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        given = [part for name, value in fields.items() for part in ("--tool-arg", f"{name}={json.dumps(value)}")]
        result = ask("tools/call", "--tool-name", tool, *given, key=key)
        return {"is_error": result["isError"], **result["structuredContent"]}

    prompt = "The girl of [Image 1] is inspected."
    video: dict[str, Any] = {"prompt": prompt, "images": ["https://example.com/girl.jpg"], "duration": 3}
    assert TOOLS == [tool["name"] for tool in ask("tools/list")["tools"]]
    assert 0.42 == use("price_video", **video)["estimated_cost"]
    assert "over_max_cost" == use("make_video", max_cost=0.1, **video)["code"]
    made = use("make_video", **video)
    assert made["id"] == use("make_video", **video)["id"]
    while (ended := use("wait_for_video", id=made["id"]))["state"] not in ENDED:
        pass
    assert "succeeded" == ended["state"]
    assert made["id"] == use("list_videos", limit=1)["data"][0]["id"]
    assert "already_finished" == use("cancel_video", id=made["id"])["cancel"]["answer"]
    assert use("make_video", prompt="")["is_error"] is True
    assert "not_found" == use("get_video", key=others, id=made["id"])["code"]
    uri = ask("resources/list")["resources"][0]["uri"]
    assert "application/json" == ask("resources/read", "--uri", uri)["contents"][0]["mimeType"]
    assert ["idea", "images"] == [argument["name"] for argument in ask("prompts/list")["prompts"][0]["arguments"]]
    with pytest.raises(AssertionError, match="The API key is not valid"):
        ask("tools/list", key="wrong")
    assert 1 == len(caller.tasks_for(prompt))


def test_nothing_was_refused(caller: Caller) -> None:
    """No call needed a permission that the function's role lacks."""
    assert [] == caller.testbed.aws.authority.audit.refusals()
