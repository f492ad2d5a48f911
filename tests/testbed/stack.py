"""The complete testbed as a context: fake DashScope, embedded AWS, the deployed template, a driver and an API key."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from unittest.mock import patch

from fake_dashscope.clock import ScaledClock
from fake_dashscope.core import FakeDashScope
from fake_dashscope.server import serve
from tests.testbed.aws.embedded import EmbeddedAws
from tests.testbed.aws.runtime import MAX_PROCESSES
from tests.testbed.aws.template import Template, read
from tests.testbed.jumping_clock import JumpingClock, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType, TracebackType

    from fake_dashscope.server import Server
    from tests.testbed.aws.execution import Invocation
    from tests.testbed.jumping_clock import RunningClock

ROOT = Path(__file__).resolve().parents[2]
STACK_NAME = "gallop"
DEFAULT_SPEED = 20.0


@dataclass(frozen=True, slots=True)
class Coordinates:
    """The addresses and keys of a running testbed: the content of ``.testbed.json``."""

    api_url: str
    api_key: str
    aws_endpoint_url: str
    region: str
    aws_access_key_id: str
    aws_secret_access_key: str
    dashscope_url: str
    dashscope_api_key: str
    inbox_bucket: str
    results_bucket: str
    speed: float
    anchor: float
    """When the clock started, in seconds since the epoch; it has run ``speed`` times as fast since."""

    def to_json(self) -> str:
        """Return them as the content of the file."""
        return json.dumps(asdict(self), indent=2) + "\n"


@dataclass(slots=True)
class Testbed:
    """A running Gallop on this machine; port 0 means any free one.

    ``speed`` is simulated seconds per real second. ``parameters`` override those of the template. ``fake`` replaces the
    fake DashScope; its clock must be this testbed's.
    """

    __test__ = False

    template: Path | Template = ROOT / "template.yaml"
    parameters: Mapping[str, str] = field(default_factory=dict)
    speed: float = DEFAULT_SPEED
    api_port: int = 0
    aws_port: int = 0
    dashscope_port: int = 0
    fake: FakeDashScope | None = None
    account_concurrency: int | None = None
    """Maximum functions that run at a time, as in an account of AWS; None is no limit."""
    mail: Callable[[str, str, str], None] | None = None
    """Takes what SNS would mail: address, subject and text."""
    max_processes: int = MAX_PROCESSES
    """Maximum processes per function at a time; further invocations wait."""
    prewarm: tuple[str, ...] = ()
    """Logical IDs of functions whose processes are started with the testbed."""
    is_jumping: bool = False
    """Whether the clock jumps to the next thing that will happen where nothing real is waited for."""
    clock: RunningClock = field(init=False)
    aws: EmbeddedAws = field(init=False)
    dashscope: FakeDashScope = field(init=False)
    coordinates: Coordinates = field(init=False)
    _vendor: Server = field(init=False)
    _resources: ExitStack = field(init=False, default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Start everything; if something fails, stop the rest. Signals are deferred until the start is complete."""
        self._resources.enter_context(_terminable())
        try:
            with _deferred():
                self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything: no process is left, and no port stays in use."""
        self._stop()

    def coordinates_now(self) -> Coordinates:
        """Return the coordinates with an anchor from which a clock that makes no jumps shows the present time."""
        now, real, speed = self.clock.now(), time.time(), self.clock.speed
        return replace(self.coordinates, anchor=self.clock.anchor if speed == 1 else (now - real * speed) / (1 - speed))

    def update(self, template: Path | Template, **parameters: str) -> None:
        """Update the stack to a template with its code, as ``sam deploy`` does: other parameters keep their values."""
        self.parameters = {**self.parameters, **parameters}
        new = self._read(template)
        self.aws.update(new, self._parameters(new))

    def client(self, service: str) -> Any:  # noqa: ANN401 - any service
        """Return a boto3 client of the driver, who has full permissions."""
        return self.aws.client(service)

    def logs(self, function: str) -> str:
        """Return everything that a function (by logical ID) has logged."""
        return self.aws.runtime.logs(function)

    def invocations(self, function: str | None = None) -> list[Invocation]:
        """Return the ended invocations of a function, or of all."""
        return self.aws.runtime.invocations(function)

    def kill(self, function: str) -> int:
        """Kill the processes of a function, in the middle of an invocation if there is one; return their number."""
        return self.aws.runtime.kill(function)

    def mint_key(self, client_name: str) -> str:
        """Create an API key for a client, with Gallop's own code."""
        # Imported here because the testbed also runs templates without the layer.
        from gallop.adapters import aws  # noqa: PLC0415
        from gallop.adapters.table import client_keys  # noqa: PLC0415
        from gallop.domain.clients import keys  # noqa: PLC0415

        key = keys.generate()
        table = {"JOB_TABLE": self.aws.outputs()["JobTableName"]}
        with patch.dict(os.environ, table), patch.object(aws, "dynamodb", lambda: self.client("dynamodb")):
            client_keys.create(keys.Key(keys.hash_of(key), client_name, self.clock.now()))
        return key

    def _start(self) -> None:
        self.clock = self._clock()
        self.dashscope = self.fake or FakeDashScope(self.clock)
        self._vendor = self._resources.enter_context(serve(self.dashscope, port=self.dashscope_port))
        self.aws = EmbeddedAws(
            self.clock,
            port=self.aws_port,
            api_port=self.api_port,
            max_processes=self.max_processes,
            account_concurrency=self.account_concurrency,
            mail=self.mail,
        )
        self.aws.start()
        self._resources.callback(self.aws.stop)
        template = self._read(self.template)
        self.aws.deploy(template, self._parameters(template), STACK_NAME)
        self.coordinates = self._coordinates()
        self._warm_up()
        if isinstance(self.clock, JumpingClock):
            self.clock.follow(Source(self.dashscope.next_due, self.dashscope.tick))
            self._resources.enter_context(self.clock.running())

    def _clock(self) -> RunningClock:
        if self.fake:
            return self.fake.clock  # type: ignore[return-value]
        return JumpingClock(self.speed) if self.is_jumping else ScaledClock(self.speed)

    def _stop(self) -> None:
        with _uninterrupted():
            self._resources.close()

    def _parameters(self, template: Template) -> dict[str, str]:
        own = {"DashScopeApiKey": self._vendor_key(), "DashScopeBaseUrl": self._vendor.api_url}
        known = template.body.get("Parameters", {})
        return {name: value for name, value in own.items() if name in known} | dict(self.parameters)

    def _read(self, template: Path | Template) -> Template:
        return template if isinstance(template, Template) else read(template, self.aws.region, self.parameters)

    def _vendor_key(self) -> str:
        return next(iter(self.dashscope.vendor.keyring.accounts.values())).keys[0]

    def _coordinates(self) -> Coordinates:
        outputs = self.aws.outputs()
        return Coordinates(
            api_url=outputs.get("ApiUrl", self.aws.api_url),
            api_key=self.mint_key("testbed") if "JobTableName" in outputs else "",
            aws_endpoint_url=self.aws.endpoint_url,
            region=self.aws.region,
            aws_access_key_id=self.aws.driver.access_key_id,
            aws_secret_access_key=self.aws.driver.secret_access_key,
            dashscope_url=self._vendor.url,
            dashscope_api_key=self._vendor_key(),
            inbox_bucket=outputs.get("InboxBucketName", ""),
            results_bucket=outputs.get("ResultsBucketName", ""),
            speed=self.clock.speed,
            anchor=self.clock.anchor,
        )

    def _warm_up(self) -> None:
        threads = [threading.Thread(target=self.aws.runtime.prewarm, args=(name,)) for name in self.prewarm]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind as SIGINT does, unless somebody else handles them."""

    def unwind(number: int, frame: FrameType | None) -> None:
        del frame
        raise SystemExit(128 + number)

    handled = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        if _in_main_thread() and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, unwind)
            handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _deferred() -> Iterator[None]:
    """Defer signals: one between a thread's start and its registration would leave the thread behind."""
    received: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    handled = {number: handler for number, handler in handlers.items() if callable(handler) and _in_main_thread()}
    for number in handled:
        signal.signal(number, lambda number, _: received.append(number))
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
        for late in received[:1]:
            signal.raise_signal(late)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore interrupts while everything is stopped."""
    if not _in_main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
