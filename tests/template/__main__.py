"""Writes the translated template, the state machines inline, to the file that is named: for tools that know no SAM."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from . import stack

target = Path(sys.argv[1])
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(json.dumps(stack.plain(), indent=2, default=str), encoding="utf-8")
