"""A fake of Alibaba's DashScope video API, for tests of DashScope clients.

``FakeDashScope`` is the whole service as one object. Reach it in three ways:

- ``mounted(fake)``: inside the block, httpx requests to DashScope's hosts are answered by the fake (needs respx);
- ``serve(fake)``: inside the block, the fake listens on a port of this machine;
- ``fake.handle(request)``: an ``httpx.Request`` in, an ``httpx.Response`` out.

``fake.fault(…)`` makes requests fail, ``fake.ledger()`` shows what arrived and what it cost.
Everything follows one clock: ``ManualClock`` moves when a test says so, ``ScaledClock`` follows real time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fake_dashscope.accounts import KEY, REGION, Account
    from fake_dashscope.clock import Clock, ManualClock, ScaledClock
    from fake_dashscope.core import FakeDashScope
    from fake_dashscope.errors import VendorError
    from fake_dashscope.faults import BadFaultError
    from fake_dashscope.models import BadModelError, Model
    from fake_dashscope.mounting import mounted
    from fake_dashscope.notices import BadRuleError
    from fake_dashscope.previews import WAN_3_0, WAN_3_0_PRIME
    from fake_dashscope.server import Server, serve
    from fake_dashscope.switches import Limits, Switches

__version__ = "0.1.0"

__all__ = [
    "KEY",
    "REGION",
    "WAN_3_0",
    "WAN_3_0_PRIME",
    "Account",
    "BadFaultError",
    "BadModelError",
    "BadRuleError",
    "Clock",
    "FakeDashScope",
    "Limits",
    "ManualClock",
    "Model",
    "ScaledClock",
    "Server",
    "Switches",
    "VendorError",
    "mounted",
    "serve",
]

_MODULES = {
    "accounts": ("KEY", "REGION", "Account"),
    "clock": ("Clock", "ManualClock", "ScaledClock"),
    "core": ("FakeDashScope",),
    "errors": ("VendorError",),
    "faults": ("BadFaultError",),
    "models": ("BadModelError", "Model"),
    "mounting": ("mounted",),
    "notices": ("BadRuleError",),
    "previews": ("WAN_3_0", "WAN_3_0_PRIME"),
    "server": ("Server", "serve"),
    "switches": ("Limits", "Switches"),
}

if not TYPE_CHECKING:
    # pytest imports this package at each start, for the plugin: suites that do not use the fake do not wait for it.
    def __getattr__(name: str) -> object:
        """Import a public name on first use."""
        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
