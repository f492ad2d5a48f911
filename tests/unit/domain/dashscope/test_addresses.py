"""A key goes to DashScope over https only; over http to a fake DashScope on the same machine."""

from __future__ import annotations

import pytest
from gallop import settings
from gallop.domain.dashscope import addresses

SAFE = [
    "https://dashscope-intl.aliyuncs.com/api/v1",
    "https://ws-1.ap-southeast-1.maas.aliyuncs.com/api/v1",
    "https://proxy.example.com:8443/api/v1",
    "http://127.0.0.1:8080/api/v1",
    "http://127.8.9.10/api/v1",
    "http://localhost:8080/api/v1",
    "http://[::1]:8080/api/v1",
]
UNSAFE = [
    "http://dashscope-intl.aliyuncs.com/api/v1",
    "HTTP://dashscope-intl.aliyuncs.com/api/v1",
    "http://192.168.0.7:8080/api/v1",
    "http://0.0.0.0/api/v1",
    "http://localhost.example.com/api/v1",
    "http://127.0.0.1.example.com/api/v1",
    "http://127.0.0.1@example.com/api/v1",
    "http://localhost:80@example.com/api/v1",
    "http://[::2]/api/v1",
    "http://127.example.com/api/v1",
    "https://user:word@example.com/api/v1",
    "https://example.com/other/api/v1",
    "https://example.com?/api/v1",
    "https://example.com#/api/v1",
    "https://example.com\\@evil.com/api/v1",
    "https://example.com/api/v1/",
    "https://example.com/api/v1\n",
    "https:///api/v1",
    "ftp://example.com/api/v1",
    "//example.com/api/v1",
    "",
]


@pytest.mark.parametrize("url", SAFE)
def test_https_and_this_machine_are_allowed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any host by https; by http only the loopback addresses."""
    assert addresses.is_base_url(url)
    monkeypatch.setenv("DASHSCOPE_BASE_URL", url)
    assert url == settings.dashscope_base_url()


@pytest.mark.parametrize("url", UNSAFE)
def test_everything_else_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that only looks like this machine is another one, and a URL with more parts could lead elsewhere."""
    assert not addresses.is_base_url(url)
    monkeypatch.setenv("DASHSCOPE_BASE_URL", url)
    with pytest.raises(ValueError, match="must be an https URL that ends in /api/v1"):
        settings.dashscope_base_url()
