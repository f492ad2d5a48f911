"""Whether a request may run where it and its client's key say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop.domain.errors import PlacementRefused
from gallop.domain.faults import Fault
from gallop.domain.placement import Contradiction

if TYPE_CHECKING:
    from gallop.domain.placement import Placement
    from gallop.domain.request.request import VideoRequest


def bound(request: VideoRequest, by: Placement) -> VideoRequest:
    """Bind a request to where its client's key lets it run."""
    try:
        return replace(request, placement=request.placement.within(by))
    except Contradiction as error:
        raise PlacementRefused([Fault("/tags", str(error), "Omit it.")]) from None


def check(request: VideoRequest) -> None:
    """Check that an account may make a request."""
