"""Input media: downloaded and checked when a task starts, with DashScope's message for each failure."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from fake_dashscope.catalogue import frame_size, frame_size_like
from fake_dashscope.errors import VendorError
from fake_dashscope.models import ADAPTIVE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fake_dashscope.models import MediaKind, MediaRule, Model
    from fake_dashscope.order import Media, Order
    from fake_dashscope.switches import Switches

NO_LENGTH = "Missing Content-Length of multimodal url."
FORBIDDEN = "Don't have authorization to access the media resource during the data inspection process."
NOT_THERE = "Failed to find the requested media resource during the data inspection process."
TOO_SLOW = "Download the media resource timed out during the data inspection process."
NOT_FETCHED = "Failed to download multimodal content."
NOT_DECODED = "Failed to decode the image during the data inspection."
NOT_AN_IMAGE = "image format error"
TOO_LARGE = "Multimodal file size is too large"
WRONG_SIZE = "the size of input image is too small or too large."
PLACEHOLDER_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Medium:
    """One downloaded and checked medium, or a placeholder (``path`` is None)."""

    type: str
    kind: MediaKind
    label: str
    digest: str
    path: Path | None = None
    width: int = 0
    height: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """The inputs of a task, or why they failed. Times in simulated seconds, sizes in pixels.

    ``input_seconds`` are those that are billed.
    """

    media: tuple[Medium, ...] = ()
    size: tuple[int, int] = (0, 0)
    output_seconds: float = 0.0
    input_seconds: float = 0.0
    elapsed: float = 0.0
    failure: VendorError | None = None


class Fetch(Protocol):
    """Downloads a URL: returns the body, or raises ``VendorError``."""

    def __call__(self, url: str, max_bytes: int, timeout: float) -> bytes:
        """Download up to ``max_bytes`` of ``url`` within ``timeout`` real seconds."""
        ...


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def fetch(url: str, max_bytes: int, timeout: float) -> bytes:
    """Download a URL; as at DashScope, the response must have a ``Content-Length``."""
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(Request(url, headers={"User-Agent": "dashscope-fetch"}), timeout=timeout) as reply:
            if reply.headers.get("Content-Length") is None:
                raise VendorError("InternalError.Algo", NO_LENGTH)
            body: bytes = reply.read(max_bytes + 1)
            if len(body) < min(int(reply.headers["Content-Length"]), max_bytes + 1):
                raise VendorError("InvalidParameter", NOT_FETCHED)
            return body
    except HTTPError as error:
        error.close()
        raise VendorError("InvalidParameter", {403: FORBIDDEN, 404: NOT_THERE}.get(error.code, NOT_FETCHED)) from error
    except (OSError, HTTPException, ValueError) as error:
        slow = isinstance(error, TimeoutError) or (
            isinstance(error, URLError) and isinstance(error.reason, TimeoutError)
        )
        raise VendorError("InvalidParameter", TOO_SLOW if slow else NOT_FETCHED) from error


class Library:
    """Downloads and checks the media of an order; stores each content once under ``folder``."""

    def __init__(self, folder: Path, switches: Switches, get: Fetch = fetch) -> None:
        """Download with ``get`` what ``switches.fetch`` allows."""
        self._folder = folder
        self._switches = switches
        self._get = get

    def prepare(self, order: Order, uploads: Mapping[str, bytes]) -> Prepared:
        """Download all that ``order`` needs; a failure is part of the result, never raised."""
        if order.fault:
            return Prepared()
        try:
            media = tuple(self._medium(item, order.model.rule(item.type), uploads) for item in order.media)
            _check_totals(order.model, media)
        except VendorError as failure:
            return Prepared(failure=failure)
        seconds = _output_seconds(order, media)
        return Prepared(media, _frame(order, media), seconds, self._billed(order.model, media, seconds))

    def _billed(self, model: Model, media: tuple[Medium, ...], output_seconds: float) -> float:
        """Return the input seconds that are billed. All of a long input's: an inference, hence a switch."""
        given = 0.0
        for medium in media:
            rule = model.rule(medium.type)
            used = self._switches.edit_input == "used" and rule.sets_length
            given += (min(medium.seconds, output_seconds) if used else medium.seconds) if rule.billed else 0.0
        return given

    def _medium(self, item: Media, rule: MediaRule, uploads: Mapping[str, bytes]) -> Medium:
        body = self._body(item, rule, uploads)
        if body is None:
            return _placeholder(item, rule)
        if len(body) > rule.max_bytes:
            image = rule.kind == "image"
            raise VendorError("InvalidParameter", TOO_LARGE) if image else VendorError("InvalidFile.Size")
        from fake_dashscope import examine  # noqa: PLC0415  the image and video libraries are heavy

        found = examine.examine(body, rule)
        digest = hashlib.sha256(body).hexdigest()
        path = self._folder / digest
        if not path.exists():
            path.write_bytes(body)
        return Medium(item.type, rule.kind, "", digest, path, found.width, found.height, found.seconds)

    def _body(self, item: Media, rule: MediaRule, uploads: Mapping[str, bytes]) -> bytes | None:
        if item.url.startswith("data:"):
            return _decode(item.url)
        if item.url.startswith("oss://"):
            return uploads[item.url]
        if self._switches.fetch == "all" or is_loopback(item.url):
            return self._get(item.url, rule.max_bytes, self._switches.fetch_timeout)
        return None


def _placeholder(item: Media, rule: MediaRule) -> Medium:
    """Stand in for what is not downloaded; a video or an audio of it has a length that the model takes."""
    label = urlsplit(item.url).path.rsplit("/", 1)[-1]
    longest = rule.total_seconds / rule.maximum if rule.total_seconds else PLACEHOLDER_SECONDS
    seconds = 0.0 if rule.kind == "image" else min(PLACEHOLDER_SECONDS, longest)
    return Medium(item.type, rule.kind, label, hashlib.sha256(item.url.encode()).hexdigest(), seconds=seconds)


def _decode(url: str) -> bytes:
    head, _, data = url.partition(",")
    if not head.lower().endswith(";base64"):
        raise VendorError("InvalidParameter", NOT_AN_IMAGE)
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise VendorError("InvalidParameter", NOT_AN_IMAGE) from error


def _check_totals(model: Model, media: tuple[Medium, ...]) -> None:
    for rule in model.media:
        total = sum(medium.seconds for medium in media if medium.type == rule.type)
        if rule.total_seconds and total > rule.total_seconds:
            raise VendorError("InvalidFile.Duration")


def _output_seconds(order: Order, media: tuple[Medium, ...]) -> float:
    given = [medium.seconds for medium in media if order.model.rule(medium.type).sets_length]
    return min(given[0], float(order.model.max_seconds)) if given else float(order.seconds)


def _frame(order: Order, media: tuple[Medium, ...]) -> tuple[int, int]:
    if order.ratio not in {"", ADAPTIVE}:
        return frame_size(order.resolution, order.ratio)
    edited = [medium for medium in media if order.model.rule(medium.type).sets_length]
    for medium in edited or media:
        if medium.width:
            return frame_size_like(order.resolution, medium.width, medium.height)
    return frame_size(order.resolution, "16:9")
