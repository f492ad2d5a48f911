"""Generates the parts of ``docs/fake-dashscope.md`` that come from the code.

``python -m tests.docs.fake_dashscope_page`` updates the page; a test compares.
"""

from __future__ import annotations

import json
import re
import socket
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fake_dashscope.accounts import KEY
from fake_dashscope.catalogue import MODELS
from fake_dashscope.clock import ManualClock
from fake_dashscope.core import FakeDashScope
from fake_dashscope.faults import KINDS
from fake_dashscope.models import MEGABYTE, MediaRule, Model
from fake_dashscope.notices import MODES
from fake_dashscope.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[2] / "docs" / "fake-dashscope.md"
HOST = "127.0.0.1:8642"
FORMATS = {"image": "JPEG, PNG or WEBP", "video": "MP4 or MOV", "audio": "audio"}
PICTURES = "https://help-static-aliyun-doc.aliyuncs.com/file-manage-files/zh-CN/20260424"
SEED = {
    "model": "happyhorse-1.0-r2v",
    "input": {
        "prompt": (
            "The woman in the red qipao from [Image 1] is first framed in a profile medium shot, then raises the "
            "folding fan from [Image 2], while the tassel earrings from [Image 3] sway."
        ),
        "media": [
            {"type": "reference_image", "url": f"{PICTURES}/{name}"}
            for name in ("mvzfud/hh-v2v-girl.jpg", "fvuihk/hh-v2v2-folding-fan.jpg", "imerii/hh-v2v-earrings.jpg")
        ],
    },
    "parameters": {"resolution": "720P", "ratio": "16:9", "duration": 5},
}


def fault_table() -> str:
    """Return the table of faults."""
    rows = ["| on | kind | options (defaults) | effect |", "|---|---|---|---|"]
    for on, kinds in KINDS.items():
        for name, kind in kinds.items():
            options = ", ".join(f"`{key}` ({json.dumps(value)})" for key, value in kind.options.items())
            rows.append(f"| {on} | `{name}` | {options or 'none'} | {kind.meaning} |")
    return "\n".join(rows)


def model_table() -> str:
    """Return the table of models."""
    head = (
        "| model | media | resolutions (default) | ratios | seconds "
        "| USD per second: mainland and Global / International |"
    )
    return "\n".join([head, "|---|---|---|---|---|---|", *(_model_row(model) for model in MODELS.values())])


def _model_row(model: Model) -> str:
    media = ", ".join(f"{_count(rule)} `{rule.type}`" for rule in model.media)
    tiers = ", ".join(model.resolutions)
    seconds = (
        f"{model.min_seconds} to {model.max_seconds} ({model.default_seconds})"
        if model.has_duration
        else f"as input, maximum {model.max_seconds}"
    )
    prices = ", ".join(f"{tier} {home} / {abroad}" for tier, (home, abroad) in model.prices.items())
    return (
        f"| `{model.name}` | {media or 'none'} | {tiers} ({model.default_resolution}) "
        f"| {f'{len(model.ratios)} ({model.default_ratio})' if model.ratios else 'as input'} | {seconds} | {prices} |"
    )


def _count(rule: MediaRule) -> str:
    return f"{rule.minimum} to {rule.maximum}" if rule.minimum < rule.maximum else str(rule.minimum)


def media_table() -> str:
    """Return the table of the limits of media."""
    rows = ["| model | media | limits of each |", "|---|---|---|"]
    for model in MODELS.values():
        rows += [f"| `{model.name}` | {_count(rule)} `{rule.type}` | {_limits(rule)} |" for rule in model.media]
    return "\n".join(rows)


def _limits(rule: MediaRule) -> str:
    frames = f"above {rule.above_fps:g} frames per second" if rule.above_fps else ""
    parts = (
        FORMATS[rule.kind],
        f"{rule.min_seconds:g} to {rule.max_seconds:g} s" if rule.max_seconds else "",
        f"short side of {rule.short_side} px or more",
        f"long side up to {rule.long_side} px" if rule.long_side else "",
        f"1:{rule.widest:g} to {rule.widest:g}:1" if rule.widest else "any shape",
        f"maximum {rule.max_bytes // MEGABYTE} MB",
        frames,
        "" if rule.inline else "no data URI",
    )
    return ", ".join(part for part in parts if part)


def row_fields() -> str:
    """Return the table of the fields of a row."""
    rows = ["| field | of | default | meaning |", "|---|---|---|---|"]
    for shape in (Model, MediaRule):
        meanings = _meanings(shape.__doc__ or "")
        for field in fields(shape):
            default = "required" if field.default is MISSING else f"`{json.dumps(field.default)}`"
            rows.append(f"| `{field.name}` | {shape.__name__} | {default} | {meanings.get(field.name, '')} |")
    return "\n".join(rows)


def _meanings(text: str) -> dict[str, str]:
    """Return what a docstring says about each field in its list."""
    found = {}
    for names, meaning in re.findall(r"- ((?:``\w+``,? ?)+): (.+?)(?=\n +- |\n *\Z)", text, re.DOTALL):
        for name in re.findall(r"\w+", names):
            found[name] = " ".join(meaning.replace("``", "`").split()).removesuffix(".")
    return found


def mode_table() -> str:
    """Return the table of the modes of events."""
    return "\n".join(
        ["| mode | what is sent |", "|---|---|", *(f"| `{mode}` | {what} |" for mode, what in MODES.items())]
    )


def record() -> str:
    """Send the seed request to a new fake with a ``ManualClock``, and record requests and replies."""
    clock = ManualClock()
    fake = FakeDashScope(clock)
    with serve(fake) as server:
        said = [_exchange(server.url, _submit())]
        task_id = json.loads(said[0][1].partition("\r\n\r\n")[2])["output"]["task_id"]
        for seconds in (15, 60):
            clock.advance(seconds)
            fake.settle()
            said.append(_exchange(server.url, _request(f"GET /api/v1/tasks/{task_id} HTTP/1.1")))
    return "\n\n".join(f"```http\n{_shown(sent)}\n```\n\n```http\n{_shown(got)}\n```" for sent, got in said)


def _submit() -> str:
    body = json.dumps(SEED, ensure_ascii=False)
    line = "POST /api/v1/services/aigc/video-generation/video-synthesis HTTP/1.1"
    kind = ("X-DashScope-Async: enable", "Content-Type: application/json", f"Content-Length: {len(body.encode())}")
    return _request(line, *kind) + body


def _request(line: str, *headers: str) -> str:
    return "\r\n".join([line, f"Host: {HOST}", f"Authorization: Bearer {KEY}", *headers, "", ""])


def _exchange(url: str, sent: str) -> tuple[str, str]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        connection.sendall(sent.encode())
        got = b""
        while (wanted := _missing(got)) > 0:
            got += connection.recv(wanted)
    return sent, got.decode()


def _missing(got: bytes) -> int:
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return int(length[1]) - len(body) if length and b"\r\n\r\n" in got else 65536


def _shown(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


BLOCKS: dict[str, Callable[[], str]] = {
    "faults": fault_table,
    "modes": mode_table,
    "media": media_table,
    "models": model_table,
    "row": row_fields,
    "record": record,
}


def renew(page: str) -> str:
    """Return the page with all its blocks updated."""
    for name, block in BLOCKS.items():
        begin, end = f"<!-- {name}: from the code -->", f"<!-- {name}: end -->"
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition(end)
        page = f"{head}{begin}\n{block()}\n{end}{tail}"
    return page


if __name__ == "__main__":
    PAGE.write_text(renew(PAGE.read_text("utf-8")), "utf-8")
