"""The first call of each function: its event, the calls that it makes, and what they were answered.

They are recorded from the real handlers on the embedded AWS and the fake DashScope, so that a start of a process can be
measured against a server that only repeats the answers.
"""

from __future__ import annotations

import json
import os
import random
import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from gallop.adapters import secrets
from gallop.adapters.table import client_keys, jobs, task_durations, webhook_endpoints
from gallop.domain.clients import keys, webhooks
from gallop.domain.clients.keys import Key
from gallop.domain.job import JobState
from gallop.services import slots

from fake_dashscope.clock import ManualClock
from tests.support.pictures import picture
from tests.support.sandbox import opened
from tests.support.stack import CREDENTIALS, ROOT, aws, deployed
from tests.testbed.aws.inprocess import InProcessRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    import httpx
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from fake_dashscope import FakeDashScope
    from tests.support.sandbox import Sandbox

JOB = "job_o5xw4zdfoj2wy3dznruwwzjaoe"
HOUR = 3600
ADDRESS = "http://localhost:65000"
"""The address of the server that repeats the answers, before it has one."""
OWN: dict[str, Any] = {"id": JOB, "base_url": f"{ADDRESS}/api/v1"}
_VENDOR = re.compile(rb"https://[\w.-]*aliyuncs\.com")
# What the server writes itself.
_NOT_REPEATED = {"x-amz-crc32", "content-length", "transfer-encoding", "connection", "date", "server"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A recorded response, and what it answers."""

    asked: str
    """``question`` of its request."""
    status: int
    headers: dict[str, str]
    body: bytes


def question(method: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return what a request asks: an action of AWS and the kind of its item, or a method."""
    target = headers.get("X-Amz-Target", "")
    if not target:
        return method
    # Without what differs from run to run, as the id of a new job.
    key = json.loads(body or b"{}").get("Key", {})
    return " ".join([target, *(value["S"].partition("#")[0] for _, value in sorted(key.items()))])


@dataclass(slots=True)
class Start:
    """The first call of a function."""

    function: str
    folder: str
    event: Any
    environment: dict[str, str]
    at: float
    """When it was made, in epoch seconds: records are as old for the one that repeats it."""
    calls: list[list[Any]] = field(default_factory=list)
    """``["aws", service, method, arguments]`` and ``["http", method, URL, headers, body]``, in their order."""
    replies: list[Reply] = field(default_factory=list)

    def at_address(self, address: str) -> Start:
        """Return the same start with the server at another address."""

        def moved(value: Any) -> Any:  # noqa: ANN401 - JSON with bytes
            if isinstance(value, bytes):
                return value.replace(ADDRESS.encode(), address.encode())
            if isinstance(value, dict):
                return {name: moved(one) for name, one in value.items()}
            if isinstance(value, list):
                return [moved(one) for one in value]
            return value.replace(ADDRESS, address) if isinstance(value, str) else value

        replies = [replace(reply, body=moved(reply.body)) for reply in self.replies]
        return replace(self, calls=moved(self.calls), environment=moved(self.environment), replies=replies)


def recorded(functions: Collection[str] = ()) -> list[Start]:
    """Record the first call of functions, or of all. DashScope is at ``ADDRESS``."""
    clock = ManualClock()
    parameters = {"DashScopeBaseUrl": f"{ADDRESS}/api/v1", "CompletionEvents": "on"}
    starts = []
    with deployed(clock, executing=False, **parameters) as stack:
        for function, prepare in SITUATIONS.items():
            if functions and function not in functions:
                continue
            with opened(stack, by_http=True) as sandbox:
                event = prepare(sandbox)
                starts.append(_recorded(sandbox, function, event))
    return starts


def _recorded(sandbox: Sandbox, function: str, event: Any) -> Start:  # noqa: ANN401 - JSON
    spec = sandbox.stack.deployment.functions[function]
    environment = {**CREDENTIALS, **InProcessRunner.variables(spec), "AWS_REGION": CREDENTIALS["AWS_DEFAULT_REGION"]}
    start = Start(function, spec.code.name, event, environment, sandbox.clock.now())
    # As the only run of its process: it has read nothing before.
    secrets.clear_cache()
    task_durations.clear_cache()
    slots.clear_cache()
    with _noting(start, sandbox.fake):
        sandbox.stack.invoke(function, event)
    return start


@contextmanager
def _noting(start: Start, fake: FakeDashScope) -> Iterator[None]:
    call, answer, handle = BaseClient._make_api_call, Endpoint._get_response, fake.handle  # type: ignore[attr-defined] # noqa: SLF001

    def noted_call(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - any answer
        method = next(name for name, one in client.meta.method_to_api_mapping.items() if one == operation)
        start.calls.append(["aws", client.meta.service_model.service_name, method, _plain(arguments)])
        return call(client, operation, arguments)

    def noted_answer(endpoint: Endpoint, request: AWSPreparedRequest, *rest: Any) -> Any:  # noqa: ANN401 - botocore's
        result, error = answer(endpoint, request, *rest)
        if result:
            start.replies.append(_reply_of(request, result[0]))
        return result, error

    def noted_http(request: httpx.Request) -> httpx.Response:
        headers = {
            name: value for name, value in request.headers.items() if name in ("authorization", "x-dashscope-async")
        }
        target = urlsplit(str(request.url))
        path = target.path + (f"?{target.query}" if target.query else "")
        start.calls.append(["http", request.method, ADDRESS + path, headers, request.content])
        response = handle(request)
        body = _VENDOR.sub(ADDRESS.encode(), response.read())
        reply = Reply(request.method, response.status_code, {"Content-Type": "application/json"}, body)
        start.replies.append(reply)
        return response

    with ExitStack() as patches:
        # The same ids when the calls are repeated.
        patches.enter_context(patch.object(os, "urandom", bytes))
        patches.enter_context(patch.object(random, "_urandom", bytes))
        patches.enter_context(patch.object(BaseClient, "_make_api_call", noted_call))
        patches.enter_context(patch.object(Endpoint, "_get_response", noted_answer))
        patches.enter_context(patch.object(fake, "handle", noted_http))
        yield


def _plain(value: Any) -> Any:  # noqa: ANN401 - any argument of a call
    """Return a value as ``marshal`` can store it."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return bytes(value) if isinstance(value, bytearray) else value


def _reply_of(request: AWSPreparedRequest, response: AWSResponse) -> Reply:
    raw, sent = response.raw, {name: _text(value) for name, value in request.headers.items()}
    asked = question(request.method, sent, cast("bytes", request.body))
    body = raw.getvalue() if hasattr(raw, "getvalue") else response.content
    headers = {name: str(value) for name, value in response.headers.items() if name.lower() not in _NOT_REPEATED}
    return Reply(asked, response.status_code, headers, body)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _sample(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))


def _authorize(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    event = _sample("authorize")
    key = Key(keys.hash_of(event["headers"]["authorization"].removeprefix("Bearer ")), "ada", 0)
    with sandbox.stack.acting_as("SubmitFunction"):
        client_keys.create(key)
    return event


def _take_slot(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    sandbox.put(**OWN)
    return _sample("take_slot")


def _start_task(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    sandbox.put(**OWN)
    return _sample("start_task")


def _status(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    sandbox.submitted(**OWN)
    sandbox.clock.advance(HOUR)
    return _sample("status-ask")


def _save_result(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    sandbox.storing(**OWN)
    return _sample("save_result")


def _saved(sandbox: Sandbox, event: str) -> Any:  # noqa: ANN401 - JSON
    sandbox.storing(**OWN)
    sandbox.invoke("SaveResultFunction", {"job_id": JOB})
    return _sample(event)


def _reconcile(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    sandbox.fake.fault(on="submit", kind="drop_after_accept")
    sandbox.submitted(**OWN)
    sandbox.clock.advance(60)
    return _sample("reconcile-job")


def _videos(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    sandbox.put(JobState.RUNNING, **OWN)
    return _sample("videos-get")


def _wake(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    event = _sample("wake")
    token, secret = event["headers"]["x-eventbridge-signature-token"], sandbox.stack.resource("CompletionSecret")
    aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=token)
    job = sandbox.put(JobState.SUBMITTING, **OWN)
    with sandbox.stack.acting_as("StartTaskFunction"):
        jobs.claim(job, replace(job.at(JobState.RUNNING, job.created_at), task_id="task-1"), is_certain=True)
    return event


def _batch(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    event = _sample("batch-read")
    sandbox.drop("drop/spring/1.jpg", picture())
    content = json.dumps({"prompt": "The woman of [Image 1] smiles.", "images": ["1.jpg"]}).encode()
    put = sandbox.s3.put_object(Bucket=sandbox.inbox, Key=event["run"]["batch"]["key"], Body=content)
    event["run"]["batch"]["version_id"] = put["VersionId"]
    return event


def _deliver(sandbox: Sandbox) -> Any:  # noqa: ANN401 - JSON
    job = sandbox.put(JobState.FAILED, **OWN)
    with sandbox.stack.acting_as("SubmitFunction"):
        webhook_endpoints.put(webhooks.endpoint(job.client, "https://example.com/hook", (), 0))
    return _sample("deliver-announce")


SITUATIONS: dict[str, Callable[[Sandbox], Any]] = {
    "AuthorizeFunction": _authorize,
    "SubmitFunction": lambda _: _sample("submit-http"),
    "VideosFunction": _videos,
    "McpFunction": lambda _: _sample("mcp"),
    "DescribeFunction": lambda _: _sample("describe-file"),
    "PageFunction": lambda _: _sample("page-start"),
    "TakeSlotFunction": _take_slot,
    "StartTaskFunction": _start_task,
    "StatusFunction": _status,
    "SaveResultFunction": _save_result,
    "ThumbnailFunction": lambda sandbox: _saved(sandbox, "thumbnail"),
    "FinishFunction": lambda sandbox: _saved(sandbox, "finish-succeeded"),
    "ReconcileFunction": _reconcile,
    "WakeFunction": _wake,
    "BatchFunction": _batch,
    "DeliverFunction": _deliver,
}
"""What there is when a function is called for the first time, and the event that calls it."""
