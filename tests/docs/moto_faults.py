"""Runs every reproduction of ``docs/moto-faults.md``, and prints which of them failed, as JSON.

``python -m tests.docs.moto_faults`` needs a process of its own: the testbed repairs moto in the process that uses it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.support import descriptions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "moto-faults.md").read_text(encoding="utf-8")
PREAMBLE = PAGE.split("## ", maxsplit=1)[0].partition("```python\n")[2].partition("```")[0]
SECTIONS = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]


def title(section: str) -> str:
    """Return the heading of a section."""
    return section.splitlines()[0].replace("`", "")


def reproduction(section: str) -> str:
    """Return the code of a section."""
    return section.partition("```python\n")[2].partition("```")[0]


def failure(section: str) -> str:
    """Run a reproduction, as anyone can run it; return the traceback if it failed."""
    script = compile(f"{PREAMBLE}\n{reproduction(section)}", f"<{title(section)}>", "exec")
    names: dict[str, Any] = {"__name__": "reproduction"}
    with patch.dict(os.environ), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(script, names)
        except Exception:  # noqa: BLE001 - whatever a fixed moto does
            return traceback.format_exc()
        finally:
            names["mock"].stop()
    return ""


if __name__ == "__main__":
    descriptions.remember(but="s3")
    json.dump({title(section): failure(section) for section in SECTIONS}, sys.stdout)
