"""Check, describe and package a release. The release workflow runs this; it needs the standard library only.

python .ci/release.py check v0.1.0    # the tag, the version and the changelog must agree
python .ci/release.py notes           # print the version's section of the changelog
python .ci/release.py package dist    # write the built stack as dist/gallop-0.1.0.zip
"""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
# Zip archives cannot store an earlier date; a constant one makes two builds equal.
EPOCH = (1980, 1, 1, 0, 0, 0)


class ReleaseError(Exception):
    """The release cannot be made; the message says what to change."""


def main() -> int:
    """Run a command; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("tag")
    commands.add_parser("notes")
    commands.add_parser("package").add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        if arguments.command == "check":
            check(arguments.tag)
        elif arguments.command == "notes":
            sys.stdout.write(notes(version()))
        else:
            sys.stdout.write(f"{package(ROOT / '.aws-sam' / 'build', arguments.folder)}\n")
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def version() -> str:
    """Return the version, which is defined in the deployed package."""
    found = VERSION.search((ROOT / "shared" / "gallop" / "__init__.py").read_text(encoding="utf-8"))
    if found is None:
        raise ReleaseError("shared/gallop/__init__.py has no __version__.")
    return found[1]


def check(tag: str) -> None:
    """Require that the tag names the version, and that the changelog describes it."""
    if tag != f"v{version()}":
        raise ReleaseError(
            f"The tag is {tag}, but __version__ is {version()}. Tag v{version()}, or change the version."
        )
    notes(version())


def notes(number: str) -> str:
    """Return the changelog's section of a version, without its heading."""
    sections = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    heading = re.compile(rf"\[{re.escape(number)}\] - \d{{4}}-\d\d-\d\d\n")
    for section in sections:
        found = heading.match(section)
        if found:
            return section[found.end() :].strip() + "\n"
    raise ReleaseError(f'CHANGELOG.md has no section "## [{number}] - <date>".')


def package(built: Path, folder: Path) -> Path:
    """Zip what `sam build` made, template and code; equal builds give equal archives."""
    if not (built / "template.yaml").is_file():
        raise ReleaseError("There is no built stack. Run `make build` first.")
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"gallop-{version()}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(built.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(built).as_posix(), EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (path.stat().st_mode & 0o777) << 16
                target.writestr(entry, path.read_bytes())
    return archive


if __name__ == "__main__":
    sys.exit(main())
