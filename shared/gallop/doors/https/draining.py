"""Refuses what would begin a job while the operator lets all jobs end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain.errors import CallerError

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver


class Draining(CallerError):
    """The operator lets all jobs end, and no new one begin."""

    code = "draining"
    status = 503
    title = "Closed for maintenance"
    retryable = True
    retry_after = 60
    remedy = (
        "Retry after the seconds in `Retry-After`. You have not been charged. Accepted jobs continue, and can be read."
    )


def check_open(app: APIGatewayHttpResolver) -> None:
    """Check that new jobs are accepted; every route that creates something does.

    Raises:
        Draining: the operator lets all jobs end.

    """
    context = app.current_event.raw_event["requestContext"].get("authorizer", {}).get("lambda") or {}
    if context.get("is_draining") is True:
        raise Draining("Gallop accepts no new jobs at present.")
