"""Clients that others' generators make of the OpenAPI document create jobs, and linters find nothing in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scripts import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.caller import Caller

PROJECT = ROOT / "tests" / "clients"
INSTALLED = ROOT / ".venv-clients"
PYTHON = INSTALLED / "bin"
TOOLS = INSTALLED / "node" / "node_modules" / ".bin"
DOCUMENT = ROOT / "functions" / "describe" / "openapi.json"
CREATE = """
import json, sys
from gallop_client import AuthenticatedClient
from gallop_client.api.videos import get_v1_videos_id, post_v1_uploads, post_v1_videos
from gallop_client.models import UploadRequest, UploadRequestContentType, VideoForm, VideoRequest
from gallop_client.types import File

url, key, picture = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key)
body = VideoRequest.from_dict(
    {"prompt": "The cat of [Image 1] jumps.", "images": ["https://example.com/cat.jpg"], "metadata": {"order": 17}}
)
first, again = (post_v1_videos.sync(client=client, body=body, idempotency_key="python") for _ in range(2))
with open(picture, "rb") as file:
    form = VideoForm(prompt="The cat of [Image 1] sleeps.", images=[File(payload=file, file_name="cat.jpg")])
    formed = post_v1_videos.sync(client=client, body=form, idempotency_key="form")
upload = post_v1_uploads.sync(client=client, body=UploadRequest(content_type=UploadRequestContentType.IMAGEJPEG))
seen = get_v1_videos_id.sync(first.id, client=client)
refused = post_v1_videos.sync(client=client, body=VideoRequest(prompt=""), idempotency_key="refused")
print(json.dumps([first.to_dict(), again.id, formed.to_dict(), upload.id, seen.id, refused.code]))
"""

pytestmark = [
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed"),
    pytest.mark.skipif(not TOOLS.is_dir() or not PYTHON.is_dir(), reason="`make proofs` installs the generators"),
]


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """Run a command that must succeed; return its output."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "REDOCLY_TELEMETRY": "off", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def test_a_python_client_creates_jobs(caller: Caller, tmp_path: Path) -> None:
    """openapi-python-client: from JSON and from a form; a repetition is the same job, and a refusal is typed."""
    generator = (PYTHON / "openapi-python-client", "generate", "--meta", "none", "--fail-on-warning")
    path = f"{PYTHON}{os.pathsep}{os.environ['PATH']}"
    run(*generator, "--path", DOCUMENT, "--output-path", tmp_path / "gallop_client", folder=tmp_path, PATH=path)
    picture = ROOT / "tests" / "testbed" / "pictures" / "qipao" / "1-woman.jpg"
    output = run(PYTHON / "python", "-c", CREATE, caller.at.api_url, caller.at.api_key, picture, folder=tmp_path)
    first, again, formed, upload, seen, refused = json.loads(output)
    assert {"order": 17} == first["metadata"]
    assert [first["id"]] * 2 == [again, seen]
    assert ("video", 1) == (formed["object"], formed["images"])
    assert ("invalid_request", True) == (refused, upload.startswith("upload_"))


def test_a_typescript_client_creates_a_job(caller: Caller, tmp_path: Path) -> None:
    """openapi-typescript and openapi-fetch: the compiler accepts the request with its metadata, and it is created."""
    for name in ("create.ts", "tsconfig.json", "package.json"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(INSTALLED / "node" / "node_modules")
    run(TOOLS / "openapi-typescript", DOCUMENT, "-o", tmp_path / "schema.d.ts", folder=tmp_path)
    run(TOOLS / "tsc", "-p", ".", folder=tmp_path)
    job = json.loads(run("node", "create.js", caller.at.api_url, caller.at.api_key, folder=tmp_path))
    assert ("queued", {"order": 17}) == (job["state"], job["metadata"])


def test_redocly_finds_nothing() -> None:
    """No error and no warning, with its recommended rules."""
    found: dict[str, Any] = json.loads(run(TOOLS / "redocly", "lint", DOCUMENT, "--format=json", folder=PROJECT))
    assert [] == found["problems"]


def test_spectral_finds_nothing() -> None:
    """No error and no warning, with its rules for OpenAPI."""
    run(TOOLS / "spectral", "lint", "--fail-severity=hint", DOCUMENT, folder=PROJECT)


def test_the_page_has_no_type_errors() -> None:
    """The compiler of TypeScript checks its modules, by their comments."""
    run(TOOLS / "tsc", "-p", PROJECT / "page.tsconfig.json", folder=PROJECT)
