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

    @classmethod
    def read(cls, speed: str, anchor: str, skipped: str) -> "ScaledClock":
        """Create the clock from the command's arguments; the last is a file, or empty."""
        return JumpingClock(float(speed), float(anchor), skipped) if skipped else cls(float(speed), float(anchor))

    def install(self, module: Any) -> None:  # noqa: ANN401
        """Replace the module's ``now`` and ``sleep``."""
        module.now, module.sleep = self.now, sleep

    def now(self) -> float:
        """Return the simulated time in seconds since the epoch."""
        return self.anchor + (time.time() - self.anchor) * self.speed


class JumpingClock(ScaledClock):
    """The same, with the seconds that the testbed's clock has skipped, which it keeps in a file."""

    def __init__(self, speed: float, anchor: float, path: str) -> None:
        """Map the file."""
        import mmap  # noqa: PLC0415 - only some clocks jump
        import struct  # noqa: PLC0415 - the same

        super().__init__(speed, anchor)
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs cold start
            self.skipped = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
        self.unpack = struct.Struct("d").unpack_from

    def now(self) -> float:
        """Return the simulated time in seconds since the epoch."""
        return super().now() + float(self.unpack(self.skipped)[0])


def sleep(seconds: float) -> None:
    """Wait for simulated seconds: the testbed, at the other end of standard input, says when they are over."""
    import struct  # noqa: PLC0415 - few runs wait

    os.write(0, struct.pack("d", seconds))
    os.read(0, 1)


def allow_loopback(module: Any) -> None:  # noqa: ANN401
    """Let Gallop call webhook receivers on this machine, which it refuses everywhere else."""
    module.loopback_allowed = True


def stand_in(module: Any) -> None:  # noqa: ANN401
    """Let a video at a public address be that of the fake DashScope, which stands in for it: nothing leaves here."""
    path = f"{os.path.dirname(__file__)}/stand_in.mp4"  # noqa: PTH120 - pathlib costs cold start
    module.opened = lambda _url: open(path, "rb")  # noqa: PTH123, SIM115 - the same; its caller closes it


def name_of_request(method: str, target: str) -> str:
    """Name a request that is not AWS's as its calls are named: by what it is for."""
    path = target.partition("?")[0]
    if path.endswith("/video-synthesis"):
        return "SubmitTask"
    if "/api/v1/tasks" not in path:
        return "Download" if method == "GET" else method.title()
    task = path.partition("/api/v1/tasks")[2].strip("/")
    if method == "POST":
        return "CancelTask"
    return "QueryTask" if task else "ListTasks"


class LastCall:
    """Kills this process before or after a named call to the world, and notes the calls that were made.

    Both are in a file: its first line names the call (``UpdateItem#2-after``), or nothing where calls are only noted;
    with ``bug at`` before it, an exception is raised there instead. Each further line is a call that was made. Without
    the file nothing is noted.
    """

    def __init__(self, plan: str) -> None:
        """Keep where the plan is written."""
        self.plan = plan

    def watch_aws(self, module: Any) -> None:  # noqa: ANN401
        """Watch the calls of all clients of AWS."""
        call = module.BaseClient._make_api_call  # noqa: SLF001 - where all calls of a client pass

        def watched(client: Any, operation_name: str, api_params: Any) -> Any:  # noqa: ANN401
            return self.made(operation_name, lambda: call(client, operation_name, api_params))

        module.BaseClient._make_api_call = watched  # noqa: SLF001

    def watch_http(self, module: Any) -> None:  # noqa: ANN401
        """Watch all other calls by HTTP."""
        call = module.ConnectionPool.handle_request

        def watched(pool: Any, request: Any) -> Any:  # noqa: ANN401
            name = name_of_request(request.method.decode(), request.url.target.decode())
            return self.made(name, lambda: call(pool, request))

        module.ConnectionPool.handle_request = watched

    def made(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Make a call, unless the process dies before; it may die after it, too."""
        lines = self.lines()
        if lines is None:
            return call()
        number = lines[1:].count(name) + 1
        self.die_at(f"{name}#{number}-before", lines[0])
        try:
            return call()
        finally:
            with open(self.plan, "a", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs cold start
                file.write(f"{name}\n")
            self.die_at(f"{name}#{number}-after", lines[0])

    def lines(self) -> list[str] | None:
        """Read the plan, if there is one."""
        try:
            with open(self.plan, encoding="ascii") as file:  # noqa: PTH123 - the same
                return file.read().splitlines()
        except FileNotFoundError:
            return None

    def die_at(self, place: str, planned: str) -> None:
        """End this process if this is the place, or have a bug here."""
        if place == planned:
            os.kill(os.getpid(), signal.SIGKILL)
        if planned == f"bug at {place}":
            raise KeyError(place)


def main(speed: str, anchor: str, skipped: str, plan: str, handler: str, *folders: str) -> None:
    """Serve invocations until the process is killed."""
    last = LastCall(plan)
    changes: dict[str, Callable[[Any], None]] = {
        "gallop.clock": ScaledClock.read(speed, anchor, skipped).install,
        "gallop.adapters.safe_http": allow_loopback,
        "gallop.adapters.linked_file": stand_in,
        "botocore.client": last.watch_aws,
        "httpcore._sync.connection_pool": last.watch_http,
    }
    sys.path[:0] = folders
    sys.meta_path.insert(0, Hooks(changes))
    sys.argv = ["bootstrap", handler]
    from awslambdaric.__main__ import main as serve  # noqa: PLC0415 - after the path is set

    serve(sys.argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
