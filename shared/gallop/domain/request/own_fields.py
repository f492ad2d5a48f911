"""The fields of a request that are Gallop's own: the same for every model, and nothing that DashScope knows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop.domain.faults import Fault, shown
from gallop.domain.fields import Flag, FormText, Whole
from gallop.domain.placement import ACCOUNT, MAX_TAGS, is_word
from gallop.domain.request import prompt, strict_json, urls
from gallop.domain.scheduling import queue

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_METADATA_BYTES = 4096

PRIORITY = Whole(
    name="priority",
    within=queue.PRIORITIES,
    default=0,
    description="Of your own waiting jobs, those with a higher priority start first.",
)
_EXAMPLES = {"metadata": ("order", "17"), "tags": ("region", "eu")}
_WORD = "1 to 32 of a-z, 0-9 and hyphens, the first no hyphen"
MAX_N = 4
N = Whole(
    name="n",
    within=range(1, MAX_N + 1),
    default=1,
    description=(
        "How many videos to make of this request, each with its own seed and at its own price: all or none. With 2 or "
        "more, the answer is a group of jobs."
    ),
)
DRY_RUN = Flag(name="dry_run", default=False, description="Only return the price.")


def read_metadata(value: object) -> dict[str, Any] | Fault:
    """Read the metadata, which belongs to the caller: Gallop stores and returns it. A form may have it as JSON."""
    if value is None:
        return {}
    value = _object(value, "metadata")
    if isinstance(value, Fault):
        return value
    if not prompt.is_text(value):
        # In the JSON of a form; that of a body has been checked.
        return Fault("", prompt.UNPAIRED, prompt.UNPAIRED_REMEDY)
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))
    if size > MAX_METADATA_BYTES:
        problem = f"is too long: {size:,} bytes as JSON in UTF-8; the maximum is {MAX_METADATA_BYTES:,} bytes"
        return Fault("", problem, "Shorten it.")
    return value


def read_webhook(value: object, origins: Sequence[str]) -> str | Fault:
    """Read the address to notify at the end: a request may choose only its path and query."""
    if value is None:
        return ""
    url = urls.within(value, origins) if isinstance(value, str) else None
    if url is not None:
        return url
    path = ", or only a path: /..." if len(origins) == 1 else "."
    remedy = f"Use an address at {' or '.join(origins)}{path}"
    if not origins:
        remedy = "Ask the operator of the stack to add an endpoint: gallop webhooks add."
    return Fault("", "must be an address at one of your webhook endpoints", remedy)


def read_account(value: object) -> str | Fault:
    """Read the name of the DashScope account on which a job must run."""
    if value is None:
        return ""
    if is_word(value):
        return str(value)
    remedy = "Ask the operator of the stack for the names of its accounts, or omit it."
    return Fault("", f"must be the name of an account: {_WORD}", remedy)


def read_tags(value: object) -> dict[str, str] | Fault:
    """Read the tags that the DashScope account of a job must have. A form may have them as JSON."""
    if value is None:
        return {}
    value = _object(value, "tags")
    if isinstance(value, Fault):
        return value
    if not 0 < len(value) <= MAX_TAGS:
        problem = f"has {len(value):,} tags; the maximum is {MAX_TAGS}" if value else "is empty"
        return Fault("", problem, "Remove some." if value else f"{_example_of('tags')} Or omit it.")
    if ACCOUNT in value:
        return Fault("", f"cannot have a tag {ACCOUNT}", f"Send the name of the account in the field {ACCOUNT}.")
    for name, tag in value.items():
        if not (is_word(name) and is_word(tag)):
            problem = f"has the tag {shown(name)} with the value {shown(tag)}; both must be {_WORD}"
            return Fault("", problem, _example_of("tags"))
    return {name: str(tag) for name, tag in value.items()}


def _object(value: object, field: str) -> dict[str, Any] | Fault:
    """Return the object that a field has, in a form as JSON."""
    if isinstance(value, FormText):
        value = _from_form(value, field)
    if isinstance(value, dict | Fault):
        return value
    return Fault("", "must be an object", _example_of(field))


def _example_of(field: str) -> str:
    name, value = _EXAMPLES[field]
    return f'Send an object: {{"{name}": "{value}"}}.'


def _from_form(text: str, field: str) -> object:
    remedy = f"{_example_of(field).removesuffix('.')}; or send fields: {field}[{_EXAMPLES[field][0]}]."
    try:
        document = strict_json.load(text)
    except strict_json.InvalidJson as error:
        place = "" if error.line is None else f" (line {error.line}, column {error.column})"
        return Fault("", f"{error.problem}{place}", remedy)
    return Fault("", document.duplicates[0].detail, remedy) if document.duplicates else document.value
