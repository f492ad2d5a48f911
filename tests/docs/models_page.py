"""The tables of the models, their fields and their limits, and what to send for each kind of video."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.fields import Choice, Whole
from gallop.domain.media_rules import ImageRules, VideoRules
from gallop.domain.models import Kind

from tests.docs.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gallop.domain.fields import Field
    from gallop.domain.models import MediaField, Model

MADE_FROM = {
    Kind.T2V: "a text",
    Kind.I2V: "a first frame, and perhaps a text",
    Kind.R2V: "reference images and a text",
    Kind.VIDEO_EDIT: "a video, a text, and perhaps reference images",
}
# As the tables show them. Each is sent by a test.
PROMPTS = {Kind.T2V: "A horse gallops.", Kind.R2V: "The cat of [Image 1] jumps.", Kind.VIDEO_EDIT: "At night."}
FILES = {"first_frame": "https://example.com/cat.jpg", "images": "https://example.com/cat.jpg", "video": "upload_..."}
VIDEO_URL = "https://example.com/cat.mp4"
_PREFIX = "happyhorse-"


def kinds() -> str:
    """Return the table of the kinds, with their models."""
    rows = [(kind.value, MADE_FROM[kind], ", ".join(f"`{model.id}`" for model in _of(kind))) for kind in Kind]
    return table(("kind", "made from", "models"), rows)


def what_to_send() -> str:
    """Return what to send for each kind, in each protocol of the HTTPS door."""
    rows = [(kind.value, _code(native(kind)), as_form(kind), openai(kind), _code(dashscope(kind))) for kind in Kind]
    return table(("kind", "JSON", "form (`curl`)", "the `openai` package", "DashScope's `input`"), rows)


def native(kind: Kind) -> dict[str, Any]:
    """Return the smallest JSON body of a kind; the files in it decide the kind."""
    files = {field.name: [FILES[field.name]] if field.is_list else FILES[field.name] for field in _needed(kind)}
    return {**_prompt(kind), **files}


def as_form(kind: Kind) -> str:
    """Return the same as arguments of curl, which sends images themselves."""
    texts = [f'-F "prompt={prompt}"' for prompt in _prompt(kind).values()]
    files = [f"-F {field.name}={'@cat.jpg' if _is_image(field) else FILES[field.name]}" for field in _needed(kind)]
    return f"`{' '.join([*texts, *files])}`"


def openai(kind: Kind) -> str:
    """Return the same as arguments of OpenAI's package, which knows one image only."""
    texts = [f'prompt="{_prompt(kind).get("prompt", "")}"']
    model = [f'model="{_of(kind)[0].id}"'] if kind is Kind.I2V else []
    files = ['input_reference=Path("cat.jpg")'] * any(_is_image(field) for field in _needed(kind))
    others = {field.name: FILES[field.name] for field in _needed(kind) if not _is_image(field)}
    return f"`{', '.join([*model, *texts, *files, *([f'extra_body={json.dumps(others)}'] if others else [])])}`"


def dashscope(kind: Kind) -> dict[str, Any]:
    """Return the object ``input`` of DashScope's protocol."""
    media = [
        {"type": field.type, "url": FILES[field.name] if _is_image(field) else VIDEO_URL} for field in _needed(kind)
    ]
    return {**_prompt(kind), **({"media": media} if media else {})}


def parameters() -> str:
    """Return the parameters: which model has which, with their values and defaults."""
    rows = [
        (f"`{name}`", _models(_having(variant)), _values(variant), _stacks(variant), _vendor(variant))
        for name, variants in models.parameters().items()
        for variant in variants
    ]
    return table(("parameter", "models", "values", "default", "DashScope's name, and default there"), rows)


def media() -> str:
    """Return the limits of images and videos."""
    found: dict[tuple[str, models.Rules, str], list[Model]] = {}
    for model in models.MODELS.values():
        for field in model.media:
            found.setdefault((field.name, field.rules, _count(field)), []).append(model)
    rows = [(f"`{name}`", _models(of), count, _limits(rules)) for (name, rules, count), of in found.items()]
    return table(("field", "models", "how many", "each"), rows)


def _of(kind: Kind) -> list[Model]:
    return [model for model in models.MODELS.values() if model.kind is kind]


def _needed(kind: Kind) -> list[MediaField]:
    return [field for field in _of(kind)[0].media if field.least]


def _prompt(kind: Kind) -> dict[str, str]:
    return {"prompt": PROMPTS[kind]} if kind in PROMPTS else {}


def _is_image(field: MediaField) -> bool:
    return isinstance(field.rules, ImageRules)


def _code(value: object) -> str:
    return f"`{json.dumps(value)}`"


def _having(parameter: Field) -> list[Model]:
    return [model for model in models.MODELS.values() if parameter in model.parameters]


def _models(having: list[Model]) -> str:
    """Name models briefly: without the name of their family, and all of them as such."""
    if len(having) == len(models.MODELS):
        return "all"
    return ", ".join(model.id.removeprefix(_PREFIX) for model in having)


def _values(parameter: Field) -> str:
    match parameter:
        case Choice(choices=choices):
            return ", ".join(f"`{choice}`" for choice in choices)
        case Whole(within=within, unit=unit):
            return f"{within.start} to {within.stop - 1}{unit}"
    return "`true`, `false`"


def _stacks(parameter: Field) -> str:
    default = _default(parameter.default)
    return f"{default}, unless the stack's `{parameter.name.capitalize()}` differs" if parameter.is_stacks else default


def _default(value: object) -> str:
    return "random" if value is None else f"`{json.dumps(value) if isinstance(value, bool) else value}`"


def _vendor(parameter: Field) -> str:
    other = f", {_default(parameter.vendor_default)}" if parameter.vendor_default is not None else ""
    return f"`{parameter.vendor}`{other}"


def _count(field: MediaField) -> str:
    return str(field.most) if field.least == field.most else f"{field.least} to {field.most}"


def _limits(rules: models.Rules) -> str:
    return "; ".join(_image_limits(rules) if isinstance(rules, ImageRules) else _clip_limits(rules))


def _image_limits(rules: ImageRules) -> Iterator[str]:
    yield f"shorter side at least {rules.short_side} px"
    if rules.max_aspect:
        yield _shape(rules.max_aspect)
    yield f"{_megabytes(rules.max_bytes)} at an address; up to {_megabytes(models.MAX_PICTURE_BYTES)} sent or uploaded"


def _clip_limits(rules: object) -> Iterator[str]:
    assert isinstance(rules, VideoRules), rules
    yield _either(rules.containers)
    yield _either(rules.codecs)
    yield f"{rules.min_seconds:g} to {rules.max_seconds:g} s"
    yield f"sides from {rules.short_side} to {rules.long_side:,} px"
    yield _shape(rules.max_aspect)
    yield f"more than {rules.above_fps:g} frames per second"
    yield _megabytes(rules.max_bytes)


def _shape(aspect: float) -> str:
    return f"from 1:{aspect:g} to {aspect:g}:1"


def _megabytes(size: int) -> str:
    return f"{size // 1024**2} MB"


def _either(words: Iterable[str]) -> str:
    return " or ".join(words)
