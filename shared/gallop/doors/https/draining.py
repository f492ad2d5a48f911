"""Whether the operator lets all jobs end, and no new one begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain.draining import Draining

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver


def is_draining(app: APIGatewayHttpResolver) -> bool:
    """Return whether nothing new is accepted. A create that repeats an earlier one is answered nevertheless."""
    context = app.current_event.raw_event["requestContext"].get("authorizer", {}).get("lambda") or {}
    return context.get("is_draining") is True


def check_open(app: APIGatewayHttpResolver) -> None:
    """Check that something new is accepted.

    Raises:
        Draining: the operator lets all jobs end.

    """
    if is_draining(app):
        raise Draining
