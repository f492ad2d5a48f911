"""When multipart uploads began: moto says 2010 of all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.s3.models import FakeMultipart
from moto.s3.responses import S3Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ALWAYS = "2010-11-10T20:48:33.000Z"


def changes(now: Callable[[], float]) -> Iterator[tuple[object, str, Any]]:
    """Yield what to replace in moto, and with what."""
    create, listed = FakeMultipart.__init__, S3Response.list_multipart_uploads

    def create_with_time(upload: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - moto's own
        create(upload, *args, **kwargs)
        upload.initiated = now()

    def list_with_times(response: Any) -> Any:  # noqa: ANN401 - moto's own
        status, headers, body = listed(response)
        text = body if isinstance(body, str) else body.decode()
        prefix = response.querystring.get("prefix", [""])[0]
        uploads = response.backend.list_multipart_uploads(response.bucket_name).values()
        for upload in uploads:
            if upload.key_name.startswith(prefix):
                began = datetime.fromtimestamp(int(upload.initiated), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
                text = text.replace(_ALWAYS, began, 1)
        return status, headers, text

    yield FakeMultipart, "__init__", create_with_time
    yield S3Response, "list_multipart_uploads", list_with_times
