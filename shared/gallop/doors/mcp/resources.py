"""Each finished video as a resource: what it is, with a link to fetch it, and its thumbnail inline."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gallop.adapters.s3 import buckets
from gallop.domain.errors import InvalidRequest, JobNotFound, NoSuchObject, ObjectTooLarge
from gallop.domain.job import JobState
from gallop.doors.https import json_text, listing, videos
from gallop.doors.mcp import tools, versions
from gallop.doors.mcp.messages import INVALID_PARAMS, RESOURCE_NOT_FOUND, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.job import Job
    from gallop.doors.mcp.call import Call
    from gallop.doors.mcp.messages import Message

_PLACE = "gallop://videos/"
_JSON = "application/json"
# An answer of a function may have 6 MB, and base64 is a third longer. Real thumbnails have a tenth of a megabyte.
MAX_THUMBNAIL_BYTES = 3_000_000
MAX_TITLE_CHARACTERS = 80


def listed(call: Call, message: Message) -> dict[str, Any]:
    """List a page of the finished videos that the caller may see, newest first.

    Raises:
        ProtocolError: the cursor is not one of this list.

    """
    return page(call, message, "resources", _entry, status=JobState.SUCCEEDED.value)


def page(
    call: Call, message: Message, name: str, entry: Callable[[dict[str, Any]], dict[str, Any]], **asked: str
) -> dict[str, Any]:
    """List a page of the jobs that the caller may see, newest first: under a name, each as ``entry`` shows its view.

    Raises:
        ProtocolError: the cursor is not one of this list.

    """
    cursor = {"after": message.text("cursor")} if "cursor" in message.params else {}
    try:
        found = listing.page(call.caller, {**asked, **cursor}, call.api_url)
    except InvalidRequest as error:
        raise ProtocolError(INVALID_PARAMS, f"Invalid cursor: {error}") from None
    shown = {name: [entry(view) for view in found["data"]]}
    return {**shown, "nextCursor": found["last_id"]} if found["has_more"] else shown


def templates(_: Call, __: Message) -> dict[str, Any]:
    """Say which address each video has."""
    template = {
        "uriTemplate": f"{_PLACE}{{id}}",
        "name": "video",
        "title": "A video",
        "description": "The state of a video by the id of its job; once it is finished, its link and thumbnail.",
        "mimeType": _JSON,
    }
    return {"resourceTemplates": [template]}


def read(call: Call, message: Message) -> dict[str, Any]:
    """Show a job as JSON, with a link to its video, and its thumbnail as a picture.

    Raises:
        ProtocolError: there is no such resource, or it is another client's.

    """
    uri = message.text("uri")
    try:
        job = videos.video(call.caller, uri.removeprefix(_PLACE) if uri.startswith(_PLACE) else "")
    except JobNotFound:
        code = INVALID_PARAMS if call.version == versions.MODERN else RESOURCE_NOT_FOUND
        raise ProtocolError(code, "Resource not found", {"uri": uri[:200]}) from None
    text = json_text.dumps(tools.shown(call, job))
    return {"contents": [{"uri": uri, "mimeType": _JSON, "text": text}, *_thumbnail(uri, job)]}


def _entry(view: dict[str, Any]) -> dict[str, Any]:
    prompt = view["prompt"] or view["kind"] or "video"
    is_long = len(prompt) > MAX_TITLE_CHARACTERS
    return {
        "uri": f"{_PLACE}{view['id']}",
        "name": view["id"],
        "title": f"{prompt[: MAX_TITLE_CHARACTERS - 3]}..." if is_long else prompt,
        "description": f"{view['model']}, {view['seconds']} s, {view['resolution']}",
        "mimeType": _JSON,
    }


def _thumbnail(uri: str, job: Job) -> list[dict[str, Any]]:
    if job.thumbnail is None:
        return []
    with suppress(NoSuchObject, ObjectTooLarge):
        blob = base64.b64encode(buckets.read_result(job.thumbnail, MAX_THUMBNAIL_BYTES)).decode()
        return [{"uri": f"{uri}/thumbnail", "mimeType": job.thumbnail.content_type, "blob": blob}]
    return []
