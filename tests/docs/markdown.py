"""Markdown that the code writes: tables, and blocks between markers on pages that people write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Blocks = Mapping[str, Callable[[], str]]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. A heading that ends in a colon is the heading of a column of figures."""
    lines = [
        [title.removesuffix(":") for title in head],
        ["--:" if title.endswith(":") else "---" for title in head],
        *(list(row) for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def json_block(value: object) -> str:
    """Return a JSON document as a block of code."""
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```"


def begin(name: str) -> str:
    """Return the marker before a block."""
    return f"<!-- {name}: from the code -->"


def end(name: str) -> str:
    """Return the marker after a block."""
    return f"<!-- {name}: end -->"


def renew(page: str, blocks: Blocks) -> str:
    """Return a page with its blocks written again.

    Raises:
        ValueError: a block has no place on the page.

    """
    for name, block in blocks.items():
        head, marker, rest = page.partition(begin(name))
        _, closing, tail = rest.partition(end(name))
        if not marker or not closing:
            raise ValueError(f"The page has no markers for the block {name!r}.")
        page = f"{head}{marker}\n{block()}\n{closing}{tail}"
    return page
