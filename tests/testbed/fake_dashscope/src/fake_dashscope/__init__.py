"""A fake DashScope: one core with two faces, respx and HTTP."""

from tests.testbed.fake_dashscope.accounts import KEY, REGION, Account
from tests.testbed.fake_dashscope.core import FakeDashScope
from tests.testbed.fake_dashscope.errors import VendorError
from tests.testbed.fake_dashscope.faults import BadFaultError
from tests.testbed.fake_dashscope.notices import BadRuleError
from tests.testbed.fake_dashscope.switches import Limits, Switches

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
