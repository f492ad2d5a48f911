"""Moto's table and buckets, spoken to without HTTP: the same items, conditions and errors, in less time."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody
from botocore.validate import ParamValidator
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeKey, s3_backends
from moto.s3.utils import metadata_from_headers

from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    Way = Callable[[dict[str, Any]], dict[str, Any] | None]

STATUS_OF_A_REFUSAL = 400
_VALIDATOR = ParamValidator()
_OWN = "x-amz-meta-"
_PAGE = 1000
_OF_PUT = {"Bucket", "Key", "Body", "ContentType", "CacheControl", "Metadata", "Tagging", "IfNoneMatch"}
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


class Direct:
    """The calls of two services whose answers moto gives without HTTP."""

    def __init__(self, region: str) -> None:
        """Reach the table of a region, and the buckets."""
        self._ways = {"dynamodb": _ways_of_table(region), "s3": _ways_of_buckets()}

    def answer(self, client: Any, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - a client of any service
        """Return the answer to a call; None if only HTTP has it, or refuses it. Raises what the client would raise."""
        service = client.meta.service_model
        way = self._ways.get(service.service_name, {}).get(operation)
        if way is None or _VALIDATOR.validate(request, service.operation_model(operation).input_shape).has_errors():
            return None
        try:
            answer = way(request)
        except S3ClientError:
            return None
        except (JsonRESTError, ServiceException) as refusal:
            raise _error(client, refusal, operation) from refusal
        return None if answer is None else {"ResponseMetadata": {}, **answer}


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
        "HeadObject": partial(_head, buckets),
        "ListObjectsV2": partial(_list, buckets),
        "PutObject": partial(_put, buckets),
        "CreateMultipartUpload": create,
        "UploadPart": upload,
        "CompleteMultipartUpload": complete,
    }


def _metadata(request: dict[str, Any]) -> Any:  # noqa: ANN401 - a mapping of moto's own
    named = {f"{_OWN}{name}": value for name, value in request.get("Metadata", {}).items()}
    cached = {"cache-control": request["CacheControl"]} if "CacheControl" in request else {}
    return metadata_from_headers({"content-type": request.get("ContentType", "binary/octet-stream"), **cached, **named})


def _found(buckets: Any, request: dict[str, Any]) -> FakeKey | None:  # noqa: ANN401 - moto's own
    """Find a version of an object; one that is not there, or was deleted, is left to HTTP, and how S3 says so."""
    bucket = buckets.buckets.get(request["Bucket"])
    key = bucket and buckets.get_object(request["Bucket"], request["Key"], version_id=request.get("VersionId"))
    return key if isinstance(key, FakeKey) else None


def _described(key: FakeKey) -> dict[str, Any]:
    cached = {"CacheControl": key.metadata["cache-control"]} if "cache-control" in key.metadata else {}
    return {
        "ContentLength": key.size,
        "ContentType": key.metadata["content-type"],
        "ETag": key.etag,
        "LastModified": key.last_modified.replace(microsecond=0, tzinfo=UTC),
        "Metadata": {name[len(_OWN) :]: value for name, value in key.metadata.items() if name.startswith(_OWN)},
        "VersionId": key.version_id,
        **cached,
    }


def _read(buckets: Any, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - moto's own
    key = _found(buckets, request) if request.keys() <= {"Bucket", "Key", "VersionId", "Range"} else None
    if key is None:
        return None
    content, part = key.value, {}
    if "Range" in request:
        first, last = map(int, request["Range"].removeprefix("bytes=").split("-"))
        content = content[first : last + 1]
        part = {"ContentRange": f"bytes {first}-{first + len(content) - 1}/{key.size}"}
    body = {"Body": StreamingBody(io.BytesIO(content), len(content)), "ContentLength": len(content)}
    return {**_described(key), **body, **part}


def _head(buckets: Any, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - moto's own
    key = _found(buckets, request) if request.keys() <= {"Bucket", "Key", "VersionId"} else None
    return None if key is None else _described(key)


def _list(buckets: Any, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - moto's own
    """List a page, if it is the only one."""
    bucket = buckets.buckets.get(request["Bucket"])
    if bucket is None or not request.keys() <= {"Bucket", "Prefix", "Delimiter"}:
        return None
    names = request.get("Prefix"), request.get("Delimiter")
    found, is_truncated, _ = buckets.list_objects_v2(bucket, *names, None, None, _PAGE)
    if is_truncated or not all(_XML.fullmatch(one if isinstance(one, str) else one.name) for one in found):
        return None
    keys = [
        {
            "Key": key.name,
            "LastModified": key.last_modified.replace(microsecond=0, tzinfo=UTC),
            "ETag": key.etag,
            "Size": key.size,
            "StorageClass": key.storage_class,
        }
        for key in found
        if isinstance(key, FakeKey)
    ]
    folders = [{"Prefix": one} for one in found if isinstance(one, str)]
    return {
        "IsTruncated": False,
        **({"Contents": keys} if keys else {}),
        **({"CommonPrefixes": folders} if folders else {}),
    }


def _put(buckets: Any, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - moto's own
    """Write an object, unless HTTP alone has the answer: to a condition that does not hold."""
    bucket = buckets.buckets.get(request["Bucket"])
    metadata = "".join(request.get("Metadata", {}).values())
    if (
        bucket is None
        or not request.keys() <= _OF_PUT
        or not isinstance(request["Body"], bytes)
        or not metadata.isascii()
    ):
        return None
    if "IfNoneMatch" in request and request["Key"] in bucket.keys:
        return None
    key = buckets.put_object(request["Bucket"], request["Key"], request["Body"])
    key.set_metadata(_metadata(request))
    if "Tagging" in request:
        buckets.put_object_tagging(key, dict(parse_qsl(request["Tagging"])))
    return {"ETag": key.etag, "VersionId": key.version_id}
