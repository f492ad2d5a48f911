"""DashScope's own request for a video, converted to Gallop's: its names, its defaults and its error messages.

Everything that DashScope documents for these models is supported (fact sheet §1.2 and §14). Undocumented fields are
ignored, as DashScope does, but not parameters of its other models. What DashScope would silently truncate or change,
and charge, is refused here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.errors import DashScopeRefusal, InvalidRequest
from gallop.domain.faults import Fault
from gallop.domain.placement import ACCOUNT
from gallop.domain.request import references, strict_json
from gallop.domain.request.dialects import WORDS, Dialect
from gallop.domain.request.own_fields import PRIORITY
from gallop.domain.request.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.request.reader import Inspect
    from gallop.domain.request.references import Sent
    from gallop.domain.request.request import RequestDefaults, VideoRequest

_WORDS = WORDS[Dialect.DASHSCOPE]


def read(body: str, defaults: RequestDefaults, inspect: Inspect) -> VideoRequest:
    """Read the body of a submit.

    Raises:
        DashScopeRefusal: the body is malformed, or does not name a supported model.
        InvalidRequest: the request is invalid, with one fault per problem.

    """
    whole = _document(body)
    model, asked = _model(whole.get("model")), _input(whole.get("input"))
    fields = {"model": model, "prompt": asked.get("prompt"), **_parameters(whole.get("parameters"), model)}
    reader = Reader(fields, replace(defaults, dialect=Dialect.DASHSCOPE), inspect)
    return reader.request(list(_media(asked.get("media"))))


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


def _parameters(given: object, model: str) -> dict[str, Any]:
    """Return the parameters that DashScope documents, and Gallop's own, under Gallop's names.

    Two models may have two names for one parameter: the model's own counts.
    """
    if given is not None and not isinstance(given, dict):
        raise InvalidRequest([Fault("/parameters", "must be an object", "Send an object, or omit it.")])
    own = {one.name: one.vendor for one in models.MODELS[model].parameters}
    others = [one for variants in models.parameters().values() for one in variants if one.name not in own]
    names = {one.vendor: one.name for one in others} | {vendor: name for name, vendor in own.items()}
    names |= {name: name for name in (PRIORITY.name, ACCOUNT, "tags")}
    return {name: given[vendor] for vendor, name in names.items() if vendor in given} if given else {}


def _media(given: object) -> Iterator[Sent]:
    """Yield what was sent in each place: an address, or the fault of what is none."""
    where = _WORDS.place("media")
    if given is not None and not isinstance(given, list):
        fault = Fault(where, "must be a list", 'Send a list: [{"type": "reference_image", "url": "https://..."}].')
        yield references.Sent(references.DASHSCOPE, where, fault)
        return
    known = references.types()
    clips = {field.type for field in models.media_fields().values() if not field.is_image}
    for index, item, more in references.bounded(given or []):
        sent = references.typed(f"{where}/{index}", item, known)
        yield replace(sent, value=_usable(sent, clips), more=more)


def _usable(sent: Sent, clips: set[str]) -> object:
    """Return what was sent, or the fault of an address that only DashScope's clients would use."""
    if isinstance(sent.value, Fault):
        return sent.value
    remedy = f"Send it as {_WORDS.clips if sent.type in clips else _WORDS.references}"
    if not isinstance(sent.value, str) or not sent.value:
        return Fault(sent.where, "must be text" if sent.value else "is missing", remedy)
    if sent.value.lower().startswith("oss://"):
        return Fault(sent.where, "is in DashScope's own storage, which only your account there can read", remedy)
    return sent.value
