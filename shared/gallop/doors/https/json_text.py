"""Answers as JSON text that can always be encoded."""

from __future__ import annotations

import json


def dumps(body: object) -> str:
    """Write JSON in Unicode; an unpaired surrogate, which UTF-8 cannot contain, is escaped.

    Only strings of the JSON contain other characters than ASCII, and there the escape means the same character.
    """
    return json.dumps(body, ensure_ascii=False).encode(errors="backslashreplace").decode()
