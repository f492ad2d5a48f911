"""Which addresses Gallop may call: only those that lead to the public internet, in every notation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gallop.domain.request import urls
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    import ipaddress

SPECIAL = [
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::93.184.215.14",
    "::ffff:127.0.0.1",
    "::ffff:93.184.215.14",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::5db8:d70e",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:5db8:d70e::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c%eth0",
    "fec0::1",
    "ff02::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
]
PUBLIC = [
    "1.1.1.1",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2001:200::1",
    "2003::1",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "2a00:1450:4001:80e::200e",
]


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_not_called(address: str) -> None:
    """They are private, local, metadata, carrier, documentation, multicast, reserved, or embed such an address."""
    assert not urls.is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called(address: str) -> None:
    """The neighbours of the special ranges do not belong to them."""
    assert urls.is_public(address)


@pytest.mark.parametrize("text", ["", "example.com", "127.1", "0x7f.1", "017700000001", "2130706433", "1.2.3.4 "])
def test_an_invalid_address_is_not_called(text: str) -> None:
    """An invalid answer of a resolver leads nowhere."""
    assert not urls.is_public(text)


@given(st.ip_addresses())
def test_addresses_that_python_calls_special_are_not_called(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """The table refuses everything that the standard library considers special."""
    special = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    if special or address.is_reserved or address.is_unspecified:
        assert not urls.is_public(str(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "0177.0.0.1",
        "2130706433",
        "017700000001",
        "127.0.0.0x1",
        "1.2.3.4.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "intranet",
        "example.123",
        "exa%6dple.com",
        "-example.com",
        "example..com",
        "a" * 64 + ".com",
        ".com",
    ],
)
def test_hosts_that_are_no_public_name_are_refused(host: str) -> None:
    """No IP address in any notation is a name, nor is a name without a dot."""
    assert "has a host that is an IP address" in urls.what_is_wrong_with(f"https://{host}/hook")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://example.com/", "does not begin with https://"),
        ("ftp://example.com/", "does not begin with https://"),
        ("https://a@example.com/", "contains a user name"),
        ("https://example.com:@example.com/", "contains a user name"),
        ("https://example.com:8443/", "uses a port other than 443"),
        ("https://example.com\\@127.0.0.1/", "is not a valid URL"),
        ("https://example.com/a b", "is not a valid URL"),
        ("https://example.com/\n", "is not a valid URL"),
        ("https://\uff45xample.com/", "is not a valid URL"),
        ("https://example.com:99999/", "is not a valid URL"),
        ("https://example.com/" + "a" * 8173, "is longer than 8,192 characters"),
        ("https://example.com:443/hook?order=7", ""),
        ("https://xn--bcher-kva.example/", ""),
        ("https://hooks_1.example.com./x", ""),
    ],
)
def test_urls_are_checked_as_written(url: str, problem: str) -> None:
    """Only https on port 443, without a user and with one interpretation, is accepted."""
    found = urls.what_is_wrong_with(url)
    assert problem in found
    assert bool(problem) == bool(found)


ORIGINS = ("https://hooks.example.com",)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("/gallop?order=7", "https://hooks.example.com/gallop?order=7"),
        ("https://hooks.example.com/other", "https://hooks.example.com/other"),
        ("https://HOOKS.example.com:443/other?x=1", "https://HOOKS.example.com:443/other?x=1"),
        ("https://hooks.example.com", "https://hooks.example.com"),
        ("//evil.example.com/x", "https://hooks.example.com//evil.example.com/x"),
        ("https://evil.example.com/x", None),
        ("https://hooks.example.com.evil.com/x", None),
        ("https://hooks.example.com@evil.com/x", None),
        ("https://hooks.example.com:8443/x", None),
        ("http://hooks.example.com/x", None),
        ("https://hooks.example.com\\@evil.com", None),
        (".evil.com/x", None),
        ("@evil.com/x", None),
        ("/a#b", None),
        ("/ü", None),
        ("/" + "a" * 8192, None),
    ],
)
def test_only_path_and_query_may_vary(value: str, url: str | None) -> None:
    """Whatever the value, the host is one that an operator has added."""
    assert url == urls.within(value, ORIGINS)


def test_a_path_alone_needs_exactly_one_origin() -> None:
    """With two origins or none, it is ambiguous."""
    assert urls.within("/x", ()) is None
    assert urls.within("/x", ("https://a.example", "https://b.example")) is None
