"""JSON-RPC 2.0: the messages of a body, and what is answered to them."""

from __future__ import annotations

from typing import Any

from gallop.domain.errors import InvalidRequest
from gallop.domain.frozen import frozen
from gallop.domain.request import strict_json

# JSON-RPC's own codes, and those of MCP.
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
RESOURCE_NOT_FOUND = -32002  # Until 2025-11-25.
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

Id = str | int


class ProtocolError(Exception):
    """A message that breaks the protocol, or asks for what does not exist; ``data`` is for programs."""

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        """Store JSON-RPC's code."""
        super().__init__(message)
        self.code = code
        self.data = data


@frozen
class Message:
    """A request, or a notification, which has no ``id`` and gets no answer."""

    id: Id | None
    method: str
    params: dict[str, Any]

    @property
    def is_notification(self) -> bool:
        """Whether the sender expects no answer."""
        return self.id is None

    def meta(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return a field of the protocol that travels with the parameters."""
        meta = self.params.get("_meta")
        return meta.get(f"io.modelcontextprotocol/{name}") if isinstance(meta, dict) else None

    def text(self, name: str) -> str:
        """Return a parameter that must be a text.

        Raises:
            ProtocolError: it is missing, or something else.

        """
        value = self.params.get(name)
        if not isinstance(value, str):
            raise ProtocolError(INVALID_PARAMS, f"The parameter {name!r} must be a string.")
        return value


def parse(text: str) -> Any:  # noqa: ANN401 - JSON
    """Parse a body.

    Raises:
        ProtocolError: it is not strict JSON.

    """
    try:
        document = strict_json.load(text)
    except strict_json.InvalidJson as error:
        place = "" if error.line is None else f" (line {error.line}, column {error.column})"
        raise ProtocolError(PARSE_ERROR, f"The body {error.problem}{place}. {error.remedy}") from None
    if document.duplicates:
        raise ProtocolError(PARSE_ERROR, f"The body {InvalidRequest(document.duplicates)}.")
    return document.value


def message_of(value: object) -> Message:
    """Read one message.

    Raises:
        ProtocolError: it is neither a request nor a notification.

    """
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0" or not isinstance(value.get("method"), str):
        raise ProtocolError(INVALID_REQUEST, "The body is not one JSON-RPC 2.0 request or notification.")
    if "id" in value and not is_id(value["id"]):
        raise ProtocolError(INVALID_REQUEST, "The id of a request must be a string or a whole number.")
    params = value.get("params", {})
    if not isinstance(params, dict):
        raise ProtocolError(INVALID_PARAMS, "The parameters must be an object.")
    return Message(value.get("id"), value["method"], params)


def is_id(value: object) -> bool:
    """Return whether a value may identify a request."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def id_in(value: object) -> Id | None:
    """Return the id of what may not be a message otherwise."""
    found = value.get("id") if isinstance(value, dict) else None
    return found if is_id(found) else None


def result(message_id: Id | None, content: dict[str, Any]) -> dict[str, Any]:
    """Answer a request."""
    return {"jsonrpc": "2.0", "id": message_id, "result": content}


def refusal(message_id: Id | None, error: ProtocolError) -> dict[str, Any]:
    """Refuse a request."""
    data = {} if error.data is None else {"data": error.data}
    return {"jsonrpc": "2.0", "id": message_id, "error": {"code": error.code, "message": str(error), **data}}
