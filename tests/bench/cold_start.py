"""Cold starts: ``python -m tests.bench.cold_start [STARTS [FUNCTION …]]`` (20 of each function).

Of each function it measures the time from the start of a process to the first answer, with only its folder, the built
layers and the packages of Lambda's runtime on the path. Beside it runs a peer: the same libraries make the same calls
in the same order, without Gallop, as a user would write them. A server here repeats recorded answers to both.
The two run at the same time, one on each core, so that whatever else the machine does slows both. Times are medians.

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
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from typing import TYPE_CHECKING

from tests.bench.recorded_starts import recorded
from tests.template import stack
from tests.testbed.aws.layers import build_layer, build_runtime
from tests.testbed.aws.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.recorded_starts import Reply, Start

ROOT = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("cold_start_process.py")
PEER = Path(__file__).with_name("cold_start_peer.py")
STARTS = 20
# Read by each HTTP function and, for a drop, by Submit.
DOORS = ("SubmitFunction", "VideosFunction", "WakeFunction")


class Repeater(ThreadingHTTPServer):
    """Answers each request with the next recorded response, whatever is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a port of its own."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: deque[Reply] = deque()
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """The server's address."""
        return f"http://localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise the second of two writes waits for 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Repeater

    def _answer(self) -> None:
        self._read()
        reply = self.server.replies.popleft()
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _read(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self.rfile.read(size + 2)
            while self.rfile.readline().strip():
                pass
        self.rfile.read(int(self.headers.get("Content-Length", "0")))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815 - the base class names them

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@dataclass(frozen=True, slots=True)
class Program:
    """One side of the comparison."""

    folders: Sequence[str]
    server: Repeater
    start: Start
    bytecode: Path
    """Where the first start keeps bytecode, of what is there without."""

    def run(self) -> Measured:
        """Start the process and wait for its answer."""
        self.server.replies.extend(self.start.replies)
        variables = {
            **self.start.environment,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": "/nonexistent",
            "LANG": "en_US.UTF-8",
        }
        command = [
            sys.executable,
            "-I",
            "-S",
            "-X",
            f"pycache_prefix={self.bytecode}",
            str(PROCESS),
            json.dumps([self.start.at, *self.folders]),
        ]
        began = time.perf_counter()
        process = subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(self.start.event).encode() + b"\n")
        process.stdin.flush()
        report = process.stdout.readline()
        cold = time.perf_counter() - began
        memory = Memory(process.pid)
        memory.look()
        process.communicate()
        left = len(self.server.replies)
        self.server.replies.clear()
        if left or not report:
            raise RuntimeError(f"{self.folders[0]}: {left} calls were not made.")
        return Measured(cold * 1000, json.loads(report)["cpu_ms"], memory.peak_mb)


@dataclass(frozen=True, slots=True)
class Measured:
    """One start: milliseconds until the answer, those of a processor among them, and the memory in MB."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float


@dataclass(slots=True)
class Row:
    """The starts of a function and of its peer."""

    function: str
    gallop: list[Measured] = field(default_factory=list)
    peer: list[Measured] = field(default_factory=list)

    def middle(self, side: str, name: str) -> float:
        """Return the median of a figure."""
        return float(median(getattr(one, name) for one in getattr(self, side)))

    def ratio(self, name: str) -> float:
        """Return how many times the peer's figure Gallop's is."""
        return self.middle("gallop", name) / self.middle("peer", name)

    def __str__(self) -> str:
        """Write a line of the table."""
        cells = [f"{self.middle(side, name):6.0f}" for name in ("wall_ms", "cpu_ms") for side in ("gallop", "peer")]
        ratios = [f"{self.ratio(name):6.2f}" for name in ("wall_ms", "cpu_ms")]
        memory = f"{self.middle('gallop', 'peak_mb'):5.0f}"
        return " | ".join([f"{self.function:18}", *cells[:2], ratios[0], *cells[2:], ratios[1], memory])


HEAD = "function           | Gallop |   peer |  ratio | Gallop |   peer |  ratio | peak\n" + (
    "                   | ms until the answer      | ms of a processor        |   MB\n" + "-" * 80
)


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
            *(["aws_lambda_powertools"] if start.function != "DescribeFunction" else []),
            *(["aws_lambda_powertools.event_handler"] if start.function in DOORS else []),
            *(["aws_lambda_powertools.utilities.batch"] if start.function == "SubmitFunction" else []),
            *(["aws_lambda_powertools.utilities.parameters"] if any("secretsmanager" in one for one in uses) else []),
            *(["base64", "gzip"] if start.function == "DescribeFunction" else []),
            *(["av"] if start.function == "ThumbnailFunction" else []),
        ]
        lines = "".join(f"import {name}\n" for name in imports)
        (folder / "app.py").write_text(lines + PEER.read_text(encoding="utf-8"), encoding="utf-8")
        (folder / "calls.bin").write_bytes(marshal.dumps(start.calls))
        return [str(folder), str(self.plain), *self.natives(start.function), str(self.runtime)]


def rows(starts: int, functions: Sequence[str], scratch: Path) -> Iterator[Row]:
    """Measure functions, each beside its peer."""
    servers = Repeater(), Repeater()
    bench = Bench(scratch)
    with ThreadPoolExecutor(2) as pool:
        for start in recorded(functions):
            ours, theirs = (start.at_address(server.address) for server in servers)
            pair = (
                Program(bench.gallop(ours), servers[0], ours, scratch / "bytecode"),
                Program(bench.peer(theirs), servers[1], theirs, scratch / "bytecode"),
            )
            row = Row(ours.function.removesuffix("Function"))
            for number in range(starts + 1):
                gallop, peer = pool.map(Program.run, pair)
                # The first start reads from the disk.
                if number:
                    row.gallop.append(gallop)
                    row.peer.append(peer)
            yield row


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    starts = int(arguments[0]) if arguments else STARTS
    began = time.perf_counter()
    print(HEAD)  # noqa: T201
    with tempfile.TemporaryDirectory() as scratch:
        for row in rows(starts, arguments[1:], Path(scratch)):
            print(row, flush=True)  # noqa: T201
    print(f"{starts} starts of each in {time.perf_counter() - began:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
