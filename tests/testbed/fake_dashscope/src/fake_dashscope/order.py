"""The body of a submit, checked and completed with defaults as DashScope does."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fake_dashscope.errors import VendorError, missing_or_invalid
from fake_dashscope.models import CHOSEN_BY_MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fake_dashscope.models import Model
    from fake_dashscope.switches import Switches

MAX_SEED = 2147483647
SCHEMES = ("http://", "https://", "data:", "oss://")
SYNCHRONOUS = "current user api does not support synchronous calls."
NOT_RESOLVED = "The media format is not supported or incorrect for the data inspection."


@dataclass(frozen=True, slots=True)
class Media:
    """One input medium, as submitted."""

    type: str
    url: str


@dataclass(frozen=True, slots=True)
class Order:
    """A submit with the defaults filled in.

    ``seconds`` is 0 if the input video sets the length. ``fault`` is a bad parameter that will fail the task.
    """

    model: Model
    prompt: str
    media: tuple[Media, ...]
    resolution: str
    ratio: str
    seconds: int
    watermark: bool
    seed: int | None
    audio_setting: str = ""
    audio: bool = True
    fault: VendorError | None = None

    @property
    def prompt_used(self) -> str:
        """The part of the prompt that the model reads."""
        return cut(self.prompt, self.model.max_prompt, self.model.chinese_weight)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters, with defaults; those that only some models have are there if the model has them."""
        common = {
            "resolution": self.resolution,
            "ratio": self.ratio,
            "duration": self.seconds,
            "watermark": self.watermark,
            "seed": self.seed,
        }
        setting = {"audio_setting": self.audio_setting} if self.model.audio_settings else {}
        return {**common, **setting, **({"audio": self.audio} if self.model.audio_switch else {})}


def cut(prompt: str, maximum: int = 5000, chinese: int = 2) -> str:
    """Truncate a prompt to ``maximum`` characters, of which a Chinese one counts ``chinese``, silently as DashScope."""
    weight = 0
    for index, char in enumerate(prompt):
        han = "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or char >= "\U00020000"
        weight += chinese if han else 1
        if weight > maximum:
            return prompt[:index]
    return prompt


def read(body: bytes, headers: Mapping[str, str], switches: Switches, models: Mapping[str, Model]) -> Order:
    """Read a submit; raises ``VendorError`` as DashScope's gateway would answer."""
    if headers.get("x-dashscope-async", "").lower() != "enable":
        raise VendorError("AccessDenied", SYNCHRONOUS)
    document = _document(body)
    model = _model(document.get("model"), switches, models)
    given = document.get("input")
    if not isinstance(given, dict) or not given:
        raise VendorError("BadRequest.EmptyInput")
    parameters = document.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise missing_or_invalid("parameters")
    prompt = given.get("prompt")
    if (prompt is not None and not isinstance(prompt, str)) or (model.prompt_required and not prompt):
        raise missing_or_invalid("prompt")
    order = _order(model, prompt or "", given.get("media"), parameters)
    if order.fault and switches.bad_parameters == "submit":
        raise order.fault
    resolve = headers.get("x-dashscope-ossresourceresolve", "").lower() == "enable"
    if not resolve and any(item.url.startswith("oss://") for item in order.media):
        raise VendorError("InvalidParameter.DataInspection", NOT_RESOLVED)
    return order


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise VendorError("InvalidParameter", "Required body invalid, please check the request body format.")
    return document


def _model(name: object, switches: Switches, models: Mapping[str, Model]) -> Model:
    if not name:
        raise VendorError("BadRequest.EmptyModel")
    model = models.get(name) if isinstance(name, str) else None
    if model is None:
        message = "Model not exist." if switches.unknown_model == "InvalidParameter" else ""
        raise VendorError(switches.unknown_model, message)
    return model


def _order(model: Model, prompt: str, media: object, parameters: dict[str, Any]) -> Order:
    return Order(
        model=model,
        prompt=prompt,
        media=_items(media),
        resolution=_choice(parameters.get("resolution"), model.resolutions, model.default_resolution),
        ratio=_choice(parameters.get("ratio"), model.ratios, model.default_ratio) if model.ratios else "",
        seconds=_seconds(model, parameters),
        watermark=parameters.get("watermark") is not False,
        seed=parameters.get("seed"),
        audio_setting=_choice(parameters.get("audio_setting"), model.audio_settings, "".join(model.audio_settings[:1])),
        audio=not (model.audio_switch and parameters.get("audio") is False),
        fault=_media_fault(model, media) or _parameter_fault(model, parameters),
    )


def _choice(asked: object, allowed: tuple[str, ...], default: str) -> str:
    return asked if isinstance(asked, str) and asked in allowed else default


def _seconds(model: Model, parameters: dict[str, Any]) -> int:
    if not model.has_duration:
        return 0
    asked = parameters.get("duration")
    if not isinstance(asked, int) or not model.takes_seconds(asked) or asked == CHOSEN_BY_MODEL:
        return model.default_seconds
    return asked


def _items(media: object) -> tuple[Media, ...]:
    listed = media if isinstance(media, list) else []
    return tuple(Media(str(item.get("type")), str(item.get("url"))) for item in listed if isinstance(item, dict))


def _media_fault(model: Model, media: object) -> VendorError | None:
    if media is None and not any(rule.minimum for rule in model.media):
        return None
    if not isinstance(media, list) or not all(isinstance(item, dict) for item in media):
        return missing_or_invalid("media")
    counts = Counter(str(item.get("type")) for item in media)
    if set(counts) - {rule.type for rule in model.media}:
        return missing_or_invalid("media.type")
    if any(not rule.minimum <= counts[rule.type] <= rule.maximum for rule in model.media):
        return missing_or_invalid("media")
    if sum(any(counts[name] for name in group) for group in model.exclusive) > 1:
        return missing_or_invalid("media.type")
    faults = (_url_fault(item.get("url"), model.rule(str(item.get("type"))).inline) for item in media)
    return next((fault for fault in faults if fault), None)


def _url_fault(url: object, inline: bool) -> VendorError | None:
    if not isinstance(url, str) or not url:
        return missing_or_invalid("media.url")
    if not url.startswith(SCHEMES) or (url.startswith("data:") and not inline):
        return VendorError("InvalidURL")
    return None


def _parameter_fault(model: Model, parameters: dict[str, Any]) -> VendorError | None:
    for name, allowed in (
        ("resolution", model.resolutions),
        ("ratio", model.ratios),
        ("audio_setting", model.audio_settings),
    ):
        value = parameters.get(name)
        if allowed and value is not None and value not in allowed:
            return VendorError("InvalidParameter", f"The {name} is not valid {value}")
    return _number_fault(model, parameters) or _switch_fault(model, parameters)


def _number_fault(model: Model, parameters: dict[str, Any]) -> VendorError | None:
    seconds, seed = parameters.get("duration"), parameters.get("seed")
    if model.has_duration and seconds is not None and not model.takes_seconds(seconds):
        return missing_or_invalid("duration")
    if seed is not None and (type(seed) is not int or not 0 <= seed <= MAX_SEED):
        return missing_or_invalid("seed")
    return None


def _switch_fault(model: Model, parameters: dict[str, Any]) -> VendorError | None:
    for name in ("watermark", *(["audio"] if model.audio_switch else [])):
        if not isinstance(parameters.get(name), bool | None):
            return missing_or_invalid(name)
    return None
