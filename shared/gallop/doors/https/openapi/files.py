"""The files that the function `describe` serves, as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gallop import __version__
from gallop.doors.https import errors as dialects
from gallop.doors.https.methods import MethodNotAllowed, NoSuchRoute
from gallop.doors.https.openapi.document import document
from gallop.doors.https.openapi.page import page

if TYPE_CHECKING:
    from gallop.domain.errors import CallerError


def files() -> dict[str, str]:
    """Return each file's text by its name."""
    described = document(__version__)
    return {"docs.html": page(described), "openapi.json": _json(described), **refusals()}


def refusals() -> dict[str, str]:
    """Return the texts of the refusals of a function that serves files, by their names."""
    return {
        "method_not_allowed.json": _refusal(MethodNotAllowed("this method", ("GET", "HEAD"))),
        "no_such_route.json": _refusal(NoSuchRoute("There is no such file.")),
    }


def _refusal(error: CallerError) -> str:
    return _json(dialects.rfc9457(dialects.ErrorAnswer(error, error.status, error.title, request_id="")))


def _json(content: object) -> str:
    # By lines, so that a change of one field is a difference of one line.
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
