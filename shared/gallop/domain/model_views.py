"""The models as clients see them: OpenAI's list, with the limits and prices of each."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gallop.domain import models, prices
from gallop.domain.watermarks import in_stack

if TYPE_CHECKING:
    from gallop.domain.fields import Field
    from gallop.domain.models import MediaField, Model
    from gallop.domain.prices import Price


def list_view(version: str, base_url: str, watermark: str) -> dict[str, Any]:
    """Return all models; ``version``, ``watermark`` and the region of ``base_url`` are those of the stack."""
    views = [model_view(model, version, base_url, watermark) for model in models.MODELS.values()]
    return {"object": "list", "data": views}


def model_view(model: Model, version: str, base_url: str, watermark: str) -> dict[str, Any]:
    """Return a model, with the prices of the stack's region, and its defaults."""
    scope = prices.scope_of(base_url)
    of_scope = [price for price in model.prices if price.scope is scope]
    seen = max(price.seen for price in model.prices)
    return {
        "id": model.id,
        "object": "model",
        # OpenAI's clients require a time; this is the day on which the model's facts were last checked.
        "created": int(datetime(seen.year, seen.month, seen.day, tzinfo=UTC).timestamp()),
        "owned_by": "alibaba",
        "kind": model.kind.value,
        "version": model.version,
        "is_default": models.default_model(model.kind, version) is model,
        "prompt": {"is_required": model.needs_prompt, "max_characters": model.max_prompt_characters},
        "media": [_medium_view(medium) for medium in model.media],
        "parameters": {one.name: _parameter_view(in_stack(one, watermark)) for one in model.parameters},
        "prices": [_price_view(price) for price in of_scope],
    }


def _medium_view(medium: MediaField) -> dict[str, Any]:
    counts = {"minimum": medium.least, "maximum": medium.most}
    limits = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(medium.rules).items()}
    return {"field": medium.name, "type": medium.type, "noun": medium.noun, **counts, "limits": limits}


def _parameter_view(parameter: Field) -> dict[str, Any]:
    # A schema has no default of another type than its own: for a seed, nothing is the default.
    default = {} if parameter.default is None else {"default": parameter.default}
    return {**parameter.schema(), **default, "description": parameter.description}


def _price_view(price: Price) -> dict[str, Any]:
    origin = {"scope": price.scope.value, "seen": price.seen.isoformat(), "source": price.source}
    return {"resolution": price.resolution, "usd_per_second": float(price.usd), **origin}
