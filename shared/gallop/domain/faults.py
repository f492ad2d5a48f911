"""Faults of a request: one shape at every door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """One problem of a request: where it is, what is wrong, and how to fix it.

    ``pointer`` is a JSON pointer (RFC 6901; empty: the whole body) into the request, or into ``file`` if the request
    came as files; ``header`` names an HTTP header instead. ``line`` and ``column`` count from 1.
    """

    pointer: str
    detail: str
    remedy: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    header: str = ""

    @property
    def message(self) -> str:
        """The place, if there is one, and the problem."""
        line = "" if self.line is None else f"line {self.line}"
        place = " ".join(part for part in (self.file, line, self.header, self.pointer) if part)
        return f"{place}: {self.detail}" if place else self.detail

    def view(self) -> dict[str, Any]:
        """Return the fault as a JSON object: its place, ``detail`` and ``remedy``."""
        place = {"file": self.file, "line": self.line, "column": self.column, "header": self.header}
        known: dict[str, Any] = {name: value for name, value in place.items() if value}
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
    )
