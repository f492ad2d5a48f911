"""Cold starts, 20 of each function, and what a warm run takes of a processor.

Of each function it measures the time from the start of a process to the first answer, with only its folder, the built
layers and the packages of Lambda's runtime on the path. Beside it runs a peer: the same libraries make the same calls
in the same order, without Gallop, as a user would write them. A server here repeats recorded answers to both.
The two start in turn, so that whatever else the machine does slows both. They do not run at the same time: on cores
that share hardware, the slower one would have it to itself as soon as the faster one ends. Times are medians.

Waits that a function makes on purpose take no time here, and connections are not encrypted.
"""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.recorded_starts import recorded
from tests.bench.repeater import Repeater
from tests.template import stack
from tests.testbed.aws.layers import build_layer, build_runtime
from tests.testbed.aws.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.bench.recorded_starts import Start

ROOT = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("cold_start_process.py")
PEER = Path(__file__).with_name("cold_start_peer.py")
STARTS = 20
# Of Gallop's first starts, and how often each is called again.
WARM_STARTS, WARM_RUNS = 3, 10
# Read by each HTTP function and, for a drop, by Submit.
DOORS = ("SubmitFunction", "VideosFunction", "McpFunction", "WakeFunction")
FILES = ("DescribeFunction", "PageFunction")


@dataclass(frozen=True, slots=True)
class Program:
    """One side of the comparison."""

    folders: Sequence[str]
    server: Repeater
    start: Start
    bytecode: Path
    """Where the first start keeps bytecode, of what is there without."""

    def run(self, warm_runs: int = 0) -> Measured:
        """Start the process and wait for its answer; then call it again."""
        self.server.repeat(self.start.replies)
        began = time.perf_counter()
        process = self._process()
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(self.start.event).encode() + b"\n")
        process.stdin.flush()
        report = process.stdout.readline()
        cold = time.perf_counter() - began
        left = len(self.start.replies) - self.server.served
        if left or not report:
            raise RuntimeError(f"{self.folders[0]}: {left} calls were not made.")
        warm = []
        for _ in range(warm_runs):
            self.server.repeat(self.start.replies)
            process.stdin.write(b"\n")
            process.stdin.flush()
            warm.append(json.loads(process.stdout.readline())["cpu_ms"])
        memory = Memory(process.pid)
        memory.look()
        process.communicate()
        return Measured(cold * 1000, json.loads(report)["cpu_ms"], memory.peak_mb, tuple(warm))

    def _process(self) -> subprocess.Popen[bytes]:
        variables = {
            **self.start.environment,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": "/nonexistent",
            "LANG": "en_US.UTF-8",
        }
        cache = f"pycache_prefix={self.bytecode}"
        arguments = json.dumps([self.start.at, *self.folders])
        command = [sys.executable, "-I", "-S", "-X", cache, str(PROCESS), arguments]
        return subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)


@dataclass(frozen=True, slots=True)
class Measured:
    """One start: milliseconds until the answer, those of a processor among them, and the memory in MB."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float
    warm_ms: tuple[float, ...]
    """Milliseconds of a processor for each further call."""


@dataclass(frozen=True, slots=True)
class Side:
    """Medians of a side's starts."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class ColdStart:
    """The starts of a function and of its peer, and what a warm run of the function takes."""

    function: str
    gallop: Side
    peer: Side
    calls: int
    """The calls of the first run."""
    warm_ms: float
    """Milliseconds of a processor."""

    @property
    def ratio(self) -> float:
        """How many times the peer's time until the answer Gallop's is."""
        return self.gallop.wall_ms / self.peer.wall_ms


@dataclass(frozen=True, slots=True)
class Starts:
    """All functions."""

    starts: int
    functions: tuple[ColdStart, ...]


def built_layer(target: Path) -> Path:
    """Build the shared layer as ``sam build`` does."""
    command = ["make", "-C", str(ROOT / "shared"), "files", f"ARTIFACTS_DIR={target}", f"PIP_PYTHON={sys.executable}"]
    clean = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "PYTHONPATH"}}
    subprocess.run(command, env=clean, check=True, capture_output=True)
    return target / "python"


def plain_layer(content: Path, target: Path) -> Path:
    """Give a layer's packages as they are installed, without Gallop."""
    layer = build_layer(content, target)
    (layer / "gallop").unlink(missing_ok=True)
    return layer


@dataclass(slots=True)
class Bench:
    """The folders that processes start from."""

    scratch: Path
    ours: Path = field(init=False)
    plain: Path = field(init=False)
    runtime: Path = field(init=False)

    def __post_init__(self) -> None:
        """Build the layers."""
        self.ours = built_layer(self.scratch / "layer")
        self.plain = plain_layer(ROOT / "shared", self.scratch / "plain")
        self.runtime = build_runtime(self.scratch / "runtime")

    def natives(self, function: str) -> list[str]:
        """Give the layers with machine code that the template gives a function."""
        # Those are built for Lambda's processor: this machine's own packages replace them here.
        resources = stack.written()["Resources"]
        found = [layer["Ref"] for layer in resources[function]["Properties"].get("Layers", [])]
        folders = [(self.scratch / name, ROOT / resources[name]["Properties"]["ContentUri"]) for name in found]
        return [str(folder if folder.exists() else build_layer(content, folder)) for folder, content in folders]

    def gallop(self, start: Start) -> list[str]:
        """Give the folders of a function."""
        own = [str(ROOT / "functions" / start.folder), str(self.ours)]
        return [*own, *self.natives(start.function), str(self.runtime)]

    def peer(self, start: Start) -> list[str]:
        """Write the peer of a function, and give its folders."""
        folder = self.scratch / "peers" / start.folder
        folder.mkdir(parents=True)
        uses = [["http"] if call[0] == "http" else call[:3] for call in start.calls]
        imports = [
            *(["boto3"] if any(one[0] == "aws" for one in uses) else []),
            *(["httpx"] if ["http"] in uses else []),
            *(["aws_lambda_powertools"] if start.function not in FILES else []),
            *(["aws_lambda_powertools.event_handler"] if start.function in DOORS else []),
            *(["aws_lambda_powertools.utilities.batch"] if start.function == "SubmitFunction" else []),
            *(["aws_lambda_powertools.utilities.parameters"] if any("secretsmanager" in one for one in uses) else []),
            *(["base64", "gzip"] if start.function in FILES else []),
            *(["av"] if start.function == "ThumbnailFunction" else []),
        ]
        lines = "".join(f"import {name}\n" for name in imports)
        (folder / "app.py").write_text(lines + PEER.read_text(encoding="utf-8"), encoding="utf-8")
        (folder / "calls.bin").write_bytes(marshal.dumps(start.calls))
        return [str(folder), str(self.plain), *self.natives(start.function), str(self.runtime)]


def measure(say: Callable[[str], None]) -> Starts:
    """Measure all functions, each beside its peer."""
    say("building the layers")
    with tempfile.TemporaryDirectory() as scratch:
        return Starts(STARTS, tuple(_functions(say, Path(scratch))))


def _functions(say: Callable[[str], None], scratch: Path) -> Iterator[ColdStart]:
    server, bench = Repeater(), Bench(scratch)
    for recording in recorded():
        name = recording.function.removesuffix("Function")
        say(name)
        start = recording.at_address(server.address)
        ours = Program(bench.gallop(start), server, start, scratch / "bytecode")
        theirs = Program(bench.peer(start), server, start, scratch / "bytecode")
        gallop, peer = [], []
        # The first start reads from the disk.
        for number in range(STARTS + 1):
            gallop.append(ours.run(WARM_RUNS if number <= WARM_STARTS else 0))
            peer.append(theirs.run())
        warm = median(one for measured in gallop[1:] for one in measured.warm_ms)
        yield ColdStart(name, _side(gallop[1:]), _side(peer[1:]), len(start.replies), warm)


def _side(measured: Sequence[Measured]) -> Side:
    return Side(*(median(getattr(one, name) for one in measured) for name in ("wall_ms", "cpu_ms", "peak_mb")))
