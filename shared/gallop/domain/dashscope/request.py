"""DashScope's own request for a video, converted to Gallop's: its names, its defaults and its error messages.

Everything that DashScope documents for these models is supported (fact sheet §1.2); undocumented fields are ignored, as
DashScope does. What DashScope would silently truncate or change, and charge, is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.errors import DashScopeRefusal, InvalidRequest
from gallop.domain.faults import Fault
from gallop.domain.request import request, strict_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.request.images import Image
    from gallop.domain.request.request import RequestDefaults, VideoRequest

MEDIA_TYPE = "reference_image"
DEFAULTS = {"resolution": "1080P", "watermark": True}
PARAMETERS = ("resolution", "ratio", "duration", "seed", "watermark", "priority")

_MEDIA = "/input/media"


def read(body: str, defaults: RequestDefaults, inspect: Callable[[str, Image], Image | Fault]) -> VideoRequest:
    """Read the body of a submit.

    Raises:
        DashScopeRefusal: the body is malformed, or does not name a supported model.
        InvalidRequest: the request is invalid, with one fault per problem.

    """
    whole = _document(body)
    media = _media(whole["input"].get("media"))
    fields = {
        "model": _model(whole.get("model")),
        "prompt": whole["input"].get("prompt"),
        "images": media.urls,
        **_parameters(whole.get("parameters")),
    }
    try:
        new_job = request.read(fields, defaults, inspect)
    except InvalidRequest as invalid:
        found = [
            replace(fault, pointer=_place(fault.pointer))
            for fault in invalid.faults
            if fault.pointer not in media.reported
        ]
        raise InvalidRequest([*media.faults, *found]) from None
    if media.faults:
        raise InvalidRequest(media.faults)
    return new_job


@dataclass(frozen=True, slots=True)
class _Media:
    """The addresses of the media, empty if invalid; ``reported`` has the pointers of the images that have a fault."""

    urls: list[object]
    faults: list[Fault]
    reported: set[str]


def _document(body: str) -> dict[str, Any]:
    try:
        whole = strict_json.parse(body)
    except InvalidRequest as invalid:
        why = "; ".join(fault.detail for fault in invalid.faults)
        message = f"Required body invalid, please check the request body format: {why}."
        raise DashScopeRefusal("InvalidParameter", message) from None
    if not isinstance(whole.get("input"), dict) or not whole["input"]:
        raise DashScopeRefusal("BadRequest.EmptyInput", "Required input parameter missing from request.")
    return whole


def _model(name: object) -> str:
    if not name:
        raise DashScopeRefusal("BadRequest.EmptyModel", 'Required parameter "model" missing from request.')
    if not isinstance(name, str) or name not in models.MODELS:
        known = ", ".join(models.MODELS)
        raise DashScopeRefusal("ModelNotFound", f"Model can not be found. Gallop has {known}.", status=404)
    return name


def _parameters(given: object) -> dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise InvalidRequest([Fault("/parameters", "must be an object", "Send an object, or omit it.")])
    known = {name: given[name] for name in PARAMETERS if given.get(name) is not None} if given else {}
    return {**DEFAULTS, **known}


def _media(given: object) -> _Media:
    if given is not None and not isinstance(given, list):
        remedy = f'Send a list: [{{"type": "{MEDIA_TYPE}", "url": "https://..."}}].'
        return _Media([], [Fault(_MEDIA, "must be a list", remedy)], {"/images"})
    urls: list[object] = []
    media = _Media(urls, [], set())
    for index, item in enumerate(given or []):
        fault = _problem_of(f"{_MEDIA}/{index}", item)
        if fault:
            media.faults.append(fault)
            media.reported.add(f"/images/{index}")
        urls.append("" if fault else item["url"])
    return media


def _problem_of(where: str, item: object) -> Fault | None:
    if not isinstance(item, dict):
        return Fault(where, "must be an object", f'Send {{"type": "{MEDIA_TYPE}", "url": "https://..."}}.')
    if item.get("type") != MEDIA_TYPE:
        return Fault(f"{where}/type", "is not a supported media type", f"Use {MEDIA_TYPE}.")
    url = item.get("url")
    if not isinstance(url, str) or not url:
        return Fault(f"{where}/url", "is missing", "Send the image as https://... or data:image/jpeg;base64,...")
    if url.lower().startswith("oss://"):
        problem = "is in DashScope's own storage, which only your account there can read"
        return Fault(f"{where}/url", problem, "Send the image as https://... or data:image/jpeg;base64,...")
    return None


def _place(where: str) -> str:
    """Convert a pointer into Gallop's request to one into DashScope's body."""
    name, *rest = where.removeprefix("/").split("/")
    if name == "images":
        return "/".join((_MEDIA, *rest, *(("url",) if rest else ())))
    return f"/parameters/{name}" if name in PARAMETERS else f"/input/{name}"
