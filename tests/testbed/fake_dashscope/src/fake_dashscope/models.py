"""One model as a row of data: its media, parameters, defaults and prices. Another model is another row."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, get_args

RATIOS = ("16:9", "9:16", "3:4", "4:3", "4:5", "5:4", "1:1", "9:21", "21:9")
ADAPTIVE = "adaptive"
MEGABYTE = 1024 * 1024
CHOSEN_BY_MODEL = -1
MediaKind = Literal["image", "video", "audio"]


class BadModelError(ValueError):
    """An invalid row; the message lists what is allowed."""


@dataclass(frozen=True, slots=True)
class MediaRule:
    """How many media of one type a model takes, and the limits of each; 0 means no limit.

    - ``type``: the ``type`` of the medium in a request.
    - ``minimum``: how many there must be.
    - ``maximum``: how many there may be.
    - ``kind``: ``image``, ``video`` or ``audio``.
    - ``short_side``: the minimum in pixels.
    - ``long_side``: the maximum in pixels.
    - ``widest``: the maximum of long side to short side.
    - ``min_seconds``: the minimum length of each.
    - ``max_seconds``: the maximum length of each.
    - ``total_seconds``: the maximum length of all together.
    - ``max_bytes``: the maximum size.
    - ``above_fps``: a video must have more frames per second than this.
    - ``inline``: whether a data URI is taken.
    - ``sets_length``: whether the output is as long as this input.
    - ``billed``: whether the seconds of this input are billed.
    """

    type: str
    minimum: int
    maximum: int
    kind: MediaKind = "image"
    short_side: int = 0
    long_side: int = 0
    widest: float = 0.0
    max_bytes: int = 20 * MEGABYTE
    min_seconds: float = 0.0
    max_seconds: float = 0.0
    total_seconds: float = 0.0
    above_fps: float = 0.0
    inline: bool = True
    sets_length: bool = False
    billed: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    - ``name``: the ``model`` of a request.
    - ``media``: a list of MediaRule.
    - ``prices``: USD per billed second by resolution: (mainland China and Global, International).
    - ``exclusive``: groups of media types; media of two groups cannot be in one request.
    - ``prompt_required``: whether a request without a prompt is refused.
    - ``max_prompt``: the characters that the model reads of a prompt.
    - ``chinese_weight``: what a Chinese character counts of them.
    - ``default_resolution``, ``default_ratio``, ``default_seconds``: for requests without one.
    - ``ratios``: empty if the input sets the shape; ``adaptive`` is the shape of the first input.
    - ``min_seconds``: the shortest video.
    - ``max_seconds``: the longest video; one that is as long as an input is cut there.
    - ``chooses_seconds``: whether -1 lets the model choose the length.
    - ``audio_settings``: the values of ``audio_setting``, the default first; empty if there is none.
    - ``audio_switch``: whether ``audio`` can be false, for a video without sound.
    - ``frames_per_second``: of the output.
    """

    name: str
    media: tuple[MediaRule, ...]
    prices: dict[str, tuple[float, float]]
    exclusive: tuple[tuple[str, ...], ...] = ()
    prompt_required: bool = True
    max_prompt: int = 5000
    chinese_weight: int = 2
    default_resolution: str = "1080P"
    ratios: tuple[str, ...] = RATIOS
    default_ratio: str = "16:9"
    min_seconds: int = 3
    max_seconds: int = 15
    default_seconds: int = 5
    chooses_seconds: bool = False
    audio_settings: tuple[str, ...] = ()
    audio_switch: bool = False
    frames_per_second: int = 24

    @property
    def resolutions(self) -> tuple[str, ...]:
        """The tiers that have a price."""
        return tuple(self.prices)

    @property
    def has_duration(self) -> bool:
        """Whether ``duration`` sets the length of the video, not an input."""
        return not any(rule.sets_length for rule in self.media)

    def takes_seconds(self, asked: object) -> bool:
        """Whether ``duration`` may have this value."""
        if type(asked) is not int:
            return False
        return self.min_seconds <= asked <= self.max_seconds or (self.chooses_seconds and asked == CHOSEN_BY_MODEL)

    def rule(self, media_type: str) -> MediaRule:
        """Return the rule of a type of medium that the model takes."""
        return next(rule for rule in self.media if rule.type == media_type)

    def view(self) -> dict[str, Any]:
        """Return the row as JSON shows it; ``read_model`` reads it again."""
        return asdict(self)


def read_model(row: object) -> Model:
    """Read a row of data, such as ``view`` returns; raises ``BadModelError``. Lists may stand for tuples."""
    if isinstance(row, Model):
        return row
    given = _checked(Model, row)
    media = tuple(MediaRule(**_checked(MediaRule, rule)) for rule in given.get("media", ()))
    prices = {str(tier): _prices(tier, pair) for tier, pair in dict(given.get("prices", {})).items()}
    model = Model(**{**given, "media": media, "prices": prices})
    _check(model)
    return model


def _prices(tier: object, pair: Any) -> tuple[float, float]:  # noqa: ANN401
    try:
        mainland, international = (float(price) for price in pair)
    except (TypeError, ValueError) as error:
        raise BadModelError(f"invalid prices of {tier}; allowed: [mainland and Global, International]") from error
    return mainland, international


def _checked(shape: type[Model | MediaRule], row: object) -> dict[str, Any]:
    """Return the fields of a row with lists as tuples; raises ``BadModelError`` for unknown and missing fields."""
    known = {field.name: field for field in fields(shape)}
    if not isinstance(row, dict):
        raise BadModelError(f"a {shape.__name__} must be an object with {', '.join(known)}")
    if unknown := sorted(set(row) - set(known)):
        raise BadModelError(f"unknown field {unknown[0]!r} of a {shape.__name__}; allowed: {', '.join(known)}")
    required = [name for name, field in known.items() if field.default is MISSING]
    if missing := [name for name in required if name not in row]:
        raise BadModelError(f"{missing[0]} of a {shape.__name__} is required; required are {', '.join(required)}")
    return {name: _tuples(value) for name, value in row.items()}


def _tuples(value: object) -> object:
    return tuple(_tuples(part) for part in value) if isinstance(value, list | tuple) else value


def _check(model: Model) -> None:
    types = {rule.type for rule in model.media}
    for rule in model.media:
        if rule.kind not in get_args(MediaKind):
            raise BadModelError(f"unknown kind {rule.kind!r} of {rule.type}; allowed: {', '.join(get_args(MediaKind))}")
    if unknown := [name for group in model.exclusive for name in group if name not in types]:
        raise BadModelError(f"exclusive names {unknown[0]!r}, which is not a type in media: {', '.join(types)}")
    if model.default_resolution not in model.prices:
        raise BadModelError(f"prices has no {model.default_resolution!r}, the default resolution")
    if model.ratios and model.default_ratio not in model.ratios:
        raise BadModelError(f"ratios has no {model.default_ratio!r}, the default ratio")
