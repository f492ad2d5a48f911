"""Headers and query parameters that are one value, and may have been sent twice.

API Gateway joins the headers of one name with commas, so that a header which was sent twice looks like another value.
Equal values count as one; different ones are refused, as nobody knows which is meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROBLEM = "has more than one value"
# A comma inside of quotes does not separate values.
_VALUE = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*(?:"|$))+|(?<=,)(?=,|$)|^(?=,)')
_CREDENTIALS = re.compile(r"[a-z][a-z0-9-]*\s+\S", re.IGNORECASE | re.ASCII)
_MEDIA_TYPE = re.compile(r"\s*[\w!#$&^.+-]+/[\w!#$&^.+-]+\s*(?:;|$)", re.ASCII)


def header(headers: Mapping[str, str], name: str) -> str | None:
    """Return the one value of a header, whose name is in lower case; None if it was not sent.

    Raises:
        InvalidRequest: it was sent with different values.

    """
    sent = headers.get(name)
    if sent is None or "," not in sent:
        return sent
    return _only(name, [value.strip() for value in _VALUE.findall(sent)])


def authorization(headers: Mapping[str, str]) -> str:
    """Return the one value of ``Authorization``, or an empty text; the parameters of some schemes have commas.

    Raises:
        InvalidRequest: it was sent with different values.

    """
    sent = headers.get("authorization", "")
    values = [value.strip() for value in _VALUE.findall(sent)]
    if len([value for value in values if _CREDENTIALS.match(value)]) <= 1:
        return sent
    return _only("authorization", values)


def content_type(headers: Mapping[str, str]) -> str:
    """Return the one media type of the body, or an empty text; a boundary may contain a comma.

    Raises:
        InvalidRequest: it was sent with different values.

    """
    sent = headers.get("content-type", "")
    starts = [match.start() for match in _VALUE.finditer(sent) if _MEDIA_TYPE.match(match[0])]
    if len(starts) <= 1:
        return sent
    ends = [start - 1 for start in starts[1:]]
    values = [sent[start:end].strip() for start, end in zip(starts, [*ends, len(sent)], strict=True)]
    return _only("content-type", values)


def parameters(query: str) -> dict[str, str]:
    """Return the parameters of a query string.

    Raises:
        InvalidRequest: some were sent with different values.

    """
    found: dict[str, str] = {}
    twice: dict[str, Fault] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if found.setdefault(name, value) != value:
            twice[name] = Fault(f"/{name[:80]}", _PROBLEM, "Send this parameter once.")
    if twice:
        raise InvalidRequest(list(twice.values()))
    return found


def _only(name: str, values: list[str]) -> str:
    if len(set(values)) > 1:
        shown = name.title()
        raise InvalidRequest([Fault("", _PROBLEM, "Send this header once, without a comma.", header=shown)])
    return values[0]
