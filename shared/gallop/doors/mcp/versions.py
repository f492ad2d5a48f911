"""The versions of MCP, and what a request says about its own.

Until 2025-11-25, a client and a server agree on a version at ``initialize``, and a header repeats it. Since 2026-07-28,
each request carries its version, and headers repeat what the body says.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from gallop.doors.mcp.messages import HEADER_MISMATCH, INVALID_PARAMS, UNSUPPORTED_VERSION, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.doors.mcp.messages import Message

MODERN = "2026-07-28"
AGREED = ("2025-11-25", "2025-06-18", "2025-03-26")
SUPPORTED = (MODERN, *AGREED)
# What a request without a header speaks; also the only version with batches, and the last one without links.
OLDEST = AGREED[-1]

_NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def version_of(message: Message, headers: Mapping[str, str]) -> str:
    """Return the version of a request; the names of ``headers`` are in lower case.

    Raises:
        ProtocolError: the version is not supported, or the headers contradict the body.

    """
    header, inside = headers.get("mcp-protocol-version"), message.meta("protocolVersion")
    if inside is None and (header is None or header in AGREED):
        return header or OLDEST
    if header != inside and (header in SUPPORTED or inside is not None):
        raise ProtocolError(HEADER_MISMATCH, "The header MCP-Protocol-Version differs from the version in `_meta`.")
    if header != MODERN:
        data = {"supported": list(SUPPORTED), "requested": header}
        raise ProtocolError(UNSUPPORTED_VERSION, "Unsupported protocol version", data)
    _check_headers(message, headers)
    return MODERN


def agreed(requested: object) -> str:
    """Return the version that ``initialize`` agrees on: the client's, or the newest one that can be agreed on."""
    return requested if isinstance(requested, str) and requested in AGREED else AGREED[0]


def _check_headers(message: Message, headers: Mapping[str, str]) -> None:
    if not message.is_notification and not isinstance(message.meta("clientCapabilities"), dict):
        raise ProtocolError(INVALID_PARAMS, "`_meta` must have io.modelcontextprotocol/clientCapabilities.")
    if not message.is_notification and headers.get("mcp-method") != message.method:
        raise ProtocolError(HEADER_MISMATCH, "The header Mcp-Method differs from the method in the body.")
    named = message.params.get(_NAMES.get(message.method, ""))
    if named is not None and _decoded(headers.get("mcp-name", "")) != named:
        raise ProtocolError(HEADER_MISMATCH, "The header Mcp-Name differs from the name in the body.")


def _decoded(value: str) -> str:
    """Decode a header, whose value is in base64 if it is not plain ASCII."""
    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, ValueError):
        raise ProtocolError(HEADER_MISMATCH, "The header Mcp-Name is not valid base64 of UTF-8.") from None
