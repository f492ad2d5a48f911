"""The last released version, from the repository's own history."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.testbed.aws.account import REGION
from tests.testbed.aws.template import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.testbed.aws.template import Template

ROOT = Path(__file__).parents[2]
_UNRELEASED = re.compile(r"^## \[Unreleased\]$(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
_VERSION = re.compile(r"^## \[(\d[^\]]*)\]", re.MULTILINE)


class NoHistoryError(Exception):
    """The last release is not in this copy of the repository; the message says why."""


def last_release() -> tuple[str, str]:
    """Return the version that was released last, and its commit: the newest with nothing unreleased in its changelog.

    It is found by content, because commits may be rewritten, and looked for on the main line only: a branch may be
    older than the release that it is merged after.
    """
    try:
        commits = _git("rev-list", "--first-parent", "HEAD").decode().split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoHistoryError("This is not a clone of the repository.") from error
    for commit in commits:
        changelog = _git("show", f"{commit}:CHANGELOG.md").decode()
        unreleased, version = _UNRELEASED.search(changelog), _VERSION.search(changelog)
        if unreleased and version and not unreleased[1].strip():
            return version[1], commit
    raise NoHistoryError("The clone does not reach back to the last release. Fetch its history: git fetch --unshallow")


def unpack(commit: str, folder: Path) -> Template:
    """Write all files of a commit into a folder; return its template.

    Version 0.1.0 grants answers to task tokens on the state machines. AWS's reference has no resource for that
    action, and reports from the field do: the template is read as it works where it works.
    """
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit))) as archive:
        archive.extractall(folder, filter="data")
    template = read(folder / "template.yaml", REGION)
    for statement in _statements(template.body):
        if statement["Action"] == "states:SendTaskSuccess":
            statement["Resource"] = "*"
    return template


def _statements(node: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any part of a template
    if isinstance(node, dict) and "Action" in node:
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _statements(part)


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True).stdout
