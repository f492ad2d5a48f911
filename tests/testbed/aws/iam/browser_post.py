"""Uploads by a signed form (S3's "POST Object"): check its policy completely, and convert the form to a plain PUT.

moto accepts such a form without checking its policy: size, type, key and expiration.
"""

from __future__ import annotations

import base64
import hmac
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from python_multipart import parse_form
from python_multipart.exceptions import FormParserError

from .ask import Ask
from .signature import BadSignature, Credential

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .identities import Principal

_TIME = "%Y%m%dT%H%M%SZ"
_UNCOVERED = {"file", "policy", "x-amz-signature"}


@dataclass(slots=True)
class SignedForm:
    """A received form: fields by their names in lower case, and the file."""

    bucket: str
    fields: dict[str, str] = field(default_factory=dict)
    file: bytes | None = None

    @property
    def key(self) -> str:
        """The object key of the upload."""
        return self.fields.get("key", "")

    @property
    def ask(self) -> Ask:
        """The permission that the signer needs."""
        return Ask("s3:PutObject", f"arn:aws:s3:::{self.bucket}/{self.key}")

    def credential(self) -> Credential:
        """Return the signer's credential; raise ``BadSignature`` if there is none."""
        try:
            return Credential.parse(self.fields["x-amz-credential"])
        except (KeyError, ValueError):
            raise BadSignature("AccessDenied", "Access Denied") from None


def is_signed_form(environ: Mapping[str, Any]) -> bool:
    """Return whether a request is such an upload: a form sent to a bucket."""
    return (
        environ["REQUEST_METHOD"] == "POST"
        and str(environ.get("CONTENT_TYPE", "")).startswith("multipart/form-data")
        and not environ.get("QUERY_STRING")
        and "/" not in environ["PATH_INFO"].strip("/")
    )


def read(environ: Mapping[str, Any]) -> SignedForm:
    """Read the form; raise ``BadSignature`` if it is invalid. Fields after the file are ignored, as on S3."""
    form = SignedForm(environ["PATH_INFO"].strip("/"))

    def on_field(found: Any) -> None:  # noqa: ANN401 - the parser's own
        if form.file is None:
            form.fields[found.field_name.decode().lower()] = (found.value or b"").decode()

    def on_file(found: Any) -> None:  # noqa: ANN401 - as above
        found.file_object.seek(0)
        form.file = found.file_object.read()
        found.close()

    headers = {"Content-Type": environ["CONTENT_TYPE"].encode(), "Content-Length": environ["CONTENT_LENGTH"].encode()}
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    try:
        parse_form(headers, io.BytesIO(body), on_field, on_file)
    except FormParserError:
        raise BadSignature("MalformedPOSTRequest", "The body is not well-formed multipart/form-data.", 400) from None
    if form.file is None:
        raise BadSignature("InvalidArgument", "POST requires exactly one file upload per request.", 400)
    return form


def check(form: SignedForm, principal: Principal, age: Callable[[float], float]) -> None:
    """Check signature, expiration (by its simulated ``age``) and conditions of a policy; raise ``BadSignature``."""
    policy = form.fields.get("policy", "")
    expected = form.credential().sign(principal.secret, policy)
    if not hmac.compare_digest(expected, form.fields.get("x-amz-signature", "")):
        raise BadSignature("SignatureDoesNotMatch", "The request signature we calculated does not match.")
    parsed = json.loads(base64.b64decode(policy))
    signed_at = datetime.strptime(form.fields["x-amz-date"], _TIME).replace(tzinfo=UTC).timestamp()
    lifetime = datetime.fromisoformat(parsed["expiration"]).timestamp() - signed_at
    if age(signed_at) > lifetime:
        raise _invalid("Policy expired.")
    values = {**form.fields, "bucket": form.bucket}
    covered = {name for condition in parsed["conditions"] for name in _covered(condition, values, form.file or b"")}
    extra = sorted(name for name in form.fields.keys() - covered - _UNCOVERED if not name.startswith("x-ignore-"))
    if extra:
        raise _invalid(f"Extra input fields: {', '.join(extra)}")


def as_put(form: SignedForm, environ: dict[str, Any]) -> dict[str, Any]:
    """Return the request that puts the same object; moto refuses one without a signature if the object exists."""
    path = f"/{form.bucket}/{form.key}"
    credential = form.fields["x-amz-credential"]
    file = form.file or b""
    return {
        **environ,
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": path,
        "RAW_URI": quote(path),
        "REQUEST_URI": quote(path),
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=, Signature=",
        "CONTENT_TYPE": form.fields.get("content-type", "binary/octet-stream"),
        "CONTENT_LENGTH": str(len(file)),
        "wsgi.input": io.BytesIO(file),
    }


def _covered(condition: Any, values: Mapping[str, str], file: bytes) -> set[str]:  # noqa: ANN401 - JSON
    """Check a condition; return the names of the fields that it covers."""
    if isinstance(condition, dict):
        return {name for key, value in condition.items() for name in _covered(["eq", f"${key}", value], values, file)}
    kind, first, second = condition
    if kind == "content-length-range":
        _check_size(len(file), int(first), int(second))
        return set()
    name = first.removeprefix("$").lower()
    value = values.get(name, "")
    if not (value == second if kind == "eq" else value.startswith(second)):
        raise _invalid(f"Policy Condition failed: {json.dumps(condition)}")
    return {name}


def _check_size(size: int, minimum: int, maximum: int) -> None:
    if size > maximum:
        raise BadSignature("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400)
    if size < minimum:
        raise BadSignature("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400)


def _invalid(reason: str) -> BadSignature:
    return BadSignature("AccessDenied", f"Invalid according to Policy: {reason}")
