"""Folders laid out as in Lambda: ``/opt/python`` of a layer, and the runtime's own packages.

Both contain links to installed packages, so that a function can import exactly what its layer's lock file names.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from .template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RUNTIME_PACKAGES = (
    "awslambdaric",
    "boto3",
    "botocore",
    "jmespath",
    "python-dateutil",
    "s3transfer",
    "simplejson",
    "six",
    "snapshot-restore-py",
    "urllib3",
)
"""The packages of Lambda's Python runtime, besides the standard library."""

# Native, in awslambdaric's packages for Linux; other systems install the package without it.
_CLIENT = Path(__file__).with_name("runtime_client.py")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)[^;\n]*(;[^\n]*)?", re.MULTILINE)


def build_runtime(target: Path) -> Path:
    """Create the folder of the Lambda runtime's own packages."""
    target.mkdir(parents=True)
    for name in RUNTIME_PACKAGES:
        _link_distribution(target, name)
    if not any(file.exists() for file in target.glob(f"{_CLIENT.stem}.*")):
        (target / _CLIENT.name).symlink_to(_CLIENT)
    return target


def build_layer(content: Path, target: Path) -> Path:
    """Create the ``python`` folder of a layer: its own packages, and those of its ``requirements.txt``."""
    target.mkdir(parents=True)
    for package in _own_packages(content):
        (target / package.name).symlink_to(package)
    requirements = content / "requirements.txt"
    if requirements.is_file():
        for name, optional in _requirements(requirements.read_text(encoding="utf-8")):
            try:
                _link_distribution(target, name)
            except PackageNotFoundError:
                if not optional:
                    raise TemplateError(f"{requirements} names {name}, which is not installed.") from None
    return target


def _own_packages(content: Path) -> Iterator[Path]:
    for entry in sorted(content.iterdir()):
        if (entry / "__init__.py").is_file() or entry.suffix == ".py":
            yield entry


def _requirements(text: str) -> Iterable[tuple[str, bool]]:
    """Return each package, and whether an environment marker may exclude it."""
    return ((match.group(1), bool(match.group(2))) for match in _REQUIREMENT.finditer(text))


def _link_distribution(target: Path, name: str) -> None:
    found = distribution(name)
    for top in sorted({file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}):
        link = target / top
        if not link.exists():
            link.symlink_to(str(found.locate_file(top)))
