"""DynamoDB's calls on items, without the layers of moto that read and write any service's requests.

They are most of the calls of a job, and JSON in both directions, so only moto's own methods are needed.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError, ServiceException
from moto.core.responses import ActionResult
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler

from .account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .http_server import WsgiApp

TARGET = "DynamoDB_20120810."
JSON = "application/x-amz-json-1.0"
METHODS = {
    "BatchGetItem": "batch_get_item",
    "DeleteItem": "delete_item",
    "GetItem": "get_item",
    "PutItem": "put_item",
    "Query": "query",
    "TransactWriteItems": "transact_write_items",
    "UpdateItem": "update_item",
}
# moto's layers convert bytes.
BYTES = (b'"B":', b'"B" :', b'"BS":', b'"BS" :')


class _Handler(DynamoHandler):
    """moto's handler of one request, whose parameters are read already."""

    def __init__(self, region: str, headers: dict[str, str], parameters: dict[str, Any]) -> None:
        super().__init__()
        self.body = self.params = parameters
        self.region = region
        self.headers = headers
        self.querystring: dict[str, Any] = {}
        self.response_headers: dict[str, Any] = {}

    @property
    def dynamodb_backend(self) -> Any:  # noqa: ANN401 - moto's own
        return dynamodb_backends[ACCOUNT][self.region]


@dataclass(frozen=True, slots=True)
class TableApi:
    """A WSGI application in front of moto's, which answers these calls itself."""

    application: WsgiApp
    region: str

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a call."""
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        method = METHODS.get(target.removeprefix(TARGET))
        if method is None:
            return self.application(environ, start_response)
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if any(mark in content for mark in BYTES):
            return self.application(environ | {"wsgi.input": io.BytesIO(content)}, start_response)
        status, headers, body = self._answer(_headers(environ), method, json.loads(content))
        own = {"Content-Type": JSON, "Content-Length": str(len(body))}
        start_response(status, [*(headers | own).items()])
        return [body]

    def _answer(
        self, sent: dict[str, str], method: str, parameters: dict[str, Any]
    ) -> tuple[str, dict[str, str], bytes]:
        handler = _Handler(self.region, sent, parameters)
        try:
            body = json.dumps(_modelled(getattr(handler, method)().result), default=_text).encode()
            status = "200 OK"
        except ServiceException as refusal:
            code, _, text = handler.serialized(ActionResult(refusal))
            body, status = str(text).encode(), f"{code} -"
        except JsonRESTError as refusal:
            body, status = str(refusal.description).encode(), f"{refusal.code} -"
        return status, {"x-amz-crc32": str(binascii.crc32(body))}, body


def _modelled(result: dict[str, Any]) -> dict[str, Any]:
    """Return what DynamoDB answers, too: a deletion of moto says more."""
    return {name: value for name, value in result.items() if name != "ConsumedCapacityUnits"}


def _text(content: bytes) -> str:
    """Write bytes as DynamoDB sends them."""
    return base64.b64encode(content).decode()


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    """Return the headers that moto's handler reads."""
    return {
        "X-Amz-Target": environ["HTTP_X_AMZ_TARGET"],
        "Content-Type": JSON,
        "Authorization": environ.get("HTTP_AUTHORIZATION", ""),
    }
