"""The calls of moto's buckets without HTTP, for ``tests.support.direct``."""

from __future__ import annotations

import io
import re
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody
from moto.s3.models import FakeKey, s3_backends
from moto.s3.utils import metadata_from_headers

from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from tests.support.direct import Way

_OWN = "x-amz-meta-"
_PAGE = 1000
_OF_PUT = {"Bucket", "Key", "Body", "ContentType", "CacheControl", "Metadata", "Tagging", "IfNoneMatch"}
_XML = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


def ways() -> dict[str, Way]:
    """Return the ways by the names of calls; each gives None where only HTTP has the answer."""
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
        "DeleteObject": partial(_delete, buckets),
        "ListObjectVersions": partial(_list_versions, buckets),
        "ListMultipartUploads": partial(_list_uploads, buckets),
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
        "LastModified": _seconds(key),
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
    keys = [_listed(key) for key in found if isinstance(key, FakeKey)]
    folders = [{"Prefix": one} for one in found if isinstance(one, str)]
    return {
        "IsTruncated": False,
        **({"Contents": keys} if keys else {}),
        **({"CommonPrefixes": folders} if folders else {}),
    }


def _seconds(version: Any) -> Any:  # noqa: ANN401 - moto's own
    return version.last_modified.replace(microsecond=0, tzinfo=UTC)


def _listed(key: FakeKey) -> dict[str, Any]:
    return {
        "Key": key.name,
        "LastModified": _seconds(key),
        "ETag": key.etag,
        "Size": key.size,
        "StorageClass": key.storage_class,
    }


def _list_versions(buckets: Any, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - moto's own
    """List a page of versions, if it is the only one; the newest of a key is first."""
    bucket = buckets.buckets.get(request["Bucket"])
    if bucket is None or not request.keys() <= {"Bucket", "Prefix"}:
        return None
    names = sorted(name for name in bucket.keys if name.startswith(request.get("Prefix", "")))
    found = [_of_key(bucket.keys.getlist(name)) for name in names]
    versions = [one for key in found for one in key if "ETag" in one]
    markers = [one for key in found for one in key if "ETag" not in one]
    if len(versions) + len(markers) > _PAGE or not all(map(_XML.fullmatch, names)):
        return None
    return {
        "IsTruncated": False,
        **({"Versions": versions} if versions else {}),
        **({"DeleteMarkers": markers} if markers else {}),
    }


def _of_key(versions: list[Any]) -> list[dict[str, Any]]:
    """Describe all versions of a key, the newest first."""
    ordered = sorted(versions, key=lambda one: one.last_modified, reverse=True)
    return [
        {
            **(_listed(one) if isinstance(one, FakeKey) else {"Key": one.name, "LastModified": _seconds(one)}),
            "VersionId": one.version_id,
            "IsLatest": one is ordered[0],
        }
        for one in ordered
    ]


def _list_uploads(buckets: Any, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - moto's own
    """List no uploads: only HTTP describes one."""
    bucket = buckets.buckets.get(request["Bucket"])
    known = {"Bucket", "Prefix", "Delimiter", "EncodingType"}
    if bucket is None or bucket.multiparts or not request.keys() <= known:
        return None
    return {"IsTruncated": False, **{name: value for name, value in request.items() if name == "EncodingType"}}


def _delete(buckets: Any, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - moto's own
    """Delete an object, or a version of it, without a condition."""
    bucket = buckets.buckets.get(request["Bucket"])
    if bucket is None or not request.keys() <= {"Bucket", "Key", "VersionId"}:
        return None
    _, meta = buckets.delete_object(request["Bucket"], request["Key"], version_id=request.get("VersionId"))
    marker = {"DeleteMarker": True} if "delete-marker" in meta else {}
    return {**marker, **({"VersionId": meta["version-id"]} if "version-id" in meta else {})}


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
