"""Where the Python processes that tests start import from: the folders that pytest itself imports from."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
PYTHONPATH = os.pathsep.join(str(ROOT / folder) for folder in _SETTINGS["pythonpath"])
