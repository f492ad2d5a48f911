"""Writes the translated template, with inline state machines, to the named file, for tools without support for SAM."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from . import stack

target = Path(sys.argv[1])
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(json.dumps(stack.plain(), indent=2, default=str), encoding="utf-8")
