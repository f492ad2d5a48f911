"""Reads the parameters of a model: every one has a value afterwards, sent or by default."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop.domain import models, watermarks
from gallop.domain.faults import Fault, shown
from gallop.domain.fields import FormText
from gallop.domain.request.dialects import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.fields import Field, Scalar
    from gallop.domain.models import Model
    from gallop.domain.request.request import RequestDefaults

SECONDS, SIZE = "seconds", "size"
"""OpenAI's names: of ``duration``, and of ``resolution`` and ``ratio`` together."""

# A fault, with the field that it is about.
Found = tuple[str, Fault]


def names() -> set[str]:
    """Return the names of the parameters of all models, with OpenAI's."""
    return {*models.parameters(), SECONDS, SIZE}


def in_dialect(parameter: Field, dialect: Dialect) -> Field:
    """Return a parameter with the default that it has in a protocol."""
    is_other = dialect is Dialect.DASHSCOPE and parameter.vendor_default is not None
    return replace(parameter, default=parameter.vendor_default) if is_other else parameter


def read(
    fields: Mapping[str, object], model: Model, defaults: RequestDefaults
) -> tuple[dict[str, Scalar], list[Found]]:
    """Return the value of each parameter of a model, and the faults; ``fields`` are those that were sent."""
    sent = {name: value for name, value in fields.items() if value is not None}
    foreign = [name for name in models.parameters() if name in sent and not model.parameter(name)]
    values: dict[str, Scalar] = {}
    faults = [(name, _absent(name, model)) for name in foreign]
    for parameter in (_as_offered(parameter, defaults) for parameter in model.parameters):
        found = parameter.read(sent[parameter.name]) if parameter.name in sent else parameter.default
        values[parameter.name] = parameter.default if isinstance(found, Fault) else found
        if isinstance(found, Fault):
            faults.append((parameter.name, found))
    invalid = {name for name, _ in faults}
    aliases = [_seconds(sent, model), _size(sent, model)]
    for alias, means in zip((SECONDS, SIZE), aliases, strict=True):
        if isinstance(means, Fault):
            faults.append((alias, means))
            continue
        for name, value in means.items():
            if name not in sent:
                values[name] = value
            elif name not in invalid and values[name] != value:
                problem = f"is {sent[alias]}, but {name} is {values[name]}"
                faults.append((alias, Fault("", problem, "Send only one of the two.")))
    return values, faults


def _as_offered(parameter: Field, defaults: RequestDefaults) -> Field:
    return in_dialect(watermarks.in_stack(parameter, defaults.watermark), defaults.dialect)


def _absent(name: str, model: Model) -> Fault:
    others = [other.id for other in models.MODELS.values() if other.parameter(name)]
    why = model.absent.get(name, f"it exists only for {', '.join(others)}")
    return Fault("", f"is not a parameter of {model.id}: {why}", "Remove it.")


def _seconds(sent: Mapping[str, object], model: Model) -> dict[str, Scalar] | Fault:
    """Return what OpenAI's ``seconds`` means; its clients send it as text."""
    value, duration = sent.get(SECONDS), model.parameter("duration")
    if value is None:
        return {}
    if duration is None:
        return _absent("duration", model)
    found = duration.read(FormText(value) if isinstance(value, str) else value)
    return found if isinstance(found, Fault) else {"duration": found}


def _size(sent: Mapping[str, object], model: Model) -> dict[str, Scalar] | Fault:
    """Return what OpenAI's ``size`` means."""
    size, resolutions = sent.get(SIZE), model.choices("resolution")
    if size is None:
        return {}
    if not model.parameter("ratio"):
        problem = f"is not a parameter of {model.id}: {model.absent.get('ratio', 'it has no ratio')}"
        return Fault("", problem, f"Send resolution instead: {' or '.join(resolutions)}.")
    sizes = dict(_sizes(resolutions, model.choices("ratio")))
    if not isinstance(size, str) or size not in sizes:
        return Fault("", f"unknown value {shown(size)}", f"Use one of {', '.join(sizes)}.")
    resolution, ratio = sizes[size]
    return {"resolution": resolution, "ratio": ratio}


def _sizes(resolutions: tuple[str, ...], ratios: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, str]]]:
    for resolution in resolutions:
        for ratio in ratios:
            if size := models.size(resolution, ratio):
                yield size, (resolution, ratio)
