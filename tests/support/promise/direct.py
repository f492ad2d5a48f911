"""Moto's table and buckets, spoken to without HTTP: the same items, conditions and errors, in less time."""

from __future__ import annotations

import io
import json
import re
from contextlib import contextmanager
from datetime import UTC
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from moto.s3.models import FakeKey, s3_backends
from moto.s3.utils import metadata_from_headers

from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.calls import Calls

    Way = Callable[[dict[str, Any]], dict[str, Any] | None]

STATUS_OF_A_REFUSAL = 400
_XML = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


class _Table(DynamoHandler):
    """Moto's own view of requests, past what reads them off the wire and writes the answers there."""

    def __init__(self, region: str) -> None:
        super().__init__()
        self._backend = dynamodb_backends[ACCOUNT][region]
        self._lock = Lock()

    @property
    def dynamodb_backend(self) -> Any:  # noqa: ANN401 - moto's own
        return self._backend

    def ask(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        # Moto's handler holds one request at a time, and tests call from many threads.
        with self._lock:
            self.body = request
            answer: dict[str, Any] = getattr(self, name)().result
        return answer


@contextmanager
def direct(client: Any, calls: Calls, region: str) -> Iterator[None]:  # noqa: ANN401 - a client of either service
    """Let a client reach moto directly, as far as a way is known; each call of it is counted either way."""
    service = client.meta.service_model.service_name
    ways = _ways_of_table(region) if service == "dynamodb" else _ways_of_buckets()
    by_http = client._make_api_call  # noqa: SLF001 - where all calls of a client pass

    def call(operation_name: str, api_params: dict[str, Any]) -> dict[str, Any]:
        with calls.noted(operation_name):
            try:
                answer = ways[operation_name](api_params) if operation_name in ways else None
            except (JsonRESTError, ServiceException) as refusal:
                raise _error(client, refusal, operation_name) from refusal
            if answer is None:
                found: dict[str, Any] = by_http(operation_name, api_params)
                return found
            return {"ResponseMetadata": {}, **answer}

    with patch.object(client, "_make_api_call", call):
        yield


def _error(client: Any, refusal: Any, operation: str) -> Exception:  # noqa: ANN401 - moto's and botocore's own
    told = json.loads(refusal.description)
    code = told.pop("__type").rpartition("#")[2]
    metadata = {"ResponseMetadata": {"HTTPStatusCode": STATUS_OF_A_REFUSAL}}
    response = {**told, **metadata, "Error": {"Code": code, "Message": refusal.message}}
    error: Exception = client.exceptions.from_code(code)(response, operation)
    return error


def _ways_of_table(region: str) -> dict[str, Way]:
    table = _Table(region)
    return {
        "GetItem": partial(table.ask, "get_item"),
        "PutItem": partial(table.ask, "put_item"),
        "UpdateItem": partial(table.ask, "update_item"),
        "DeleteItem": partial(table.ask, "delete_item"),
        "TransactWriteItems": partial(table.ask, "transact_write_items"),
        "Query": partial(table.ask, "query"),
    }


def _ways_of_buckets() -> dict[str, Way]:
    buckets = s3_backends[ACCOUNT]["aws"]

    def put(request: dict[str, Any]) -> dict[str, Any] | None:
        if "IfNoneMatch" in request and buckets.get_object(request["Bucket"], request["Key"]):
            return None  # refused, with an answer that only HTTP has
        key = buckets.put_object(request["Bucket"], request["Key"], request["Body"])
        key.set_metadata(_metadata(request))
        return {"ETag": key.etag, "VersionId": key.version_id}

    def create(request: dict[str, Any]) -> dict[str, Any]:
        metadata = _metadata(request)
        if not _XML.fullmatch(request["Key"]):
            # S3 answers with the key, as a reference that XML 1.0 does not allow.
            raise ResponseParserError("Unable to parse response, invalid XML received.")
        made = buckets.create_multipart_upload(
            request["Bucket"], request["Key"], metadata, "STANDARD", {}, None, "", ""
        )
        return {"UploadId": made.id}

    def upload(request: dict[str, Any]) -> dict[str, Any]:
        part = buckets.upload_part(request["Bucket"], request["UploadId"], request["PartNumber"], request["Body"])
        return {"ETag": part.etag}

    def complete(request: dict[str, Any]) -> dict[str, Any]:
        parts = ((part["PartNumber"], part["ETag"]) for part in request["MultipartUpload"]["Parts"])
        key = buckets.complete_multipart_upload(request["Bucket"], request["UploadId"], parts)
        assert isinstance(key, FakeKey)
        return {"VersionId": key.version_id}

    return {
        "GetObject": partial(_read, buckets),
        "PutObject": put,
        "CreateMultipartUpload": create,
        "UploadPart": upload,
        "CompleteMultipartUpload": complete,
    }


def _metadata(request: dict[str, Any]) -> Any:  # noqa: ANN401 - a mapping of moto's own
    named = {f"x-amz-meta-{name}": value for name, value in request.get("Metadata", {}).items()}
    return metadata_from_headers({"content-type": request.get("ContentType", "binary/octet-stream"), **named})


def _read(buckets: Any, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - moto's own
    """Read a version of an object; what else can be asked of S3, or is not there, is left to HTTP."""
    if not request.keys() <= {"Bucket", "Key", "VersionId", "Range"}:
        return None
    key = buckets.get_object(request["Bucket"], request["Key"], version_id=request.get("VersionId"))
    if not isinstance(key, FakeKey):
        return None
    content, part = key.value, {}
    if "Range" in request:
        first, last = map(int, request["Range"].removeprefix("bytes=").split("-"))
        content = content[first : last + 1]
        part = {"ContentRange": f"bytes {first}-{first + len(content) - 1}/{key.size}"}
    own = "x-amz-meta-"
    return {
        "Body": StreamingBody(io.BytesIO(content), len(content)),
        "ContentLength": len(content),
        "ContentType": key.metadata["content-type"],
        "ETag": key.etag,
        "LastModified": key.last_modified.replace(microsecond=0, tzinfo=UTC),
        "Metadata": {name[len(own) :]: value for name, value in key.metadata.items() if name.startswith(own)},
        "VersionId": key.version_id,
        **part,
    }
