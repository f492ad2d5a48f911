"""Faults of a request: one shape at every door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Answers and receipts list this many faults, and say how many more there are.
MAX_FAULTS = 100
MAX_SHOWN_CHARACTERS = 60
MAX_NAME_CHARACTERS = 80


@frozen
class Fault:
    """One problem of a request: where it is, what is wrong, and how to fix it.

    ``pointer`` is a JSON pointer (RFC 6901; empty: the whole body) into the request, or into ``file`` if the request
    came as files; ``header`` names an HTTP header instead. ``line`` and ``column`` count from 1. A fault with
    ``omitted`` stands for that many others, which are not listed.
    """

    pointer: str
    detail: str
    remedy: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    header: str = ""
    omitted: int = 0

    @property
    def message(self) -> str:
        """The place, if there is one, and the problem."""
        column = "" if self.column is None else f"column {self.column}"
        line = "" if self.line is None else f"line {self.line}"
        line = ", ".join(part for part in (line, column) if part)
        place = " ".join(part for part in (self.file, line, self.header, self.pointer) if part)
        return f"{place}: {self.detail}" if place else self.detail

    def view(self) -> dict[str, Any]:
        """Return the fault as a JSON object: its place, ``detail`` and ``remedy``."""
        place = {"file": self.file, "line": self.line, "column": self.column, "header": self.header}
        known: dict[str, Any] = {name: value for name, value in place.items() if value}
        if self.omitted:
            known["omitted"] = self.omitted
        if self.pointer or not known:
            known["pointer"] = self.pointer
        return {**known, "detail": self.detail, "remedy": self.remedy}


def file_fault(file: str, detail: str, remedy: str) -> Fault:
    """Return the fault of a whole file, or of a folder."""
    return Fault("", detail, remedy, file)


def fault_from(view: Mapping[str, Any]) -> Fault:
    """Read the output of ``Fault.view``."""
    line, column = view.get("line"), view.get("column")
    return Fault(
        view.get("pointer", ""),
        view["detail"],
        view["remedy"],
        view.get("file", ""),
        None if line is None else int(line),
        None if column is None else int(column),
        view.get("header", ""),
        int(view.get("omitted", 0)),
    )


def omitted(count: int) -> list[Fault]:
    """Return the fault that stands for this many others; none if there are no others."""
    problem = f"{count:,} more {'problem is' if count == 1 else 'problems are'} not listed"
    remedy = "Fix the listed problems first, then resend: the answer lists what is left."
    return [Fault("", problem, remedy, omitted=count)] if count > 0 else []


def bounded(faults: Iterable[Fault], limit: int = MAX_FAULTS) -> tuple[Fault, ...]:
    """Return the first faults; if there are more than ``limit``, one more stands for the others."""
    everything = list(faults)
    listed = [fault for fault in everything if not fault.omitted]
    left_out = sum(fault.omitted for fault in everything) + max(0, len(listed) - limit)
    return (*listed[:limit], *omitted(left_out))


def listing(faults: Iterable[Fault], name: str = "faults") -> dict[str, Any]:
    """Return the field ``name`` that lists the first faults, and ``omitted``, how many more there are, if any."""
    found = bounded(faults)
    left_out = sum(fault.omitted for fault in found)
    views = {name: [fault.view() for fault in found if not fault.omitted]}
    return {**views, "omitted": left_out} if left_out else views


def shown(value: object) -> str:
    """Return a value that was sent, as JSON on one short line; unpaired surrogates are escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str).encode(errors="backslashreplace").decode()
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[: MAX_SHOWN_CHARACTERS - 3]}..."


def pointer_to(*names: str) -> str:
    """Return the JSON pointer of names that may come from outside: each is shortened, and valid Unicode."""
    return "".join("/" + _token(name) for name in names)


def _token(name: str) -> str:
    text = name[:MAX_NAME_CHARACTERS].encode(errors="replace").decode()
    return text.replace("~", "~0").replace("/", "~1")
