"""DashScope's regions by host (fact sheet §7 and §14): the hosts of one region are aliases, with the same tasks."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# The hosts that do not name their region, and those of this machine, where a fake DashScope may change its port.
_HOSTS = {
    "dashscope.aliyuncs.com": "cn-beijing",
    "dashscope-intl.aliyuncs.com": "ap-southeast-1",
    "dashscope-us.aliyuncs.com": "us-east-1",
    "localhost": "local",
    "127.0.0.1": "local",
    "::1": "local",
}
# The hosts of all workspaces of a region; in other regions there are only hosts of workspaces.
SHARED_BASE_URLS = tuple(
    f"https://{host}/api/v1"
    for host in (
        "dashscope-intl.aliyuncs.com",
        "dashscope.aliyuncs.com",
        "dashscope-us.aliyuncs.com",
        "cn-hongkong.dashscope.aliyuncs.com",
    )
)
# A workspace's host, and the others: ``vpc-cn-beijing.dashscope...``, ``cn-hongkong.dashscope...``.
_NAMED = re.compile(r"(?:[\w-]+\.([\w-]+)\.maas|(?:vpc-)?([\w-]+)\.dashscope)\.aliyuncs\.com")


def region_of(base_url: str) -> str:
    """Return the region of a base URL; a host that is not known is a region of its own."""
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return base_url
    named = _NAMED.fullmatch(host)
    if named:
        return str(named[1] or named[2])
    return _HOSTS.get(host, parts.netloc.rpartition("@")[2].lower())


def is_alibaba(base_url: str) -> bool:
    """Return whether a base URL is at a host of Alibaba's: a key may then be shown to its other hosts."""
    try:
        return (urlsplit(base_url).hostname or "").rstrip(".").endswith(".aliyuncs.com")
    except ValueError:
        return False
