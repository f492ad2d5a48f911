"""The permissions that an S3 call needs: they follow from its method, sub-resource and headers."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .ask import Ask, Call

if TYPE_CHECKING:
    from collections.abc import Iterator

_OBJECT = {
    ("GET", ""): "GetObject",
    ("HEAD", ""): "GetObject",
    ("PUT", ""): "PutObject",
    ("DELETE", ""): "DeleteObject",
    ("GET", "acl"): "GetObjectAcl",
    ("PUT", "acl"): "PutObjectAcl",
    ("GET", "attributes"): "GetObjectAttributes",
    ("GET", "legal-hold"): "GetObjectLegalHold",
    ("PUT", "legal-hold"): "PutObjectLegalHold",
    ("GET", "retention"): "GetObjectRetention",
    ("PUT", "retention"): "PutObjectRetention",
    ("GET", "tagging"): "GetObjectTagging",
    ("PUT", "tagging"): "PutObjectTagging",
    ("DELETE", "tagging"): "DeleteObjectTagging",
    ("POST", "restore"): "RestoreObject",
    ("POST", "uploads"): "PutObject",
    ("PUT", "uploadId"): "PutObject",
    ("POST", "uploadId"): "PutObject",
    ("GET", "uploadId"): "ListMultipartUploadParts",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}
_VERSIONED = {
    "GetObject",
    "DeleteObject",
    "GetObjectAcl",
    "GetObjectTagging",
    "PutObjectTagging",
    "GetObjectAttributes",
}
_BUCKET = {
    ("GET", ""): "ListBucket",
    ("HEAD", ""): "ListBucket",
    ("PUT", ""): "CreateBucket",
    ("DELETE", ""): "DeleteBucket",
    ("POST", ""): "PutObject",
    ("GET", "versions"): "ListBucketVersions",
    ("GET", "uploads"): "ListBucketMultipartUploads",
    ("GET", "location"): "GetBucketLocation",
}
_SETTINGS = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Put"}


def split(path: str) -> tuple[str, str]:
    """Return bucket and key of a path-style URL."""
    bucket, _, key = path.lstrip("/").partition("/")
    return unquote(bucket), unquote(key)


def identify(call: Call) -> Iterator[Ask]:
    """Yield all permissions that an S3 call needs."""
    bucket, key = split(call.path)
    if not bucket:
        yield Ask("s3:ListAllMyBuckets", "*")
    elif key:
        yield from _object(call, bucket, key)
    elif call.method == "POST" and "delete" in call.query:
        yield from _deletions(call, bucket)
    else:
        yield Ask(f"s3:{_bucket_action(call)}", f"arn:aws:s3:::{bucket}", _listing(call))


def object_read(call: Call) -> str | None:
    """Return the bucket of a call that reads one object: S3 hides from some callers that an object does not exist."""
    bucket, key = split(call.path)
    reads = call.service == "s3" and key and call.method in ("GET", "HEAD") and "uploadId" not in call.query
    return bucket if reads else None


def _object(call: Call, bucket: str, key: str) -> Iterator[Ask]:
    resource = f"arn:aws:s3:::{bucket}/{key}"
    action = _OBJECT.get((call.method, _sub_resource(call, {name for _, name in _OBJECT})))
    if action is None:
        action = f"{call.method} {call.path}"
    context = _upload_facts(call)
    yield Ask(f"s3:{action}{_version_suffix(action, call.query)}", resource, context)
    if action == "GetObjectAttributes":
        yield Ask("s3:GetObject", resource)
    if action == "PutObject" and "x-amz-tagging" in call.headers:
        yield Ask("s3:PutObjectTagging", resource, context)
    if action == "PutObject" and any(name.startswith(("x-amz-acl", "x-amz-grant-")) for name in call.headers):
        yield Ask("s3:PutObjectAcl", resource, context)
    source = call.headers.get("x-amz-copy-source")
    if source:
        path, _, query = source.partition("?")
        version = "Version" if "versionId=" in query else ""
        yield Ask(f"s3:GetObject{version}", "arn:aws:s3:::{}/{}".format(*split(path)))


def _version_suffix(action: str, query: object) -> str:
    return "Version" if action in _VERSIONED and "versionId" in query else ""  # type: ignore[operator]


def _deletions(call: Call, bucket: str) -> Iterator[Ask]:
    for element in ET.fromstring(call.body).iter():
        if element.tag.rpartition("}")[2] == "Object":
            fields = {child.tag.rpartition("}")[2]: child.text or "" for child in element}
            version = "Version" if "VersionId" in fields else ""
            yield Ask(f"s3:DeleteObject{version}", f"arn:aws:s3:::{bucket}/{fields['Key']}")


def _bucket_action(call: Call) -> str:
    name = _sub_resource(call, {name for _, name in _BUCKET})
    setting = _sub_resource(call, set(_SETTINGS))
    if setting and not name:
        verb = "Delete" if (call.method, setting) in (("DELETE", "policy"), ("DELETE", "website")) else None
        return f"{verb or _VERBS.get(call.method, call.method)}{_SETTINGS[setting]}"
    return _BUCKET.get((call.method, name), f"{call.method} {call.path}")


def _sub_resource(call: Call, names: set[str]) -> str:
    return next((name for name in call.query if name and name in names), "")


def _listing(call: Call) -> dict[str, list[str]]:
    facts = {"prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys"}
    return {key: [call.query[name]] for name, key in facts.items() if name in call.query}


def _upload_facts(call: Call) -> dict[str, list[str]]:
    names = ("x-amz-acl", "x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-content-sha256")
    return {f"s3:{name}": [call.headers[name]] for name in names if name in call.headers}
