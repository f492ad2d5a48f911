"""HTTP for all functions of the HTTPS door, and for nothing else: callers, bodies, answers and errors."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from gallop import log
from gallop.domain.errors import CallerError, GallopError, TooManyRequests, TryAgain, Unauthenticated
from gallop.domain.placement import placement_from
from gallop.domain.request import single_values
from gallop.doors.https import errors as dialects
from gallop.doors.https import json_text, methods
from gallop.doors.https.bodies import Body
from gallop.doors.https.identity import Caller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.event_handler.exceptions import NotFoundError

RETRY_AFTER_SECONDS = 5
# With a longer wait than this, a client should not retry automatically.
MAX_RETRY_AFTER_SECONDS = 60


class Resolver(APIGatewayHttpResolver):
    """Finds the route of a request, and adds to every answer the id that the access log has for it.

    A HEAD is answered like a GET: the server in front of the function leaves out the body.
    """

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
        """Answer a request."""
        http = event["requestContext"]["http"]
        if http["method"] == "HEAD":
            event = {**event, "requestContext": {**event["requestContext"], "http": {**http, "method": "GET"}}}
        answer = super().resolve(dict(event), context)
        answer["headers"] = {**answer.get("headers", {}), "x-request-id": event["requestContext"]["requestId"]}
        return answer


def new_resolver() -> Resolver:
    """Return a resolver that answers every error in the dialect of the client."""
    app = Resolver()
    app.exception_handler(CallerError)(partial(_refused, app))
    app.exception_handler(TryAgain)(partial(_unavailable, app))
    app.exception_handler(Exception)(partial(_internal_error, app))
    app.not_found(partial(_no_route, app))
    return app


def caller_of(app: APIGatewayHttpResolver) -> Caller:
    """Return the caller that the authorizer identified; every route learns from this function whom it serves.

    Raises:
        Unauthenticated: it identified nobody.
        TooManyRequests: the API key exceeds its rate limit.
        InvalidRequest: the request has several keys.

    """
    single_values.authorization(app.current_event.headers)
    event = app.current_event.raw_event
    context = event["requestContext"].get("authorizer", {}).get("lambda") or {}
    client = context.get("client")
    if not isinstance(client, str) or not client:
        raise Unauthenticated(str(context.get("problem") or "The request has no API key."))
    if seconds := context.get("retry_after"):
        raise TooManyRequests(int(seconds))
    key_id, bound = str(context.get("key_id", "")), placement_from(str(context.get("bound", "")))
    return Caller(client, is_admin=context.get("is_admin") is True, key_id=key_id, bound=bound)


def body_of(app: APIGatewayHttpResolver) -> Body:
    """Return the body of the request.

    Raises:
        BodyTooLarge: it exceeds the maximum.
        InvalidRequest: it has several types, or is not in its content coding.
        UnsupportedMediaType: its content coding is not supported.

    """
    event = app.current_event
    body: str = event.body or ""
    # No client can send an unpaired surrogate. Here it becomes invalid UTF-8, which is refused.
    data = base64.b64decode(body) if event.is_base64_encoded else body.encode(errors="surrogatepass")
    media_type = single_values.content_type(event.headers)
    # A list of codings is one value: each was applied to the result of the one before.
    return Body.received(data, media_type, event.headers.get("content-encoding", ""))


def parameters_of(app: APIGatewayHttpResolver) -> dict[str, str]:
    """Return the parameters of the request's query.

    Raises:
        InvalidRequest: some have several values.

    """
    return single_values.parameters(app.current_event.raw_event.get("rawQueryString", ""))


def accepts_json_only(app: APIGatewayHttpResolver) -> bool:
    """Return whether a client accepts JSON and nothing else. Many accept it among others, and want what those get."""
    accepted = app.current_event.headers.get("accept", "")
    return accepted.partition(";")[0].strip().lower() == "application/json" and "," not in accepted


def request_id_of(app: APIGatewayHttpResolver) -> str:
    """Return the id that the access log has for this request."""
    return str(app.current_event.raw_event["requestContext"]["requestId"])


def api_url_of(app: APIGatewayHttpResolver) -> str:
    """Return the address at which the client reached the API, without a slash at the end."""
    event = app.current_event
    # Only the testbed is reached by http.
    scheme = "http" if event.headers.get("x-forwarded-proto") == "http" else "https"
    return f"{scheme}://{event.raw_event['requestContext']['domainName']}"


def answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response[str]:
    """Answer with JSON."""
    return Response(status, "application/json", json_text.dumps(body), dict(headers or {}))


def _refused(app: APIGatewayHttpResolver, error: CallerError) -> Response[str]:
    # OpenAI's clients would retry some of them automatically.
    is_soon = error.retryable and (error.retry_after or 0) <= MAX_RETRY_AFTER_SECONDS
    headers = {} if is_soon else {"x-should-retry": "false"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, methods.MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return _answer_error(app, error, error.status, error.title, headers)


def _unavailable(app: APIGatewayHttpResolver, error: TryAgain) -> Response[str]:
    log.warning("upstream unavailable", error=str(error))
    shown = TryAgain("Gallop is temporarily unavailable.")
    return _answer_error(app, shown, 503, "Temporarily unavailable", {"Retry-After": str(RETRY_AFTER_SECONDS)})


def _internal_error(app: APIGatewayHttpResolver, error: Exception) -> Response[str]:
    log.exception("unhandled exception", error=type(error).__name__)
    return _answer_error(app, GallopError("Gallop failed because of an internal error."), 500, "Internal error", {})


def _no_route(app: APIGatewayHttpResolver, _: NotFoundError) -> Response[str]:
    path, method = app.current_event.path, app.current_event.http_method
    allowed = methods.of_path(path)
    if allowed and method == "OPTIONS" and "access-control-request-method" in app.current_event.headers:
        # A browser asks whether a page of another website may; API Gateway adds the answer, if BrowserOrigins has one.
        return Response(204, None, "", {"Allow": ", ".join(allowed)})
    if allowed and method not in allowed:
        return _refused(app, methods.MethodNotAllowed(method, allowed))
    is_slash = path.endswith("/") and methods.of_path(path.rstrip("/"))
    message = f"There is no such route{': remove the slash at its end' if is_slash else ''}."
    return _refused(app, methods.NoSuchRoute(message))


def _answer_error(
    app: APIGatewayHttpResolver, error: GallopError, status: int, title: str, headers: dict[str, str]
) -> Response[str]:
    event = app.current_event
    refusal = dialects.ErrorAnswer(error, status, title, request_id_of(app))
    media_type, body = dialects.render(refusal, dialects.dialect_of(event.path, event.headers))
    return Response(status, media_type, body, {**headers})
