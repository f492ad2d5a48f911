"""The protocol of the MCP door: versions, messages, errors, and what is refused before a message is read."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import __version__
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState
from gallop.doors.https.bodies import MAX_BODY_BYTES
from gallop.doors.mcp import server, tools, versions

from tests.support.agents import VIDEO, Agent, catalogue, request

if TYPE_CHECKING:
    from tests.support.http import Body
    from tests.support.sandbox import Sandbox

MODERN = "2026-07-28"
PING = request("ping")
LIST = request("tools/list")


@pytest.fixture
def ada(sandbox: Sandbox) -> Agent:
    """Return an agent."""
    return Agent(sandbox)


def modern(method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a request of the version in which each request says all about itself."""
    prefix = "io.modelcontextprotocol"
    meta = {f"{prefix}/protocolVersion": MODERN, f"{prefix}/clientCapabilities": {}}
    return request(method, {**params, "_meta": meta})


def initialize(version: object) -> dict[str, Any]:
    """Return the first request of an agreed version."""
    about = {"capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
    return request("initialize", {"protocolVersion": version, **about})


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        (None, "2025-11-25"),
        (["2025-03-26"], "2025-11-25"),
    ],
)
def test_a_version_is_agreed_on(ada: Agent, offered: object, agreed: str) -> None:
    """The client's, or else the newest that has an `initialize`; there is no session."""
    answer = ada.post(initialize(offered))
    assert 200 == answer.status
    assert "application/json" == answer.headers["Content-Type"]
    assert "mcp-session-id" not in {name.lower() for name in answer.headers}
    result = answer.json["result"]
    assert agreed == result["protocolVersion"]
    assert {"tools", "resources", "prompts"} == set(result["capabilities"]) - {"tasks"}
    assert __version__ == result["serverInfo"]["version"]
    assert "price_video" in result["instructions"]


@pytest.mark.parametrize("version", [*versions.AGREED, None])
def test_every_agreed_version_lists_the_tools(ada: Agent, version: str | None) -> None:
    """A client that sends no header speaks the oldest one."""
    headers = {} if version is None else {"mcp_protocol_version": version}
    answer = ada.post(LIST, **headers)
    listed = answer.json["result"]["tools"]
    assert list(catalogue().values()) == [{name: tool[name] for name in tool if name != "execution"} for tool in listed]
    assert {} == ada.post(PING, **headers).json["result"]


def test_the_tools_are_those_of_the_catalogue() -> None:
    """In the order in which they are used."""
    assert list(tools.TOOLS) == list(catalogue())


def test_a_server_without_a_handshake_is_discovered(ada: Agent) -> None:
    """Since 2026-07-28: what `initialize` says, and how long it may be kept."""
    answer = ada.post(modern("server/discover"), mcp_protocol_version=MODERN, mcp_method="server/discover")
    result = answer.json["result"]
    assert list(versions.SUPPORTED) == result["supportedVersions"]
    assert "complete" == result["resultType"]
    assert "public" == result["cacheScope"]
    assert {"io.modelcontextprotocol/serverInfo": server.SERVER} == result["_meta"]


@pytest.mark.parametrize(
    ("method", "params", "scope"),
    [
        ("tools/list", {}, "public"),
        ("resources/templates/list", {}, "public"),
        ("prompts/list", {}, "public"),
        ("resources/list", {}, "private"),
        ("tools/call", {"name": "list_videos"}, None),
        ("prompts/get", {"name": "write_video_prompt", "arguments": {"idea": "A cat."}}, None),
    ],
)
def test_results_say_who_may_keep_them(ada: Agent, method: str, params: dict[str, Any], scope: str | None) -> None:
    """What is a client's own is kept by nobody."""
    named = {"mcp_name": params["name"]} if "name" in params else {}
    answer = ada.post(modern(method, **params), mcp_protocol_version=MODERN, mcp_method=method, **named)
    assert 200 == answer.status, answer.text
    assert scope == answer.json["result"].get("cacheScope")
    assert (scope != "private") is bool(answer.json["result"].get("ttlMs", 1))


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"mcp_protocol_version": MODERN, "mcp_method": "tools/call", "mcp_name": "list_videos"}, None),
        ({"mcp_protocol_version": MODERN, "mcp_method": "tools/call", "mcp_name": "=?base64?bGlzdF92aWRlb3M=?="}, None),
        ({"mcp_protocol_version": MODERN, "mcp_method": "tools/call", "mcp_name": "=?base64?*?="}, -32020),
        ({"mcp_protocol_version": MODERN, "mcp_method": "tools/call", "mcp_name": "make_video"}, -32020),
        ({"mcp_protocol_version": MODERN, "mcp_method": "tools/call"}, -32020),
        ({"mcp_protocol_version": MODERN, "mcp_method": "tools/list", "mcp_name": "list_videos"}, -32020),
        ({"mcp_protocol_version": "2025-11-25", "mcp_method": "tools/call", "mcp_name": "list_videos"}, -32020),
        ({"mcp_method": "tools/call", "mcp_name": "list_videos"}, -32020),
    ],
)
def test_headers_repeat_the_body(ada: Agent, headers: dict[str, str], code: int | None) -> None:
    """Since 2026-07-28; a request that contradicts itself is refused."""
    answer = ada.post(modern("tools/call", name="list_videos"), **headers)
    assert (400 if code else 200) == answer.status
    assert code == answer.json.get("error", {}).get("code")


@pytest.mark.parametrize("body", [LIST, modern("tools/list")])
def test_an_unknown_version_is_refused(ada: Agent, body: dict[str, Any]) -> None:
    """The answer lists those that are supported."""
    prefix = "io.modelcontextprotocol/protocolVersion"
    body = json.loads(json.dumps(body).replace(f'"{prefix}": "{MODERN}"', f'"{prefix}": "1900-01-01"'))
    answer = ada.post(body, mcp_protocol_version="1900-01-01", mcp_method="tools/list")
    assert 400 == answer.status
    assert -32022 == answer.json["error"]["code"]
    assert {"supported": list(versions.SUPPORTED), "requested": "1900-01-01"} == answer.json["error"]["data"]


def test_the_modern_version_needs_its_fields(ada: Agent) -> None:
    """A header alone is not enough."""
    answer = ada.post(LIST, mcp_protocol_version=MODERN, mcp_method="tools/list")
    assert 400 == answer.status
    body = modern("tools/list")
    del body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]
    answer = ada.post(body, mcp_protocol_version=MODERN, mcp_method="tools/list")
    assert -32602 == answer.json["error"]["code"]


@pytest.mark.parametrize("method", ["nothing", "subscriptions/listen", "ping", "initialize"])
def test_an_unknown_method_is_404_in_the_modern_version(ada: Agent, method: str) -> None:
    """It has no handshake and no stream; before, the status was 200."""
    answer = ada.post(modern(method), mcp_protocol_version=MODERN, mcp_method=method)
    assert 404 == answer.status
    assert -32601 == answer.json["error"]["code"]
    assert -32601 == ada.error("server/discover")["code"]


@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled", "notifications/other"])
@pytest.mark.parametrize("version", [*versions.AGREED, None])
def test_notifications_are_accepted(ada: Agent, method: str, version: str | None) -> None:
    """With 202 and no body."""
    headers = {} if version is None else {"mcp_protocol_version": version}
    answer = ada.post({"jsonrpc": "2.0", "method": method}, **headers)
    assert 202 == answer.status
    assert not answer.text


@pytest.mark.parametrize(
    ("body", "code", "problem"),
    [
        ("{", -32700, "is not valid JSON"),
        ("", -32700, "is not valid JSON"),
        (b'{"a": "\xff"}', -32700, "is not valid UTF-8"),
        ('{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}', -32700, 'contains "id" twice'),
        ('{"a":' * 33 + "1" + "}" * 33, -32700, "is nested too deeply"),
        ("[" * 1_000_000, -32700, "is nested too deeply"),
        ("5", -32600, "is not one JSON-RPC 2.0 request or notification"),
        ({"id": 1, "method": "ping"}, -32600, "is not one JSON-RPC 2.0 request or notification"),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, -32600, "is not one JSON-RPC 2.0 request or notification"),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600, "must be a string or a whole number"),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600, "must be a string or a whole number"),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, -32602, "must be an object"),
    ],
)
def test_what_is_no_message_is_refused(sandbox: Sandbox, ada: Agent, body: Body, code: int, problem: str) -> None:
    """With 400, JSON-RPC's code and a short text."""
    answer = ada.post(body)
    assert 400 == answer.status
    assert code == answer.json["error"]["code"]
    assert problem in answer.json["error"]["message"]
    assert 500 > len(answer.text)
    assert [] == sandbox.jobs()


@pytest.mark.parametrize("version", [MODERN, *versions.AGREED[:-1]])
def test_batches_are_refused(ada: Agent, version: str) -> None:
    """All versions but one have none."""
    answer = ada.post([PING, PING], mcp_protocol_version=version)
    assert 400 == answer.status
    assert -32600 == answer.json["error"]["code"]


def test_the_oldest_version_has_batches(sandbox: Sandbox, ada: Agent) -> None:
    """Of up to ten messages, which wait no longer together than one alone; notifications get no answer."""
    job = sandbox.put(JobState.RUNNING)
    wait = request("tools/call", {"name": "wait_for_video", "arguments": {"id": job.id}})
    began = sandbox.clock.now()
    answers: Any = ada.post([wait, {"jsonrpc": "2.0", "method": "notifications/x"}, wait, {"id": 9}]).json
    assert [1, 1, 9] == [answer["id"] for answer in answers]
    assert -32600 == answers[2]["error"]["code"]
    assert pytest.approx(25) == sandbox.clock.now() - began
    assert 202 == ada.post([{"jsonrpc": "2.0", "method": "notifications/x"}]).status
    assert 400 == ada.post([]).status
    assert 400 == ada.post([PING] * 11).status


def test_the_pages_that_the_operator_names_are_answered(
    sandbox: Sandbox, ada: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly those: another port or a name that begins like theirs is another origin."""
    environment = sandbox.stack.deployment.functions["McpFunction"].environment
    monkeypatch.setitem(environment, "BROWSER_ORIGINS", "https://a.example,https://b.example")
    tried = ("https://a.example", "https://b.example", "https://a.example:8443", "https://a.example.evil", "")
    assert [200, 200, 403, 403, 403] == [ada.post(PING, origin=origin).status for origin in tried]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://api.example.com", ""])
def test_web_pages_are_refused(sandbox: Sandbox, ada: Agent, origin: str) -> None:
    """A browser names the page that sends a request, whatever the host: agents are no pages."""
    answer = ada.post(request("tools/call", {"name": "make_video", "arguments": VIDEO}), origin=origin)
    assert 403 == answer.status
    assert "foreign_origin" == answer.json["error"]["data"]["code"]
    assert [] == sandbox.jobs()


def test_a_wrong_key_is_refused(sandbox: Sandbox) -> None:
    """Before the message is read, with 401 and the way to authenticate."""
    answer = Agent(sandbox, "").post(request("tools/call", {"name": "make_video", "arguments": VIDEO}))
    assert 401 == answer.status
    assert "Bearer" == answer.headers["WWW-Authenticate"]
    assert "unauthenticated" == answer.json["error"]["data"]["code"]
    assert "Authorization: Bearer" in answer.json["error"]["message"]
    assert [] == sandbox.jobs()


def test_other_types_and_large_bodies_are_refused(ada: Agent) -> None:
    """As at the HTTPS door."""
    assert 415 == ada.post(json.dumps(PING), content_type="text/plain").status
    assert 413 == ada.post(json.dumps({**PING, "params": {"a": "x" * MAX_BODY_BYTES}})).status


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
def test_there_is_no_stream_and_no_session(ada: Agent, method: str) -> None:
    """Other methods than POST are 405."""
    from tests.support.http import Client  # noqa: PLC0415

    answer = Client(ada.world).call("VideosFunction", method, "/mcp")
    assert 405 == answer.status
    assert "POST" == answer.headers["Allow"]
    assert -32600 == answer.json["error"]["code"]


@pytest.mark.parametrize(
    ("method", "params", "problem"),
    [
        ("tools/call", {"name": "delete_video"}, "Unknown tool 'delete_video'"),
        ("tools/call", {}, "The parameter 'name' must be a string."),
        ("tools/call", {"name": "list_videos", "arguments": []}, "The arguments of a tool must be an object."),
        ("prompts/get", {"name": "other"}, "Unknown prompt."),
        ("prompts/get", {"name": "write_video_prompt"}, "The argument 'idea' is missing."),
        ("prompts/get", {"name": "write_video_prompt", "arguments": {"idea": 5}}, "The argument 'idea' is missing."),
        ("resources/read", {}, "The parameter 'uri' must be a string."),
        ("resources/list", {"cursor": 5}, "The parameter 'cursor' must be a string."),
        ("resources/list", {"cursor": "job_1"}, "Invalid cursor"),
    ],
)
def test_wrong_parameters_are_errors_of_the_protocol(
    ada: Agent, method: str, params: dict[str, Any], problem: str
) -> None:
    """JSON-RPC's code for parameters, and what is wrong."""
    error = ada.error(method, **params)
    assert -32602 == error["code"]
    assert problem in error["message"]


def test_trouble_is_an_answer(sandbox: Sandbox, ada: Agent) -> None:
    """AWS's trouble is a result that says to retry; a bug is an error without details; a resource has errors only."""
    job = sandbox.put()
    with patch.object(jobs, "get", side_effect=AwsTrouble("DynamoDB is down.")):
        problem = ada.refused("get_video", id=job.id)
        assert "not_available" == problem["code"]
        assert "DynamoDB" not in json.dumps(problem)
        assert -32603 == ada.error("resources/read", uri=f"gallop://videos/{job.id}")["code"]
    with patch.object(jobs, "get", side_effect=KeyError("secret")):
        error = ada.error("tools/call", name="get_video", arguments={"id": job.id})
    assert -32603 == error["code"]
    assert "secret" not in error["message"]


def test_the_prompt_explains_images(ada: Agent) -> None:
    """It has the idea and the images, and says what [Image N] is."""
    (prompt,) = ada.result("prompts/list")["prompts"]
    given = {"idea": "A {fan} opens.", "images": "a fan"}
    (message,) = ada.result("prompts/get", name=prompt["name"], arguments=given)["messages"]
    text = message["content"]["text"]
    assert "user" == message["role"]
    assert "[Image 1] is the first" in text
    assert "The idea: A {fan} opens.\nThe images, in their order: a fan" in text
    assert ["idea"] == [argument["name"] for argument in prompt["arguments"] if argument["required"]]


def test_thumbnails_are_inline(sandbox: Sandbox, ada: Agent) -> None:
    """Each finished video is a resource: its state with a link, and its thumbnail as a picture."""
    running, job = sandbox.put(JobState.RUNNING), sandbox.storing()
    for step in ("SaveResult", "Finish", "Thumbnail"):
        sandbox.invoke(f"{step}Function", {"job_id": job.id})
    listed = ada.result("resources/list")
    assert [f"gallop://videos/{job.id}"] == [one["uri"] for one in listed["resources"]]
    about, thumbnail = ada.result("resources/read", uri=f"gallop://videos/{job.id}")["contents"]
    assert "X-Amz-Signature=" in json.loads(about["text"])["video_url"]
    assert "image/jpeg" == thumbnail["mimeType"]
    found = sandbox.job(job.id).thumbnail
    assert found
    assert sandbox.result(found.key) == base64.b64decode(thumbnail["blob"])
    (only,) = ada.result("resources/read", uri=f"gallop://videos/{running.id}")["contents"]
    assert "running" == json.loads(only["text"])["state"]
    sandbox.s3.delete_object(Bucket=found.bucket, Key=found.key, VersionId=found.version_id)
    assert 1 == len(ada.result("resources/read", uri=f"gallop://videos/{job.id}")["contents"])


def test_resources_have_pages(sandbox: Sandbox, ada: Agent) -> None:
    """The cursor of a page leads to the next one; none shows a video of another client."""
    for _ in range(21):
        sandbox.put(JobState.SUCCEEDED)
        sandbox.clock.advance(1)
    sandbox.put(JobState.SUCCEEDED, client="bob")
    first = ada.result("resources/list")
    second = ada.result("resources/list", cursor=first["nextCursor"])
    assert "nextCursor" not in second
    assert 21 == len({one["uri"] for one in first["resources"] + second["resources"]})


@pytest.mark.parametrize("prefix", ["gallop://videos/", "gallop://other/", "https://example.com/", ""])
def test_resources_of_others_are_not_found(sandbox: Sandbox, prefix: str) -> None:
    """As if they did not exist, with the code of the version."""
    uri = prefix + sandbox.put(JobState.SUCCEEDED).id
    bob = Agent(sandbox, "bob")
    assert -32002 == bob.error("resources/read", uri=uri)["code"]
    body, headers = modern("resources/read", uri=uri), {"mcp_method": "resources/read", "mcp_name": uri}
    answer = bob.post(body, mcp_protocol_version=MODERN, **headers)
    assert -32602 == answer.json["error"]["code"]
    assert {"uri": uri} == answer.json["error"]["data"]


def test_addresses_are_described(ada: Agent) -> None:
    """The template has the id of a job."""
    (template,) = ada.result("resources/templates/list")["resourceTemplates"]
    assert "gallop://videos/{id}" == template["uriTemplate"]
