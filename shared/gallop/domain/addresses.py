"""Which addresses Gallop may be sent to by others, as they are written: public names over https."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

URL_CHARACTERS_AT_MOST = 2048
HTTPS_PORT = 443

# The last label begins with a letter, so that no number in any notation (127.1, 0x7f.1, 017700000001) is a name.
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])\.?")
# A backslash is a slash to some programs, and none to others.
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]|\\")


def what_is_wrong_with(url: str) -> str:
    """Say what keeps a URL from being a public one, as it is written; nothing if nothing does."""
    if len(url) > URL_CHARACTERS_AT_MOST:
        return f"is longer than {URL_CHARACTERS_AT_MOST} characters"
    parts = split(url)
    if parts is None or not parts.hostname:
        return "is not a URL (percent-encode what is not ASCII)"
    if parts.scheme != "https":
        return "does not begin with https://"
    if parts.username is not None or parts.password is not None:
        return "carries a user name or a password"
    if parts.port not in (None, HTTPS_PORT):
        return "names a port other than 443"
    if not _NAME.fullmatch(parts.hostname):
        return "names a host by address, or one that is not public"
    return ""


def split(url: str) -> SplitResult | None:
    """Take a URL apart; None for a text that is none, or that two programs could read in two ways."""
    if _UNPRINTABLE.search(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
