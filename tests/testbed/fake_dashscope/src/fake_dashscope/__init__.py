"""A fake DashScope: one core with two faces, respx and HTTP."""

from fake_dashscope.accounts import KEY, REGION, Account
from fake_dashscope.core import FakeDashScope
from fake_dashscope.errors import VendorError
from fake_dashscope.faults import BadFaultError
from fake_dashscope.notices import BadRuleError
from fake_dashscope.switches import Limits, Switches

__all__ = [
    "KEY",
    "REGION",
    "Account",
    "BadFaultError",
    "BadRuleError",
    "FakeDashScope",
    "Limits",
    "Switches",
    "VendorError",
]
