"""The HTTPS door for files that are too large for a request: a presigned form uploads them to the inbox directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import clock, log
from gallop.adapters.s3 import presigned
from gallop.domain import media_rules, models
from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault, pointer_to
from gallop.domain.request import uploads

if TYPE_CHECKING:
    from gallop.doors.https.bodies import Body

# The types of images that are accepted; Gallop converts all but the first three to one of those.
IMAGE_TYPES = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/heic",
    "image/heif",
    "image/avif",
    "image/tiff",
    "image/bmp",
    "image/gif",
)
VIDEO_TYPES = ("video/mp4", "video/quicktime")
MEDIA_TYPES = (*IMAGE_TYPES, *VIDEO_TYPES)

_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/tif": "image/tiff",
    "image/x-tiff": "image/tiff",
    "image/x-bmp": "image/bmp",
    "image/x-ms-bmp": "image/bmp",
    "video/mpeg4": "video/mp4",
    "video/x-mp4": "video/mp4",
    "video/m4v": "video/mp4",
    "video/x-m4v": "video/mp4",
    "application/mp4": "video/mp4",
    "video/mov": "video/quicktime",
    "video/x-quicktime": "video/quicktime",
}


def create_upload(client: str, body: Body) -> dict[str, Any]:
    """Return a form that uploads an image or a video of a client, which is checked when a request names it.

    Raises:
        InvalidRequest: with every fault.
        UnsupportedMediaType: the body is not JSON.

    """
    media_type = _media_type(body.json())
    limit = media_rules.MAX_VIDEO_BYTES if media_type in VIDEO_TYPES else models.MAX_PICTURE_BYTES
    upload_id = uploads.new_id()
    form = presigned.form_for_upload(uploads.key_of(client, upload_id), media_type, limit)
    log.info("upload prepared", upload_id=upload_id, client=client)
    return {
        "id": upload_id,
        "object": "upload",
        "url": form["url"],
        "fields": form["fields"],
        "content_type": media_type,
        "max_bytes": limit,
        "expires_at": int(clock.now()) + presigned.SECONDS_FOR_UPLOAD,
    }


def _media_type(fields: dict[str, Any]) -> str:
    sent = fields.pop("content_type", None)
    media_type = sent.partition(";")[0].strip().lower() if isinstance(sent, str) else ""
    media_type = _ALIASES.get(media_type, media_type)
    remedy = f"Use one of {', '.join(MEDIA_TYPES)}."
    faults = [Fault(pointer_to(name), "is not a field of an upload", "Send content_type only.") for name in fields]
    if media_type not in MEDIA_TYPES:
        faults.append(Fault("/content_type", "is not a supported type of image or video", remedy))
    if faults:
        raise InvalidRequest(faults)
    return str(media_type)
