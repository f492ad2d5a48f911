"""The object store behind DashScope (OSS): V1-signed URLs of results, and the target of temporary uploads."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fake_dashscope import ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    import httpx

    from fake_dashscope.task import Task

ACCESS_KEY_ID = "LTAI5tFakeDashScopeKey01"
SECRET = b"fake-dashscope-oss-secret"
RESULT_BUCKET = "dashscope-a717"
RESULT_HOST = f"{RESULT_BUCKET}.oss-accelerate.aliyuncs.com"
UPLOAD_BUCKET = "dashscope-file-mgr"
UPLOAD_HOST = f"{UPLOAD_BUCKET}.oss-accelerate.aliyuncs.com"
URL_SECONDS = 24 * 3600
POLICY_SECONDS = 300
UPLOAD_SECONDS = 48 * 3600
MAX_UPLOAD_MEGABYTES = 100


class OssError(Exception):
    """An error of the object store."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Take the ``code`` and ``message`` of the object store."""
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message

    def xml(self, request_id: str, host: str) -> bytes:
        """Return it in the XML of the object store."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error>\n  <Code>{self.code}</Code>\n  <Message>{self.message}</Message>\n"
            f"  <RequestId>{request_id}</RequestId>\n  <HostId>{host}</HostId>\n</Error>\n"
        ).encode()


EXPIRED = OssError(403, "AccessDenied", "Request has expired.")
NO_SUCH_KEY = OssError(404, "NoSuchKey", "The specified key does not exist.")


def at_alibaba(url: httpx.URL) -> bool:
    """Whether a request was meant for Alibaba's own hosts, as on respx."""
    return url.host.endswith(".aliyuncs.com")


def origin(url: httpx.URL, bucket: str, host: str) -> str:
    """Return the base URL of a bucket that the caller of ``url`` can reach."""
    if at_alibaba(url):
        return f"https://{host}"
    return f"{url.scheme}://{url.netloc.decode()}/{bucket}"


def locate(url: httpx.URL) -> tuple[str, str]:
    """Return bucket and key of a request to the object store."""
    if at_alibaba(url):
        return url.host.split(".", 1)[0], url.path.lstrip("/")
    bucket, _, key = url.path.lstrip("/").partition("/")
    return bucket, key


def result_key(task: Task, rng: Random) -> str:
    """Return the name of a result, in DashScope's format."""
    day = ids.local_time(task.ended)[:10].replace("-", "")
    digits = f"{rng.getrandbits(80):020x}"
    suffix = "refiner_watermark" if task.order.watermark else "refiner"
    tier = task.order.resolution.lower()
    number = int(digits[12:], 16) % 10**8
    return f"{digits[:2]}/{digits[2:4]}/{day}/{digits[4:12]}/{number:08d}-metadata_video_{tier}_{task.id}_{suffix}.mp4"


def sign(verb: str, bucket: str, key: str, expires: int) -> str:
    """Return the V1 signature of verb, expiry and object."""
    text = f"{verb}\n\n\n{expires}\n/{bucket}/{key}"
    return base64.b64encode(hmac.new(SECRET, text.encode(), hashlib.sha1).digest()).decode()


def signed_query(bucket: str, key: str, expires: int) -> str:
    """Return the query of a signed GET."""
    signature = quote(sign("GET", bucket, key, expires), safe="")
    return f"Expires={expires}&OSSAccessKeyId={ACCESS_KEY_ID}&Signature={signature}"


def check(request: httpx.Request, now: float) -> str:
    """Check a signed GET at ``now`` and return its key; raises ``OssError``."""
    bucket, key = locate(request.url)
    params = request.url.params
    if "authorization" in request.headers and "Signature" in params:
        raise OssError(400, "InvalidArgument", "Authorization header and signed query cannot be combined.")
    if params.get("OSSAccessKeyId") != ACCESS_KEY_ID or not params.get("Expires", "").isdigit():
        raise OssError(403, "AccessDenied", "You have no right to access this object because of bucket acl.")
    expires = int(params["Expires"])
    if now >= expires:
        raise EXPIRED
    if not hmac.compare_digest(params.get("Signature", ""), sign(request.method, bucket, key, expires)):
        raise OssError(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )
    return key


@dataclass(frozen=True, slots=True)
class Upload:
    """One temporary upload of an account for a model; it is deleted at ``expires``."""

    body: bytes
    account: str
    model: str
    expires: float


class Uploads:
    """The upload policies issued and the objects uploaded with them."""

    def __init__(self, rng: Random) -> None:
        """Draw folder names from ``rng``."""
        self._rng = rng
        self._owners: dict[str, tuple[str, str]] = {}
        self._objects: dict[str, Upload] = {}

    def policy(self, account: str, model: str, host: str, now: float) -> dict[str, Any]:
        """Return the ``data`` of a getPolicy reply."""
        owner = hashlib.md5(f"{account}/{model}".encode(), usedforsecurity=False).hexdigest()
        day = ids.local_time(now)[:10]
        folder = f"dashscope-instant/{owner}/{day}/{ids.task_id(self._rng)}"
        self._owners[folder] = (account, model)
        expires = datetime.fromtimestamp(now + POLICY_SECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        conditions = [
            ["content-length-range", 0, MAX_UPLOAD_MEGABYTES * 1024 * 1024],
            ["starts-with", "$key", folder],
            {"bucket": UPLOAD_BUCKET},
            {"x-oss-object-acl": "private"},
            {"x-oss-forbid-overwrite": "true"},
        ]
        policy = base64.b64encode(json.dumps({"expiration": expires, "conditions": conditions}).encode()).decode()
        return {
            "policy": policy,
            "signature": _policy_signature(policy),
            "upload_dir": folder,
            "upload_host": host,
            "expire_in_seconds": POLICY_SECONDS,
            "max_file_size_mb": MAX_UPLOAD_MEGABYTES,
            "capacity_limit_mb": 999999999,
            "oss_access_key_id": ACCESS_KEY_ID,
            "x_oss_object_acl": "private",
            "x_oss_forbid_overwrite": "true",
        }

    def store(self, form: Mapping[str, str], body: bytes, now: float) -> None:
        """Store one uploaded file; raises ``OssError``."""
        policy, key = form.get("policy", ""), form.get("key", "")
        if form.get("Signature") != _policy_signature(policy) or form.get("OSSAccessKeyId") != ACCESS_KEY_ID:
            raise OssError(403, "SignatureDoesNotMatch", "The form signature does not match.")
        document = json.loads(base64.b64decode(policy))
        if now >= datetime.fromisoformat(document["expiration"]).timestamp():
            raise OssError(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
        folder = document["conditions"][1][2]
        if not key.startswith(f"{folder}/") or form.get("x-oss-object-acl") != "private":
            raise OssError(403, "AccessDenied", "Invalid according to Policy: Policy Condition failed.")
        if len(body) > MAX_UPLOAD_MEGABYTES * 1024 * 1024:
            raise OssError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
        if key in self._objects:
            raise OssError(
                409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten."
            )
        self._objects[key] = Upload(body, *self._owners[folder], now + UPLOAD_SECONDS)

    def find(self, url: str, account: str, model: str, now: float) -> bytes | None:
        """Return the content of an ``oss://…`` URL, for its own account and model only."""
        upload = self._objects.get(url.removeprefix("oss://"))
        if upload is None or (upload.account, upload.model) != (account, model) or now >= upload.expires:
            return None
        return upload.body


def _policy_signature(policy: str) -> str:
    return base64.b64encode(hmac.new(SECRET, policy.encode(), hashlib.sha1).digest()).decode()
