"""When two create requests are the same: by their idempotency key, as an SDK's retry, or since nobody got an answer."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault
from gallop.domain.frozen import frozen
from gallop.domain.request import single_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.domain.request.request import VideoRequest

KEY_SECONDS = 24 * 3600
RETRY_SECONDS = 600
# DashScope's package sends a submit up to three times, with a timeout of 300 s and waits of at most 8 s: the last
# request is sent within 616 s.
UNMARKED_RETRY_SECONDS = 660

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_COUNT = re.compile(r"[0-9]{1,6}")


@frozen
class IdempotencyRecord:
    """The record that makes a create request take effect only once.

    ``name`` is unique to client and key (``has_key``), or client and content, and is valid for ``seconds``. Without a
    key, it is valid for as long again after each repetition, until one has been answered. ``is_unmarked`` says that
    nothing marks the request as a retry: it matches only an earlier one that was never answered, or that was itself a
    retry, which has overtaken it. ``may_replace`` is the id of a job that matched but is not repeated.
    """

    name: str
    fingerprint: str
    seconds: int
    has_key: bool = False
    is_retry: bool = False
    is_unmarked: bool = False
    may_replace: str = ""


def from_headers(client: str, request: VideoRequest, headers: Mapping[str, str]) -> IdempotencyRecord:
    """Derive the record from the headers, whose names are in lower case.

    Raises:
        InvalidRequest: the Idempotency-Key is not 1 to 255 visible ASCII characters, or a header has several values.

    """
    fingerprint = fingerprint_of(request)
    if record := from_key(client, fingerprint, headers):
        return record
    count = single_values.header(headers, "x-stainless-retry-count") or ""
    is_retry = bool(_COUNT.fullmatch(count)) and int(count) >= 1
    name = _name("retry", client, fingerprint)
    return IdempotencyRecord(name, fingerprint, RETRY_SECONDS, is_retry=is_retry, is_unmarked=not is_retry)


def from_key(client: str, fingerprint: str, headers: Mapping[str, str]) -> IdempotencyRecord | None:
    """Derive the record from the Idempotency-Key; None without one.

    Raises:
        InvalidRequest: the Idempotency-Key is not 1 to 255 visible ASCII characters, or has several values.

    """
    key = single_values.header(headers, "idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        remedy = "Use a UUID, for example."
        raise InvalidRequest([Fault("", "must be 1 to 255 visible ASCII characters", remedy, header="Idempotency-Key")])
    return IdempotencyRecord(_name("key", client, key), fingerprint, KEY_SECONDS, has_key=True)


def from_content(client: str, request: VideoRequest, headers: Mapping[str, str]) -> IdempotencyRecord:
    """Treat equal content as a repetition, as no header distinguishes a retry; an Idempotency-Key has precedence.

    Raises:
        InvalidRequest: the Idempotency-Key is not 1 to 255 visible ASCII characters.

    """
    if "idempotency-key" in headers:
        return from_headers(client, request, headers)
    fingerprint = fingerprint_of(request)
    return IdempotencyRecord(_name("content", client, fingerprint), fingerprint, UNMARKED_RETRY_SECONDS, is_retry=True)


def from_call(client: str, request: VideoRequest) -> IdempotencyRecord:
    """Treat equal content as a repetition: an agent repeats a call that timed out, and nothing marks the second one."""
    fingerprint = fingerprint_of(request)
    return IdempotencyRecord(_name("call", client, fingerprint), fingerprint, RETRY_SECONDS, is_retry=True)


def fingerprint_of(request: VideoRequest) -> str:
    """Return a hash of the content of a request: its parsed fields, and the identity of its files in their order."""
    return _name(request.canonical_json())


def _name(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
