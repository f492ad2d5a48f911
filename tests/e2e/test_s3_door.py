"""Every way to upload and every kind of name, with boto3 and the real ``aws`` command line, and real events.

Everything is dropped first, and then each case waits for its own: one job, one task, with its images and its prompt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.pictures import picture
from tests.testbed import env

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.caller import Caller

NFC, NFD = (unicodedata.normalize(form, "Grüße") for form in ("NFC", "NFD"))
AWS = shutil.which("aws", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
STARTED = ("running", "storing", "succeeded")


@dataclass(frozen=True, slots=True)
class Dropper:
    """A user with boto3, the command line, and a local folder."""

    caller: Caller
    laptop: Path

    def put(self, key: str, data: bytes) -> None:
        """Put an object."""
        self.caller.drop({key: data})

    def put_folder(self, name: str, prompt: str, *, names: tuple[str, ...] = ("1.jpg", "prompt.txt")) -> None:
        """Put an image and a prompt."""
        for file in names:
            self.put(f"{name}/{file}", prompt.encode() if file.lower().endswith("txt") else picture())

    def folder(self, name: str, prompt: str) -> Path:
        """Create a local folder, with the system files of a Mac."""
        folder = self.laptop / name
        folder.mkdir(parents=True)
        for file, data in {"1.jpg": picture(), "2.JPG": picture(shade=3), ".DS_Store": b"x", "._1.jpg": b"x"}.items():
            (folder / file).write_bytes(data)
        (folder / "prompt.txt").write_bytes(prompt.encode("utf-16"))
        return folder

    def aws(self, *arguments: str) -> None:
        """Run the command line."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        variables = {**os.environ, "PATH": path, **env.variables(asdict(self.caller.at))}
        subprocess.run(["aws", "s3", *arguments, "--only-show-errors"], env=variables, check=True, timeout=120)

    def to(self, name: str) -> str:
        """Return the address of a drop."""
        return f"s3://{self.caller.at.inbox_bucket}/drop/{name}"


def multipart(dropper: Dropper, name: str, prompt: str) -> None:
    """Upload in parts, as programs do with large files."""
    s3, target = dropper.caller.s3, {"Bucket": dropper.caller.at.inbox_bucket, "Key": f"drop/{name}/1.jpg"}
    upload = s3.create_multipart_upload(**target)["UploadId"]
    part = s3.upload_part(**target, UploadId=upload, PartNumber=1, Body=picture())
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**target, UploadId=upload, MultipartUpload=parts)
    dropper.put(f"{name}/prompt.txt", prompt.encode())


def copy(dropper: Dropper, name: str, prompt: str) -> None:
    """Copy an image that is already in the bucket."""
    bucket = dropper.caller.at.inbox_bucket
    dropper.caller.s3.put_object(Bucket=bucket, Key="uploads/cat.jpg", Body=picture())
    source: Any = {"Bucket": bucket, "Key": "uploads/cat.jpg"}
    dropper.caller.s3.copy_object(Bucket=bucket, Key=f"drop/{name}/1.jpg", CopySource=source)
    dropper.put(f"{name}/prompt.txt", prompt.encode())


def post(dropper: Dropper, name: str, prompt: str) -> None:
    """Upload a form as a browser does, and create the folder first, as the console does."""
    dropper.put(f"{name}/", b"")
    form = dropper.caller.s3.generate_presigned_post(dropper.caller.at.inbox_bucket, f"drop/{name}/1.jpg")
    assert httpx.post(form["url"], data=form["fields"], files={"file": picture()}).is_success
    dropper.put(f"{name}/prompt.txt", prompt.encode())


def recursive(dropper: Dropper, name: str, prompt: str) -> None:
    """``aws s3 cp --recursive``."""
    dropper.aws("cp", "--recursive", str(dropper.folder(name, prompt)), dropper.to(name))


def sync(dropper: Dropper, name: str, prompt: str) -> None:
    """``aws s3 sync``, twice."""
    folder = dropper.folder(name, prompt)
    for _ in range(2):
        dropper.aws("sync", str(folder), dropper.to(name))


def move(dropper: Dropper, name: str, prompt: str) -> None:
    """Run ``aws s3 mv --recursive`` from another prefix of the bucket."""
    dropper.aws("mv", "--recursive", str(dropper.folder(name, prompt)), dropper.to(name))


def listed(dropper: Dropper, name: str, prompt: str) -> None:
    """Put a job.json that uses another form of an accent than the image's name."""
    dropper.put(f"{name}/Job.JSON", f'{{"prompt": "{prompt}", "images": ["{NFC}.jpg"]}}'.encode("utf-8-sig"))
    dropper.put(f"{name}/{NFD}.jpg", picture())


def lone(dropper: Dropper, name: str, prompt: str) -> None:
    """Put a text first, and then the single image that it belongs to."""
    dropper.put(f"{name.removesuffix('.jpeg')}.txt", prompt.encode())
    dropper.put(name, picture())


def suffixes(dropper: Dropper, name: str, prompt: str) -> None:
    """Put upper case names, a WEBP, and a suffix that Windows hides."""
    dropper.put(f"{name}/2.WEBP", picture("WEBP"))
    dropper.put(f"{name}/1.JPEG", picture())
    dropper.put(f"{name}/PROMPT.TXT.txt", prompt.replace("\n", "\r\n").encode("utf-8-sig"))


def folder(dropper: Dropper, name: str, prompt: str) -> None:
    """Put a folder file by file."""
    dropper.put_folder(name, prompt)


CASES: dict[str, tuple[Callable[[Dropper, str, str], None], int]] = {
    "spring ad": (folder, 1),
    "a+b & c=d, 'e' \"f\"": (folder, 1),
    "50% #1": (folder, 1),
    "100%2B%25": (folder, 1),
    f"{NFC} C": (folder, 1),
    f"{NFD} D": (folder, 1),
    "🐎/nested/deep": (folder, 1),
    "ü" * 400: (folder, 1),
    "by parts": (multipart, 1),
    "by copy": (copy, 1),
    "by form": (post, 1),
    "by cp + recursive": (recursive, 2),
    "by sync": (sync, 2),
    "by mv": (move, 2),
    "by list": (listed, 1),
    "lone cat.jpeg": (lone, 1),
    "suffixes": (suffixes, 2),
}


def prompt_of(name: str) -> str:
    """Return the prompt of a case."""
    return f"Case {list(CASES).index(name)}: the cat smiles."


@pytest.fixture(scope="module")
def dropped(caller: Caller, tmp_path_factory: pytest.TempPathFactory) -> Caller:
    """Drop all cases."""
    dropper = Dropper(caller, tmp_path_factory.mktemp("laptop"))
    for name, (upload, _) in CASES.items():
        upload(dropper, name, prompt_of(name))
    return caller


@pytest.mark.parametrize("name", CASES)
@pytest.mark.skipif(
    not (Path(sys.executable).parent / "aws").exists() and not shutil.which("aws"), reason="no aws here"
)
def test_every_drop_becomes_one_job(name: str, dropped: Caller) -> None:
    """It has receipts under its own name, its images and its prompt."""
    dropped.wait_for_receipt(f"{name}/status.json", *STARTED)
    (task,) = dropped.tasks_for(prompt_of(name))
    assert CASES[name][1] == len(task["images"])


def test_a_batch_is_cancelled(caller: Caller) -> None:
    """With the rights that the functions have: what runs is delivered, and the rest is never made."""
    lines = "\n".join(f'{{"prompt": "A horse, number {number}.", "duration": 3}}' for number in range(200))
    caller.drop({"many/batch.jsonl": lines.encode()})
    caller.wait_for_receipt("many/batch/00001/status.json", "running", "storing", "succeeded")
    caller.drop({"many/CANCEL": b""})
    receipt = caller.wait_for_receipt("many/batch.json", "cancelled")
    assert 0 == receipt["jobs"]["open"] == receipt["jobs"]["waiting"]
    assert 100 < receipt["jobs"]["not_started"]
    made = [task for task in caller.testbed.dashscope.ledger()["tasks"] if "A horse, number" in task["prompt"]]
    charged = [task for task in made if task["billed_seconds"]]
    assert len(charged) == receipt["jobs"]["succeeded"]
