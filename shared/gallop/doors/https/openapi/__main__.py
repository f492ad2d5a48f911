"""Writes the description into a folder, and its refusals into others, whose functions refuse in the same words.

``python -m gallop.doors.https.openapi functions/describe functions/page``; `make docs` runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gallop.doors.https.openapi.files import files, refusals

if __name__ == "__main__":
    described, *others = map(Path, sys.argv[1:])
    for folder, written in ((described, files()), *((other, refusals()) for other in others)):
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")
