"""The layer as ``sam build`` makes it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.testbed.aws.layers import build_layer

from . import reachable, stack

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTIONS = sorted(path.parent.name for path in (stack.ROOT / "functions").glob("*/app.py"))
# What Lambda's python3.13 runtime includes, in addition to the standard library.
RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
RESOURCES = stack.written()["Resources"]
LAYERS = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::LayerVersion"]
LARGEST_MB = 20
# Lambda's own limit for a function with all its layers, unpacked.
ALL_LAYERS_MB = 250
MACHINES = {0xB7: "arm64", 0x3E: "x86_64"}
# boto3's resources and transfer manager, command lines of libraries, and what few requests need.
UNUSED = {"boto3", "s3transfer", "click", "rich", "typer", "difflib", "python_multipart", "standardwebhooks"}
CALL_DASHSCOPE = {"reconcile", "save_result", "start_task", "status"}
USED_BY = {
    "httpx": CALL_DASHSCOPE,
    "aws_lambda_powertools": {"mcp", "submit", "videos", "wake"},
    "botocore": set(FUNCTIONS) - {"describe", "page"},
    "typing_extensions": {"mcp", "submit", "videos", "wake"},
    "concurrent.futures.thread": set(),
    "gallop.doors.s3.drops": set(),
    "PIL": set(),
    "av": {"thumbnail"},
    "c2pa": set(),
    "gallop.domain.manifest": {"sign"},
}
# As Lambda imports a function: only its folder, the layers and the runtime's own packages are on the path.
# Each frozen class of the standard library takes 0.5 ms; those of gallop.domain.frozen take a tenth.
FROZEN = (
    "print(*{one.__qualname__ for name, module in sys.modules.items() if name.startswith('gallop') "
    "for one in vars(module).values() if isinstance(one, type) and one.__module__ == name "
    "and '__dataclass_params__' in vars(one) and one.__dataclass_params__.frozen})"
)
IMPORT = "import sys; sys.path[:0] = sys.argv[1:]; import app; assert callable(app.handler)"


def source(target: Path, logical_id: str) -> Path:
    """Copy the folder of a layer to a place beside its build, as ``sam build`` does."""
    folder = target.with_name(f"{target.name}-source")
    shutil.copytree(stack.ROOT / stack.written()["Resources"][logical_id]["Properties"]["ContentUri"], folder)
    return folder


def run_make(folder: Path, goal: str, target: Path, python_3_13: object) -> subprocess.CompletedProcess[str]:
    """Run a goal of a layer's Makefile."""
    command = ["make", goal, f"ARTIFACTS_DIR={target}", f"PIP_PYTHON={sys.executable}", f"PYTHON_3_13={python_3_13}"]
    clean = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "PYTHONPATH"}}
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)


def build(target: Path, logical_id: str = "SharedLayer") -> Path:
    """Build a layer as ``sam build`` does; without a Python of Lambda's version, all but its bytecode."""
    goal = f"build-{logical_id}" if python_3_13() else "files"
    result = run_make(source(target, logical_id), goal, target, python_3_13())
    assert 0 == result.returncode, result.stderr
    return target / "python"


def size_mb(folder: Path) -> float:
    """Return the size of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def machine_of(library: Path) -> str:
    """Return the processor that an ELF library is for."""
    return MACHINES[int.from_bytes(library.read_bytes()[18:20], "little")]


def native_layers(name: str) -> list[str]:
    """Return the layers that the template gives a function in addition to the shared one."""
    resources = stack.written()["Resources"].values()
    (function,) = [
        item["Properties"] for item in resources if item["Properties"].get("CodeUri") == f"functions/{name}/"
    ]
    return [layer["Ref"] for layer in function.get("Layers", [])]


def folders_of(name: str, layer: Path, scratch: Path) -> list[Path]:
    """Return the folders of a function and of its layers."""
    # Those with machine code are built for Lambda's processor: this machine's own packages replace them here.
    uris = {other: stack.written()["Resources"][other]["Properties"]["ContentUri"] for other in native_layers(name)}
    natives = [build_layer(stack.ROOT / uri, scratch / other) for other, uri in uris.items()]
    return [stack.ROOT / "functions" / name, layer, *natives]


def python_3_13() -> str:
    """Return a Python of Lambda's version, or nothing."""
    found = subprocess.run([stack.ROOT / ".ci" / "python", "3.13"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a build of a layer, made when it is first needed."""
    return cache(lambda logical_id: build(tmp_path_factory.mktemp(logical_id) / "first", logical_id))


@pytest.fixture(scope="module")
def layer(built: Callable[[str], Path]) -> Path:
    """Return a build of the layer that all functions use."""
    return built("SharedLayer")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the packages of Lambda's runtime only."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        package = origin.parent if origin.name == "__init__.py" else origin
        (folder / package.name).symlink_to(package)
    return folder


def test_the_layer_is_pure_python(layer: Path) -> None:
    """The layer has no machine code, so a build on any machine runs on arm64."""
    assert [] == [path for path in layer.rglob("*") if path.suffix in {".so", ".pyd", ".dylib", ".dll"}]


def test_the_layer_has_nothing_redundant(layer: Path) -> None:
    """It contains neither boto3, which the runtime has, nor commands or tests, which nobody runs there."""
    names = {path.name for path in layer.iterdir()}
    assert set() == {"boto3", "botocore", "s3transfer", "urllib3", "bin"} & names
    assert [] == [path for path in layer.rglob("tests") if path.is_dir()]
    assert {"gallop", "httpx", "aws_lambda_powertools"} <= names


def test_the_layer_is_small(layer: Path) -> None:
    """Cold starts unpack all of it."""
    assert LARGEST_MB > size_mb(layer)


@pytest.mark.parametrize("logical_id", LAYERS)
def test_every_module_has_bytecode(logical_id: str, built: Callable[[str], Path]) -> None:
    """The bytecode does not depend on dates, and names files as Lambda sees them."""
    if not python_3_13():
        pytest.skip("no Python 3.13 on this machine: layers cannot be built")
    folder = built(logical_id)
    modules = {path: path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in folder.rglob("*.py")}
    assert [] == [path for path, compiled in modules.items() if not compiled.exists()]
    unchecked_hash = (0b01).to_bytes(4, "little")
    for path, compiled in modules.items():
        assert unchecked_hash == compiled.read_bytes()[4:8]
        assert f"/opt/python/{path.relative_to(folder)}".encode() in compiled.read_bytes()


@pytest.mark.parametrize("logical_id", LAYERS)
def test_a_build_without_python_3_13_fails(logical_id: str, tmp_path: Path) -> None:
    """A layer without bytecode would start at half the speed, unnoticed, and SAM would keep it in its cache."""
    result = run_make(source(tmp_path / "layer", logical_id), f"build-{logical_id}", tmp_path / "layer", "")
    assert 0 != result.returncode
    assert "Python 3.13 not found" in result.stderr
    assert "PYTHON_3_13=" in result.stderr
    assert not (tmp_path / "layer").exists()


@pytest.mark.parametrize("folder", ["shared", "shared/pictures", "shared/videos", "shared/signing"])
def test_the_lock_is_the_same_everywhere(folder: str) -> None:
    """A layer's lock has no environment markers, so that the build does not depend on the machine."""
    lock = (stack.ROOT / folder / "requirements.txt").read_text(encoding="utf-8")
    assert [] == [line for line in lock.splitlines() if "==" in line and ";" in line]


@pytest.mark.parametrize("package", ["cli", "client", "doors/https/openapi"])
def test_unused_modules_are_not_deployed(package: str, layer: Path) -> None:
    """The command line and the client run elsewhere, and the API description is written before a deployment."""
    assert (stack.ROOT / "shared" / "gallop" / package).is_dir()
    assert not (layer / "gallop" / package).exists()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_what_it_needs(name: str, layer: Path, runtime: Path, tmp_path: Path) -> None:
    """A handler can be imported from its folder, its layers and the runtime alone, in an empty environment.

    It imports nothing that only some of its calls need, or none: that would delay each start.
    """
    folders = [*folders_of(name, layer, tmp_path), runtime]
    script = f"{IMPORT}; print(*sys.modules); {FROZEN}"
    # Without bytecode for this Python, each would compile the whole layer.
    compiled = f"pycache_prefix={layer.parent / 'bytecode'}"
    command = [sys.executable, "-I", "-S", "-X", compiled, "-c", script, *map(str, folders)]
    found = subprocess.run(command, env={}, check=True, capture_output=True, text=True)
    modules, slow = found.stdout.splitlines()
    unused = UNUSED | {module for module, users in USED_BY.items() if name not in users}
    assert set() == unused & set(modules.split())
    assert "" == slow


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_inspect_images_have_pillow(name: str) -> None:
    """Pillow is loaded when the first image is inspected: no start of a function would show that it is missing."""
    looks = "gallop.media.pictures.examine" in reachable.mentioned_by(stack.ROOT / "functions" / name)
    assert looks == ("PictureLayer" in native_layers(name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_decode_videos_have_pyav(name: str) -> None:
    """PyAV is loaded when the first frame is decoded: no start of a function would show that it is missing."""
    decoding = {
        "gallop.media.frames.extract",
        "gallop.services.inspect_clips.inspect",
    }
    looks = decoding & reachable.mentioned_by(stack.ROOT / "functions" / name)
    assert bool(looks) == ("VideoLayer" in native_layers(name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_sign_have_the_library_of_c2pa(name: str) -> None:
    """It is loaded when the first video is signed: no start of a function would show that it is missing."""
    signs = "gallop.media.signing.sign" in reachable.mentioned_by(stack.ROOT / "functions" / name)
    assert signs == ("SigningLayer" in native_layers(name))


@pytest.mark.parametrize("logical_id", ["PictureLayer", "VideoLayer", "SigningLayer"])
def test_native_code_is_for_lambdas_processor(logical_id: str, layer: Path, built: Callable[[str], Path]) -> None:
    """A layer with machine code is for arm64 throughout, and all layers together fit into Lambda's limit."""
    native = built(logical_id)
    libraries = [path for path in native.rglob("*") if ".so" in path.suffixes]
    assert {"arm64"} == {machine_of(path) for path in libraries}
    assert ALL_LAYERS_MB > sum(map(size_mb, (layer, *map(built, ("PictureLayer", "VideoLayer", "SigningLayer")))))
