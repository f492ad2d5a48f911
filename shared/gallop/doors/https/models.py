"""The HTTPS door: the models that a request can name."""

from __future__ import annotations

from typing import Any

from gallop import settings
from gallop.domain import model_views, models
from gallop.domain.errors import CallerError


class ModelNotFound(CallerError):
    """No model with this id."""

    code = "model_not_found"
    status = 404
    title = "No such model"
    remedy = "GET /v1/models lists the models."


def listed() -> dict[str, Any]:
    """Show all models, with the prices of the stack's region."""
    return model_views.list_view(settings.model_version(), settings.dashscope_base_url(), settings.watermark())


def one(model_id: str) -> dict[str, Any]:
    """Show one model.

    Raises:
        ModelNotFound: there is none with this id.

    """
    if model_id not in models.MODELS:
        raise ModelNotFound(f"Model {model_id[:80]!a} not found.")
    version, base_url = settings.model_version(), settings.dashscope_base_url()
    return model_views.model_view(models.MODELS[model_id], version, base_url, settings.watermark())
