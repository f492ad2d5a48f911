"""The environment of a function's process: variables and folders, and nothing of the developer's own."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from tests.testbed.jumping_clock import rest, skipped_file

from . import layers
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.testbed.jumping_clock import RunningClock

    from .functions import FunctionSpec

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


@dataclass(slots=True)
class Environment:
    """Creates the processes of functions."""

    endpoint_url: str
    region: str
    clock: RunningClock
    scratch: Path
    """A folder that exists as long as the testbed."""
    credentials: Callable[[FunctionSpec], Mapping[str, str]]
    """Returns the credentials of a function's role as the three ``AWS_…`` variables."""
    rewrite: Callable[[str], str] = str
    """Replaces AWS addresses in a template's variables with those of the testbed."""
    _layers: dict[Path, Path] = field(init=False, default_factory=dict)
    _lock: Lock = field(init=False, default_factory=Lock)
    _started: int = field(init=False, default=0)

    def prepare(self) -> None:
        """Create the folders that all functions share."""
        layers.build_runtime(self.runtime)
        self.home.mkdir()
        (self.scratch / "logs").mkdir()

    def worker(self, spec: FunctionSpec) -> Worker:
        """Create a process of the function, not started yet."""
        folders = [str(spec.code), *(str(self._layer(content)) for content in spec.layers)]
        with self._lock:
            self._started += 1
            log = self.scratch / "logs" / f"{spec.logical_id}-{self._started}.log"
        log.touch()
        plan = log.with_suffix(".calls")
        arguments = [
            repr(self.clock.speed),
            repr(self.clock.anchor),
            skipped_file(self.clock),
            str(plan),
            spec.handler,
            *folders,
        ]
        return Worker(
            command=[sys.executable, "-s", "-S", "-P", str(_BOOTSTRAP), *arguments],
            environment=self.variables(spec),
            folder=spec.code,
            log_path=log,
            plan_path=plan,
            rest=rest(self.clock),
            memory_mb=spec.memory_mb,
            log_stream=f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{secrets.token_hex(16)}",
        )

    def variables(self, spec: FunctionSpec) -> dict[str, str]:
        """Return the variables that the template and Lambda set, and the address of this AWS."""
        own = {name: self.rewrite(value) for name, value in spec.environment.items()}
        if spec.log_format == "JSON":
            own["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        return (
            own
            | dict(self.credentials(spec))
            | {
                "_HANDLER": spec.handler,
                "AWS_DEFAULT_REGION": self.region,
                "AWS_ENDPOINT_URL": self.endpoint_url,
                "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
                "AWS_LAMBDA_FUNCTION_NAME": spec.name,
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
                "AWS_REGION": self.region,
                # Lambda sets none, but without one the SDK would read the developer's own ~/.aws.
                "HOME": str(self.home),
                "LAMBDA_RUNTIME_DIR": str(self.runtime),
                "LAMBDA_TASK_ROOT": str(spec.code),
                "LANG": "en_US.UTF-8",
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "PYTHONPATH": str(self.runtime),
                "TZ": ":UTC",
            }
        )

    @property
    def runtime(self) -> Path:
        """The folder of the Lambda runtime's own packages."""
        return self.scratch / "runtime"

    @property
    def home(self) -> Path:
        """An empty home folder."""
        return self.scratch / "home"

    def _layer(self, content: Path) -> Path:
        with self._lock:
            if content not in self._layers:
                target = self.scratch / "opt" / str(len(self._layers)) / "python"
                self._layers[content] = layers.build_layer(content, target)
            return self._layers[content]
