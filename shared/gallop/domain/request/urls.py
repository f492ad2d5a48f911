"""The addresses that Gallop calls on behalf of others: https, with a public host name and public IP addresses only.

A host name is checked by its spelling, and the IP addresses to which it resolves are checked before each connection.
Only the second check protects against server-side request forgery.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from urllib.parse import SplitResult

# A presigned address with a session token and a long key has more than 2,000.
MAX_URL_CHARACTERS = 8192
HTTPS_PORT = 443

# The last label begins with a letter, so that no number in any notation (127.1, 0x7f.1, 017700000001) is a name.
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])\.?")
# Names that resolve only inside private networks, or nowhere (RFC 6761, 6762, 8375, 7686; ICANN's internal).
_NOT_PUBLIC = frozenset(
    ("arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost", "onion")
)
# Some programs read a backslash as a slash, others do not.
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]|\\")

_HOST_END = re.compile(r"([^/?#:\\]*)(.*)", re.DOTALL)
_ALL_ASCII = "".join(map(chr, range(128)))
# IDNA 2003 replaces or removes the first four, and IDNA 2008 keeps them; the others are separators.
_AMBIGUOUS = re.compile("[\u00df\u03c2\u200c\u200d\u3002@\\[\\]]")

_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT; Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host
        "169.254.0.0/16",  # link-local; metadata of AWS, Azure, Google
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Everything outside is unassigned, local, or embeds an IPv4 address: mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96).
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Return whether an IP address is a unicast address of the public internet, without any special purpose."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in network for network in _REFUSED_V4)
    if found.scope_id or found not in _GLOBAL_V6:
        return False
    return not any(found in network for network in _REFUSED_V6)


def is_loopback(address: str) -> bool:
    """Return whether an IP address is a loopback address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def what_is_wrong_with(url: str) -> str:
    """Return why a URL, as written, is not a public https address; empty if it is one."""
    if len(url) > MAX_URL_CHARACTERS:
        return f"is longer than {MAX_URL_CHARACTERS:,} characters"
    parts = split(url)
    if parts is None or not parts.hostname:
        return "is not a valid URL (write its host in Punycode, and percent-encode the rest)"
    if parts.scheme != "https":
        return "does not begin with https://"
    if parts.username is not None or parts.password is not None:
        return "contains a user name or password"
    if parts.port not in (None, HTTPS_PORT):
        return "uses a port other than 443"
    if not _NAME.fullmatch(parts.hostname) or parts.hostname.rstrip(".").rpartition(".")[2] in _NOT_PUBLIC:
        return "has a host that is an IP address or is not public"
    return ""


def in_ascii(address: str) -> str:
    """Return the URL of an address in any script: its host in Punycode, the rest percent-encoded, in UTF-8.

    An address that cannot be converted is returned unchanged, and is not a valid URL.
    """
    scheme, slashes, rest = address.partition("://")
    if address.isascii() or not slashes or len(address) > MAX_URL_CHARACTERS:
        return address
    host, path = _HOST_END.match(rest).group(1, 2)  # type: ignore[union-attr] # it matches any text
    try:
        ascii_host = host if host.isascii() else _to_punycode(host)
        return f"{scheme}{slashes}{ascii_host}{quote(path, safe=_ALL_ASCII)}"
    except UnicodeError:
        return address


def _to_punycode(host: str) -> str:
    composed = unicodedata.normalize("NFC", host)
    if _AMBIGUOUS.search(composed) or unicodedata.normalize("NFKC", composed) != composed:
        raise UnicodeError("programs may convert this name differently")
    return composed.encode("idna").decode()


def names_loopback(url: str) -> bool:
    """Return whether the host of a URL is this machine, on any port, without a user name."""
    parts = split(url)
    if parts is None or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return False
    return parts.hostname == "localhost" or is_loopback(parts.hostname or "")


def split(url: str) -> SplitResult | None:
    """Split a URL into its parts; None if the text is not a URL, or if programs could parse it differently."""
    if _UNPRINTABLE.search(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def origin(url: str) -> str:
    """Return the scheme, host and port of a URL in a normalized form."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, HTTPS_PORT) else f":{parts.port}"
    return f"{parts.scheme}://{(parts.hostname or '').rstrip('.')}{port}"


def within(value: str, origins: Sequence[str]) -> str | None:
    """Return the complete URL of an address at one of the origins, else None; with one origin, a path is enough."""
    url = f"{origins[0]}{value}" if value.startswith("/") and len(origins) == 1 else value
    parts = split(url)
    if parts is None or "@" in parts.netloc or "#" in url or len(url) > MAX_URL_CHARACTERS:
        return None
    return url if origin(url) in origins else None
