"""Where a job may run: what its request and its client's key allow, out of the accounts that the stack has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop.domain.errors import PlacementRefused
from gallop.domain.faults import Fault, shown
from gallop.domain.placement import ACCOUNT, Contradiction
from gallop.services import lane_list

if TYPE_CHECKING:
    from gallop.domain.placement import Placement
    from gallop.domain.request.request import VideoRequest


def bound(request: VideoRequest, allowed: Placement) -> VideoRequest:
    """Return a request that also runs only where its client's key allows.

    Raises:
        PlacementRefused: it asks for another place.

    """
    try:
        return replace(request, placement=request.placement.within(allowed))
    except Contradiction as error:
        place = error.part if error.part == ACCOUNT else f"tags/{error.part}"
        problem = f"must be {shown(error.bound)}, because your API key allows no other"
        raise PlacementRefused([Fault(f"/{place}", problem, "Leave it out, or use another key.")]) from error


def check(request: VideoRequest) -> None:
    """Check that the stack has an account that may make a request, now or after a pause.

    Raises:
        PlacementRefused: it has none.

    """
    if lane_list.open_to(request.model, request.placement):
        return
    remedy = "Ask the operator of the stack to add one: gallop accounts add."
    if not lane_list.open_to(request.model):
        raise PlacementRefused([Fault("/model", "is not made by any account of this stack", remedy)])
    asked = request.placement
    what = " and ".join(["this name"] * bool(asked.account) + ["these tags"] * bool(asked.tags))
    problem = f"no account of this stack that makes this model has {what}"
    raise PlacementRefused([Fault("/account" if asked.account else "/tags", problem, remedy)])
