"""What AWS would get: the real SAM CLI checks and builds the stack, uploads it and creates its change set."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope.clock import ScaledClock
from tests.support import sam
from tests.template import stack
from tests.template.test_layer import MACHINES, python_3_13
from tests.testbed.aws.embedded import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not sam.COMMAND.exists(), reason="The SAM CLI is not installed: run `make .sam-ready`.")
# Lambda's limits: a function with all its layers, unpacked; and one archive, where it is not uploaded through S3.
UNPACKED_BYTES, ZIPPED_BYTES = 250 * 1024**2, 50 * 1024**2
ELF = b"\x7fELF"
CODE = {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}


@dataclass(frozen=True, slots=True)
class Shipped:
    """The change set that ``sam deploy`` created, and the archives that it uploaded."""

    changes: list[dict[str, Any]]
    resources: dict[str, dict[str, Any]]
    """The template that CloudFormation would execute."""
    archives: dict[str, bytes]
    """The code of each function and layer, by logical ID."""

    def files(self, logical_id: str) -> dict[str, bytes]:
        """Unpack an archive."""
        with zipfile.ZipFile(io.BytesIO(self.archives[logical_id])) as archive:
            return {one.filename: archive.read(one) for one in archive.infolist() if not one.is_dir()}

    def unpacked(self, logical_id: str) -> int:
        """Return the size of an archive's files."""
        with zipfile.ZipFile(io.BytesIO(self.archives[logical_id])) as archive:
            return sum(one.file_size for one in archive.infolist())

    def layers(self) -> list[str]:
        """Name the layers."""
        return [name for name, one in self.resources.items() if one["Type"] == "AWS::Lambda::LayerVersion"]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    """Run an empty account."""
    embedded = EmbeddedAws(ScaledClock(1.0))
    embedded.start()
    try:
        yield embedded
    finally:
        embedded.stop()


@pytest.fixture(scope="module")
def shipped(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    """Build the stack, upload it, and create its change set without executing it."""
    if not python_3_13():
        pytest.skip("Python 3.13, which compiles the layers, is not installed.")
    folder = tmp_path_factory.mktemp("sam")
    built = sam.sam("build", "--no-cached", "--build-dir", str(folder / "build"), PYTHON_3_13=python_3_13())
    assert 0 == built.returncode, built.stderr
    location = {"LocationConstraint": aws.region}
    aws.client("s3").create_bucket(Bucket=sam.ARTIFACTS, CreateBucketConfiguration=location)
    with sam.macro():
        deployed = deploy(aws, folder)
        assert 0 == deployed.returncode, deployed.stdout[-2000:] + deployed.stderr
        return read(aws)


def deploy(aws: EmbeddedAws, folder: Path) -> Any:  # noqa: ANN401 - a completed process
    """Run ``sam deploy`` as an operator does who looks at the change set first."""
    words = ["--stack-name", "gallop", "--s3-bucket", sam.ARTIFACTS, "--parameter-overrides", "DashScopeApiKey=sk-x"]
    return sam.sam(
        "deploy",
        "--no-execute-changeset",
        *("--template-file", str(folder / "build" / "template.yaml")),
        *("--capabilities", "CAPABILITY_IAM", "--region", aws.region, *words),
        AWS_ENDPOINT_URL=aws.endpoint_url,
        AWS_ACCESS_KEY_ID=aws.driver.access_key_id,
        AWS_SECRET_ACCESS_KEY=aws.driver.secret_access_key,
    )


def read(aws: EmbeddedAws) -> Shipped:
    """Read the change set and the uploads."""
    cloudformation, s3 = aws.client("cloudformation"), aws.client("s3")
    (summary,) = cloudformation.list_change_sets(StackName="gallop")["Summaries"]
    found = cloudformation.describe_change_set(ChangeSetName=summary["ChangeSetId"], StackName="gallop")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=sam.ARTIFACTS)["Contents"]]
    uploads = {key: s3.get_object(Bucket=sam.ARTIFACTS, Key=key)["Body"].read() for key in keys}
    (template,) = [data for key, data in uploads.items() if key.endswith(".template")]
    resources = sam.translated(template.decode())["Resources"]
    archives = {
        name: uploads[one["Properties"][CODE[one["Type"]]]["S3Key"]]
        for name, one in resources.items()
        if one["Type"] in CODE
    }
    return Shipped([one["ResourceChange"] for one in found["Changes"]], resources, archives)


def test_the_template_is_valid() -> None:
    """``sam validate --lint`` finds nothing."""
    result = sam.sam("validate", "--lint", "--region", "us-east-1")
    assert 0 == result.returncode, result.stdout + result.stderr


def test_the_change_set_adds_each_resource(shipped: Shipped) -> None:
    """It creates what the template describes, and changes and removes nothing."""
    assert {"Add"} == {change["Action"] for change in shipped.changes}
    expected = Counter(one["Type"] for one in stack.translated().body["Resources"].values())
    assert expected == Counter(change["ResourceType"] for change in shipped.changes)


def test_archives_are_small_enough(shipped: Shipped) -> None:
    """Each archive, and each function unpacked with all its layers, is below Lambda's limits."""
    assert ZIPPED_BYTES > max(len(data) for data in shipped.archives.values())
    functions = {name: one for name, one in shipped.resources.items() if one["Type"] == "AWS::Lambda::Function"}
    for name, function in functions.items():
        layers = [layer["Ref"] for layer in function["Properties"].get("Layers", [])]
        assert UNPACKED_BYTES > sum(shipped.unpacked(one) for one in (name, *layers)), name


def test_machine_code_is_for_arm64_only(shipped: Shipped) -> None:
    """Whatever machine builds the stack, its libraries run on the processor that the template names."""
    files = {(name, path): data for name in shipped.archives for path, data in shipped.files(name).items()}
    libraries = {where: data for where, data in files.items() if data.startswith(ELF)}
    assert {"PictureLayer", "SigningLayer", "VideoLayer"} == {name[: name.index("Layer") + 5] for name, _ in libraries}
    assert {"arm64"} == {MACHINES[int.from_bytes(data[18:20], "little")] for data in libraries.values()}
    functions = [one for one in shipped.resources.values() if one["Type"] == "AWS::Lambda::Function"]
    assert [["arm64"]] * len(functions) == [one["Properties"]["Architectures"] for one in functions]


def test_every_module_of_a_layer_has_bytecode(shipped: Shipped) -> None:
    """The bytecode survives the packaging; that of this machine's Python is in no function."""
    for layer in shipped.layers():
        paths = set(shipped.files(layer))
        modules = {path for path in paths if path.endswith(".py")}
        assert set() == {path for path in modules if _bytecode(path) not in paths}, layer
    functions = set(shipped.archives) - set(shipped.layers())
    assert [] == [path for name in functions for path in shipped.files(name) if path.endswith(".pyc")]


def _bytecode(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-313.pyc"
