"""Refusals in the format of the client: RFC 9457, JSON-RPC for agents, or OpenAI's or DashScope's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from gallop.domain.errors import BudgetExceeded, DashScopeRefusal, InvalidRequest
from gallop.domain.faults import listing
from gallop.domain.frozen import frozen
from gallop.domain.request.dialects import Dialect
from gallop.doors.https import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gallop.domain.errors import GallopError

PROBLEM = "application/problem+json"
JSON = "application/json"

_DASHSCOPE_CODES = {
    401: "InvalidApiKey",
    # DashScope's code for an account without money; its clients do not retry it.
    402: "Arrearage",
    403: "AccessDenied",
    404: "NotFound",
    405: "BadRequest",
    409: "Conflict",
    410: "NotFound",
    413: "BadRequest.TooLarge",
    429: "Throttling.RateQuota",
    503: "ModelUnavailable",
}
_OPENAI_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}


@frozen
class ErrorAnswer:
    """An error, with the status and title of its answer."""

    error: GallopError
    status: int
    title: str
    request_id: str


def dialect_of(path: str, headers: Iterable[str]) -> Dialect:
    """Return a client's dialect, which the path of its request and the names of its headers show."""
    if path.startswith("/api/v1/"):
        return Dialect.DASHSCOPE
    if path == "/mcp":
        return Dialect.MCP
    if any(name.lower().startswith("x-stainless-") for name in headers):
        return Dialect.OPENAI
    return Dialect.NATIVE


def render(refusal: ErrorAnswer, dialect: Dialect) -> tuple[str, str]:
    """Render a refusal; return the media type and the body."""
    match dialect:
        case Dialect.NATIVE:
            return PROBLEM, json_text.dumps(rfc9457(refusal))
        case Dialect.OPENAI:
            return JSON, json_text.dumps(_openai(refusal))
        case Dialect.DASHSCOPE:
            return JSON, json_text.dumps(_dashscope(refusal))
        case Dialect.MCP:
            return JSON, json_text.dumps(_json_rpc(refusal))
    assert_never(dialect)


def rfc9457(refusal: ErrorAnswer) -> dict[str, Any]:
    """Return a refusal in the format of RFC 9457."""
    error = refusal.error
    problem: dict[str, Any] = {
        "type": f"/errors/{error.code}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": str(error),
        "code": error.code,
        "remedy": error.remedy,
    }
    if isinstance(error, InvalidRequest):
        problem |= listing(error.faults, "errors")
    if isinstance(error, BudgetExceeded):
        problem["budget"] = error.shortfall.view()
    return problem


def _openai(refusal: ErrorAnswer) -> dict[str, Any]:
    error, status = refusal.error, refusal.status
    faults = error.faults if isinstance(error, InvalidRequest) else ()
    client_fault = status < 500  # noqa: PLR2004 - RFC 9110's classes
    kind = _OPENAI_TYPES.get(status, "invalid_request_error" if client_fault else "server_error")
    remedies = " ".join(dict.fromkeys(fault.remedy for fault in faults)) or error.remedy
    return {
        "error": {
            "message": f"{error}{'' if str(error).endswith('.') else '.'} {remedies}",
            "type": kind,
            "param": (faults[0].header or _param(faults[0].pointer)) if faults else None,
            "code": error.code,
        }
    }


def _dashscope(refusal: ErrorAnswer) -> dict[str, Any]:
    error, status = refusal.error, refusal.status
    if isinstance(error, DashScopeRefusal):
        return {"code": error.vendor_code, "message": str(error), "request_id": refusal.request_id}
    client_fault = status < 500  # noqa: PLR2004 - the same
    code = _DASHSCOPE_CODES.get(status, "InvalidParameter" if client_fault else "InternalError")
    faults = error.faults if isinstance(error, InvalidRequest) else ()
    text = " ".join(f"{fault.message}. {fault.remedy}" for fault in faults)
    return {"code": code, "message": text or str(error), "request_id": refusal.request_id}


def _json_rpc(refusal: ErrorAnswer) -> dict[str, Any]:
    """Return a refusal of a body that was not read: JSON-RPC's codes are for an invalid request and internal errors."""
    code = -32600 if refusal.status < 500 else -32603  # noqa: PLR2004 - the same
    message = f"{refusal.error} {refusal.error.remedy}"
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message, "data": rfc9457(refusal)}}


def _param(pointer: str) -> str | None:
    """Return OpenAI's name of the parameter at a JSON pointer: ``images[0]`` for ``/images/0``."""
    name, *rest = pointer.removeprefix("/").split("/")
    return name + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in rest) or None
