"""How the arithmetic of a price is written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from gallop.domain.request.estimate import Estimate


@pytest.mark.parametrize(
    ("seconds", "formula"),
    [(5, "5 s x $0.14 = $0.70"), (10, "10 s x $0.14 = $1.40"), (6.62, "6.62 s x $0.14 = $0.9268")],
)
def test_amounts_have_cents(seconds: float, formula: str) -> None:
    """The product is written as people write money, with all the digits that it has."""
    estimate = Estimate(seconds, 0.0, Decimal("0.14"), "720P", "International")
    assert formula == estimate.view()["formula"]
