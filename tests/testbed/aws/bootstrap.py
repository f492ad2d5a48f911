"""First code of a function's process: sets what Lambda sets, puts the clock in place, hands over to AWS's client.

Runs without ``site``, so that nothing of the developer's Python is importable but the standard library, the
function's code (``/var/task``), its layers (``/opt/python``) and what the Lambda runtime itself brings
(``PYTHONPATH``, as there). Imports nothing of the testbed and as little as it can: it counts in each cold start.
"""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any

CLOCK_MODULE = "gallop.clock"


class ScaledClockFinder:
    """Replaces ``now`` in the product's clock module at the moment it is imported, if it ever is."""

    def __init__(self, speed: float, anchor: float) -> None:
        """Keep the two numbers that make the simulated time."""
        self.speed = speed
        self.anchor = anchor

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ANN401
        """Find the clock module where it would be found anyway, and hook its execution."""
        if name != CLOCK_MODULE:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None and spec.loader is not None:
                self.hook(spec.loader)
                return spec
        return None

    def hook(self, loader: Any) -> None:  # noqa: ANN401
        """Let the loader execute the module as it is, then replace its ``now``."""
        execute = loader.exec_module

        def exec_module(module: Any) -> None:  # noqa: ANN401
            execute(module)
            module.now = self.now

        loader.exec_module = exec_module

    def now(self) -> float:
        """Give the simulated time in seconds since the epoch."""
        return self.anchor + (time.time() - self.anchor) * self.speed


def main(speed: str, anchor: str, handler: str, *folders: str) -> None:
    """Serve invocations until the process is killed."""
    sys.path[:0] = folders
    sys.meta_path.insert(0, ScaledClockFinder(float(speed), float(anchor)))
    sys.argv = ["bootstrap", handler]
    from awslambdaric.__main__ import main as serve  # noqa: PLC0415 - after the path is set

    serve(sys.argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
