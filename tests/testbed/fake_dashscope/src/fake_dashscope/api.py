"""The API under ``/api/v1``: routes, replies, and the faults armed for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from fake_dashscope import ids, listing, oss, wire
from fake_dashscope.errors import VendorError, missing_or_invalid
from fake_dashscope.order import read
from fake_dashscope.task import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_dashscope.accounts import Account
    from fake_dashscope.faults import Fault, Faults
    from fake_dashscope.ledger import Ledger
    from fake_dashscope.vendor import Vendor

BASE = "/api/v1"
SERVICE = f"{BASE}/services/aigc/video-generation/video-synthesis"
TASK = re.compile(rf"{BASE}/tasks/([^/]+)/?$")
CANCEL = re.compile(rf"{BASE}/tasks/([^/]+)/cancel/?$")
JSON = "application/json"
HOST_REGIONS = {
    "dashscope-intl.aliyuncs.com": "ap-southeast-1",
    "dashscope.aliyuncs.com": "cn-beijing",
    "dashscope-us.aliyuncs.com": "us-east-1",
    "cn-hongkong.dashscope.aliyuncs.com": "cn-hongkong",
}
TOKEN_SECONDS = range(1, 1801)


def region_of(host: str, default: str) -> str:
    """Return the region of a host; ``default`` for hosts that are not Alibaba's."""
    workspace = re.fullmatch(r"[\w-]+\.([\w-]+)\.maas\.aliyuncs\.com", host)
    return workspace[1] if workspace else HOST_REGIONS.get(host, default)


@dataclass(slots=True)
class Call:
    """One request while it is handled."""

    request: httpx.Request
    request_id: str
    kind: str = ""
    task_id: str = ""
    fault: Fault | None = None

    @property
    def fault_kind(self) -> str:
        """The kind of its fault, or an empty string."""
        return self.fault.kind if self.fault else ""


@dataclass(slots=True)
class Api:
    """Answers API requests. Not thread-safe: the owner holds a lock around each."""

    vendor: Vendor
    faults: Faults
    ledger: Ledger
    region: str
    _handlers: dict[str, Callable[[Call, Account], dict[str, Any]]] = field(init=False)

    def __post_init__(self) -> None:
        """Map each kind of request to its handler."""
        self._handlers = {
            "submit": self._submit,
            "query": self._query,
            "cancel": self._cancel,
            "list": self._list,
            "upload": self._policy,
            "token": self._token,
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request; raises ``Dropped`` or ``Stalled`` if the connection is to break."""
        call = Call(request, ids.request_id(self.vendor.rng))
        try:
            call.kind, call.task_id = _route(request.method, request.url.path)
            self.ledger.arrived(call.kind)
            call.fault = self.faults.draw(call.kind)
            return self._answer(call)
        except VendorError as error:
            return self._reply(call, error.status, wire.refusal(error, call.request_id))

    def _answer(self, call: Call) -> httpx.Response:
        if call.fault is None:
            return self._reply(call, 200, self._do(call))
        if not call.fault.after_accept and call.fault_kind not in {"malformed", "unknown", "empty"}:
            return self._strike(call, call.fault)
        try:
            document = self._do(call)
        except VendorError:
            self.faults.give_back(call.fault)
            raise
        if call.fault_kind == "malformed":
            whole = self._reply(call, 200, document)
            return httpx.Response(200, headers=_without_length(whole), content=whole.content[: len(whole.content) // 2])
        if call.fault.after_accept:
            return self._strike(call, call.fault)
        return self._reply(call, 200, document)

    def _do(self, call: Call) -> dict[str, Any]:
        request = call.request
        region = region_of(request.url.host, self.region)
        now = self.vendor.clock.now()
        account = self.vendor.keyring.owner(request.headers.get("authorization", ""), region, now)
        self.ledger.by_account(call.kind, account.name)
        return self._handlers[call.kind](call, account)

    def _strike(self, call: Call, fault: Fault) -> httpx.Response:
        kind = fault.kind
        if kind.startswith("drop"):
            raise wire.dropped()
        if kind.startswith("stall"):
            raise wire.Stalled(fault.options["seconds"])
        if kind == "502_html":
            return httpx.Response(502, headers=self._headers(call, "text/html"), content=wire.GATEWAY_PAGE)
        if kind == "unreadable_200":
            return httpx.Response(200, headers=self._headers(call, JSON), content=b'{"request_id":"\xff\xfe')
        raise VendorError(fault.options.get("code", "InternalError"), fault.options.get("message", ""))

    def _headers(self, call: Call, content_type: str) -> dict[str, str]:
        return wire.gateway_headers(self.vendor.rng, call.request_id, self.vendor.clock.now(), content_type)

    def _reply(self, call: Call, status: int, document: dict[str, Any]) -> httpx.Response:
        return httpx.Response(status, headers=self._headers(call, JSON), content=wire.encode(document))

    def _submit(self, call: Call, account: Account) -> dict[str, Any]:
        order = read(call.request.content, call.request.headers, self.vendor.switches, self.vendor.models)
        task = self.vendor.submit(account, order, call.request_id, lambda: self.faults.draw("task"))
        return {"request_id": call.request_id, "output": {"task_id": task.id, "task_status": task.status}}

    def _query(self, call: Call, account: Account) -> dict[str, Any]:
        self.vendor.admit(self.vendor.limits.queries, "query", account.name)
        task = None if call.fault_kind == "unknown" else self.vendor.visible(account, call.task_id)
        if task is None:
            unknown = {"task_id": call.task_id, "task_status": UNKNOWN}
            return {"request_id": call.request_id, "output": unknown}
        url = ""
        if task.video_name:
            origin = oss.origin(call.request.url, oss.RESULT_BUCKET, oss.RESULT_HOST)
            query = oss.signed_query(oss.RESULT_BUCKET, task.video_name, int(task.ended) + oss.URL_SECONDS)
            url = f"{origin}/{task.video_name}?{query}"
        document = {"request_id": call.request_id, "output": task.output(url)}
        return {**document, "usage": task.usage()} if task.billed_seconds else document

    def _cancel(self, call: Call, account: Account) -> dict[str, Any]:
        self.vendor.admit(self.vendor.limits.cancels, "cancel", account.name)
        self.vendor.cancel(account, call.task_id)
        return {"request_id": call.request_id}

    def _list(self, call: Call, account: Account) -> dict[str, Any]:
        self.vendor.admit(self.vendor.limits.lists, "list", account.name)
        now = self.vendor.advance()
        tasks = () if call.fault_kind == "empty" else self.vendor.tasks.values()
        found = listing.page(tasks, account, call.request.url.params, now, self.vendor.switches)
        return {"request_id": call.request_id, **found}

    def _policy(self, call: Call, account: Account) -> dict[str, Any]:
        params = call.request.url.params
        model = params.get("model", "")
        if params.get("action") != "getPolicy":
            raise missing_or_invalid("action")
        if model not in self.vendor.models:
            raise VendorError("ModelNotFound")
        self.vendor.admit(self.vendor.limits.policies, "upload", account.name, model)
        host = oss.origin(call.request.url, oss.UPLOAD_BUCKET, oss.UPLOAD_HOST)
        data = self.vendor.uploads.policy(account.name, model, host, self.vendor.clock.now())
        return {"request_id": call.request_id, "data": data}

    def _token(self, call: Call, account: Account) -> dict[str, Any]:
        asked = call.request.url.params.get("expire_in_seconds", "60")
        if not asked.isdigit() or int(asked) not in TOKEN_SECONDS:
            raise missing_or_invalid("expire_in_seconds")
        expires = int(self.vendor.clock.now()) + int(asked)
        token = f"st-{self.vendor.rng.getrandbits(128):032x}"
        self.vendor.keyring.issue(account, token, expires)
        return {"token": token, "expires_at": expires}


def _route(method: str, path: str) -> tuple[str, str]:
    """Return the kind of a request and its task id; raises ``VendorError`` for unknown paths."""
    plain = {
        ("POST", SERVICE): "submit",
        ("GET", f"{BASE}/tasks"): "list",
        ("GET", f"{BASE}/uploads"): "upload",
        ("POST", f"{BASE}/tokens"): "token",
    }.get((method, path.rstrip("/")))
    if plain:
        return plain, ""
    if method == "GET" and (match := TASK.match(path)):
        return "query", match[1]
    if method == "POST" and (match := CANCEL.match(path)):
        return "cancel", match[1]
    if path.startswith(f"{BASE}/services/"):
        raise VendorError("InvalidParameter", "url error, please check url\uff01")
    raise VendorError("NotFound")


def _without_length(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "content-length"}
