"""DashScope's own request for a video, converted to Gallop's: its names, its defaults and its error messages.

Everything that DashScope documents for these models is supported (fact sheet §1.2); undocumented fields are ignored, as
DashScope does. What DashScope would silently truncate or change, and charge, is refused here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.errors import DashScopeRefusal, InvalidRequest
from gallop.domain.faults import Fault
from gallop.domain.request import strict_json
from gallop.domain.request.dialects import WORDS, Dialect
from gallop.domain.request.references import MEDIA_TYPE
from gallop.domain.request.request import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.domain.request.images import Image
    from gallop.domain.request.references import Sent
    from gallop.domain.request.request import RequestDefaults, VideoRequest

PARAMETERS = ("resolution", "ratio", "duration", "seed", "watermark", "priority")

_WORDS = WORDS[Dialect.DASHSCOPE]
_EXAMPLE = f'{{"type": "{MEDIA_TYPE}", "url": "https://..."}}'


def read(body: str, defaults: RequestDefaults, inspect: Callable[[str, Image], Image | Fault]) -> VideoRequest:
    """Read the body of a submit.

    Raises:
        DashScopeRefusal: the body is malformed, or does not name a supported model.
        InvalidRequest: the request is invalid, with one fault per problem.

    """
    whole = _document(body)
    model, asked = _model(whole.get("model")), _input(whole.get("input"))
    fields = {"model": model, "prompt": asked.get("prompt"), **_parameters(whole.get("parameters"))}
    reader = Reader(fields, Dialect.DASHSCOPE)
    sent = list(_media(asked.get("media")))
    images = reader.inspected(reader.images(sent, defaults), inspect)
    return reader.request(defaults.default_model, images, of=len(sent))


def _document(body: str) -> dict[str, Any]:
    try:
        return strict_json.parse(body)
    except InvalidRequest as invalid:
        why = "; ".join(fault.message for fault in invalid.faults)
        message = f"Required body invalid, please check the request body format: {why}."
        raise DashScopeRefusal("InvalidParameter", message) from None


def _model(name: object) -> str:
    if not name:
        raise DashScopeRefusal("BadRequest.EmptyModel", 'Required parameter "model" missing from request.')
    if not isinstance(name, str) or name not in models.MODELS:
        known = ", ".join(models.MODELS)
        raise DashScopeRefusal("ModelNotFound", f"Model can not be found. Gallop has {known}.", status=404)
    return name


def _input(given: object) -> dict[str, Any]:
    if not isinstance(given, dict) or not given:
        raise DashScopeRefusal("BadRequest.EmptyInput", "Required input parameter missing from request.")
    return given


def _parameters(given: object) -> dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise InvalidRequest([Fault("/parameters", "must be an object", "Send an object, or omit it.")])
    return {name: given[name] for name in PARAMETERS if name in given} if given else {}


def _media(given: object) -> Iterator[Sent]:
    """Yield what was sent in each place: an address, or the fault of what is none."""
    where = _WORDS.place("media")
    if given is not None and not isinstance(given, list):
        yield where, Fault(where, "must be a list", f"Send a list: [{_EXAMPLE}].")
        return
    for index, item in enumerate(given or []):
        fault = _problem_of(f"{where}/{index}", item)
        yield (fault.pointer, fault) if fault else (f"{where}/{index}/url", item["url"])


def _problem_of(where: str, item: object) -> Fault | None:
    if not isinstance(item, dict):
        return Fault(where, "must be an object", f"Send {_EXAMPLE}.")
    if item.get("type") != MEDIA_TYPE:
        return Fault(f"{where}/type", "is not a supported media type", f"Use {MEDIA_TYPE}.")
    url, remedy = item.get("url"), f"Send the image as {_WORDS.references}"
    if not isinstance(url, str) or not url:
        return Fault(f"{where}/url", "must be text" if url else "is missing", remedy)
    if url.lower().startswith("oss://"):
        problem = "is in DashScope's own storage, which only your account there can read"
        return Fault(f"{where}/url", problem, remedy)
    return None
