"""Writes the description: ``python -m gallop.doors.https.openapi functions/describe``. `make docs` runs it."""

from __future__ import annotations

import sys
from pathlib import Path

from gallop.doors.https.openapi.files import files

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")
