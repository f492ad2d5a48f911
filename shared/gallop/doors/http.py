"""HTTP for both of the HTTPS door's functions: who asks, and how errors are told. Nowhere else."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from gallop import log
from gallop.doors.caller import Caller
from gallop.errors import CallerError, Fault, GallopError, InvalidRequest, TryAgain, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.event_handler.exceptions import NotFoundError

PROBLEM = "application/problem+json"
RETRY_AFTER_SECONDS = 5


def resolver() -> APIGatewayHttpResolver:
    """Make a resolver that tells every error as RFC 9457 has it, or as OpenAI does where its SDK asks."""
    app = APIGatewayHttpResolver()
    app.exception_handler(CallerError)(partial(_refused, app))
    app.exception_handler(TryAgain)(partial(_not_now, app))
    app.exception_handler(Exception)(partial(_broken, app))
    app.not_found(partial(_no_route, app))
    return app


def caller_of(app: APIGatewayHttpResolver) -> Caller:
    """Tell whom the authorizer found: the one way in which every route learns whom it serves.

    Raises:
        Unauthenticated: it found nobody.

    """
    event = app.current_event.raw_event
    context = event["requestContext"].get("authorizer", {}).get("lambda") or {}
    client = context.get("client")
    if not isinstance(client, str) or not client:
        raise Unauthenticated(str(context.get("problem") or "There is no key in the request."))
    return Caller(client, is_admin=context.get("is_admin") is True, key_id=str(context.get("key_id", "")))


def body_of(app: APIGatewayHttpResolver) -> str:
    """Give the body of the request.

    Raises:
        InvalidRequest: it is no text.

    """
    try:
        return app.current_event.decoded_body or ""
    except ValueError:
        raise InvalidRequest([Fault("", "the body is not text in UTF-8", "Send one JSON object, in UTF-8.")]) from None


def answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response[str]:
    """Answer with JSON."""
    return Response(status, "application/json", json.dumps(body, ensure_ascii=False), dict(headers or {}))


def _refused(app: APIGatewayHttpResolver, error: CallerError) -> Response[str]:
    return _problem(app, error, error.status, error.title)


def _not_now(app: APIGatewayHttpResolver, error: TryAgain) -> Response[str]:
    log.warning("neighbour in trouble", error=str(error))
    return _problem(app, TryAgain("Gallop cannot do this right now."), 503, "Not available right now")


def _broken(app: APIGatewayHttpResolver, error: Exception) -> Response[str]:
    log.exception("request broke", error=type(error).__name__)
    return _problem(app, GallopError("Something broke inside Gallop."), 500, "Internal error")


def _no_route(app: APIGatewayHttpResolver, _: NotFoundError) -> Response[str]:
    return _problem(app, GallopError("There is no such route."), 404, "Not found")


def _problem(app: APIGatewayHttpResolver, error: GallopError, status: int, title: str) -> Response[str]:
    headers = {"WWW-Authenticate": "Bearer"} if status == Unauthenticated.status else {}
    if isinstance(error, TryAgain):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if any(name.lower().startswith("x-stainless-") for name in app.current_event.headers):
        return Response(status, "application/json", json.dumps(_openai(error, status)), headers)
    return Response(status, PROBLEM, json.dumps(_rfc9457(error, status, title), ensure_ascii=False), headers)


def _rfc9457(error: GallopError, status: int, title: str) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "type": f"/errors/{error.code}",
        "title": title,
        "status": status,
        "detail": str(error),
        "code": error.code,
        "remedy": error.remedy,
    }
    if isinstance(error, InvalidRequest):
        problem["errors"] = [
            {"pointer": fault.where, "detail": fault.problem, "remedy": fault.remedy} for fault in error.faults
        ]
    return problem


def _openai(error: GallopError, status: int) -> dict[str, Any]:
    param = error.faults[0].where.removeprefix("/") if isinstance(error, InvalidRequest) else None
    kind = "invalid_request_error" if status < 500 else "server_error"  # noqa: PLR2004 - RFC 9110's classes
    return {"error": {"message": f"{error} {error.remedy}", "type": kind, "param": param, "code": error.code}}
