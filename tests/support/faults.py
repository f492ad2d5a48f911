"""Faults as the doors show them, read by their places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def place_of(fault: Mapping[str, Any]) -> str:
    """Name where a fault is: ``/ratio``, ``1.jpg``, ``job.json /ratio`` or ``Idempotency-Key``."""
    parts = (fault.get("file"), fault.get("header"), fault.get("pointer"))
    return " ".join(part for part in parts if part)


def details(faults: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Give what is wrong, by its place."""
    return {place_of(fault): fault["detail"] for fault in faults}
