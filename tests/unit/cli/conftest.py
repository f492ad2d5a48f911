"""Jobs as the door shows them."""

from __future__ import annotations

from tests.unit.client.conftest import view

__all__ = ["view"]
