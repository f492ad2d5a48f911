"""The addresses of DashScope's API. A key goes to https only: http is for a fake DashScope on the same machine."""

from __future__ import annotations

import re

# Also the AllowedPattern of DashScopeBaseUrl in template.yaml.
BASE_URL = r"(https://[A-Za-z0-9.-]+|http://(localhost|127\.[0-9]+\.[0-9]+\.[0-9]+|\[::1\]))(:[0-9]+)?/api/v1"

_BASE_URL = re.compile(BASE_URL)


def is_base_url(url: str) -> bool:
    """Return whether a URL is a base URL of DashScope's API to which a key may be sent."""
    return bool(_BASE_URL.fullmatch(url))
