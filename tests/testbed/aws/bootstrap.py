"""The first code in a function's process: set up what Lambda sets up, install the clock, start AWS's runtime client.

It runs without ``site``, so that nothing of the developer's Python can be imported: only the standard library, the
function's code (``/var/task``), its layers (``/opt/python``) and the Lambda runtime's own packages (``PYTHONPATH``, as
on Lambda). It imports nothing of the testbed and as little as possible, because it is part of each cold start.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


class Hooks:
    """Changes modules when they are imported, if they ever are."""

    def __init__(self, changes: dict[str, Callable[[Any], None]]) -> None:
        """Keep the changes by module name."""
        self.changes = changes

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> "ModuleSpec | None":  # noqa: ANN401
        """Find such a module where it would be found anyway, and hook its execution."""
        if name not in self.changes:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None and spec.loader is not None:
                self.hook(spec.loader, self.changes[name])
                return spec
        return None

    def hook(self, loader: Any, change: Callable[[Any], None]) -> None:  # noqa: ANN401
        """Change the module after the loader has executed it."""
        execute = loader.exec_module

        def exec_module(module: Any) -> None:  # noqa: ANN401
            execute(module)
            change(module)

        loader.exec_module = exec_module


class ScaledClock:
    """Installs the simulated time in Gallop's clock."""

    def __init__(self, speed: float, anchor: float) -> None:
        """Keep the speed and the start of the simulated time."""
        self.speed = speed
        self.anchor = anchor

    def install(self, module: Any) -> None:  # noqa: ANN401
        """Replace the module's ``now``."""
        module.now = self.now

    def now(self) -> float:
        """Return the simulated time in seconds since the epoch."""
        return self.anchor + (time.time() - self.anchor) * self.speed


def allow_loopback(module: Any) -> None:  # noqa: ANN401
    """Let Gallop call webhook receivers on this machine, which it refuses everywhere else."""
    module.loopback_allowed = True


class LastCall:
    """Kills this process when an invocation has made as many network calls as it was granted.

    The grant is a number in a file; without the file, calls are unlimited.
    """

    def __init__(self, grant: str) -> None:
        """Keep the path of the grant's file."""
        self.grant = grant

    def install(self, owner: str, method: str) -> Callable[[Any], None]:
        """Return a change that watches a method of a class in a module."""

        def change(module: Any) -> None:  # noqa: ANN401
            kind = getattr(module, owner)
            setattr(kind, method, self.watched(getattr(kind, method)))

        return change

    def watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function that makes a network call."""

        def watched_call(*args: Any, **options: Any) -> Any:  # noqa: ANN401
            left = self.left()
            if left is None:
                return call(*args, **options)
            try:
                return call(*args, **options)
            finally:
                with open(self.grant, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs cold start
                    file.write(str(left - 1))
                self.left()

        return watched_call

    def left(self) -> int | None:
        """Read the number of calls left; kill the process if there are none."""
        try:
            with open(self.grant, encoding="ascii") as file:  # noqa: PTH123 - as above
                left = int(file.read())
        except FileNotFoundError:
            return None
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return left


def main(speed: str, anchor: str, grant: str, handler: str, *folders: str) -> None:
    """Serve invocations until the process is killed."""
    last = LastCall(grant)
    changes = {
        "gallop.clock": ScaledClock(float(speed), float(anchor)).install,
        "gallop.adapters.safe_http": allow_loopback,
        "urllib3.connectionpool": last.install("HTTPConnectionPool", "urlopen"),
        "httpcore._sync.connection_pool": last.install("ConnectionPool", "handle_request"),
    }
    sys.path[:0] = folders
    sys.meta_path.insert(0, Hooks(changes))
    sys.argv = ["bootstrap", handler]
    from awslambdaric.__main__ import main as serve  # noqa: PLC0415 - after the path is set

    serve(sys.argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
