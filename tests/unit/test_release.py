"""A release is made only when tag, version and changelog agree; its archive is reproducible."""

from __future__ import annotations

import tomllib
import zipfile
from typing import TYPE_CHECKING

import gallop
import pytest

from tests.support.scripts import ROOT, load

if TYPE_CHECKING:
    from pathlib import Path

release = load("release")


def test_the_version_is_written_once() -> None:
    """Only the deployed package carries it; each pyproject.toml declares it as dynamic."""
    assert gallop.__version__ == release.version()
    for folder in (ROOT, ROOT / "shared"):
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert "version" not in project
        assert ["version"] == project["dynamic"]


def test_the_changelog_describes_the_version() -> None:
    """The tag of the current version is accepted; its notes are entries for users."""
    release.check(f"v{gallop.__version__}")
    assert release.notes(gallop.__version__).startswith("### ")


@pytest.mark.parametrize("tag", ["v99.0.0", "0.1.0", "v0.1.0-rc1", ""])
def test_another_tag_is_refused(tag: str) -> None:
    """The error names both, and what to do."""
    with pytest.raises(release.ReleaseError, match=rf"Tag v{gallop.__version__}, or change the version"):
        release.check(tag)


def test_a_version_without_notes_is_refused() -> None:
    """An unreleased section is not enough: a release has a date."""
    with pytest.raises(release.ReleaseError, match=r"CHANGELOG\.md has no section"):
        release.notes("99.0.0")


def test_equal_builds_give_equal_archives(tmp_path: Path) -> None:
    """Dates do not count; names, content and modes do."""
    archives = []
    for build in ("first", "second"):
        built = tmp_path / build
        (built / "SharedLayer").mkdir(parents=True)
        (built / "template.yaml").write_text("Resources: {}\n", encoding="utf-8")
        (built / "SharedLayer" / "a.py").write_text(f"{1}\n", encoding="utf-8")
        archives.append(release.package(built, tmp_path / f"dist-{build}"))
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with zipfile.ZipFile(archives[0]) as archive:
        assert ["SharedLayer/a.py", "template.yaml"] == archive.namelist()


def test_nothing_is_packaged_without_a_build(tmp_path: Path) -> None:
    """An empty archive would be attested like any other."""
    with pytest.raises(release.ReleaseError, match="make build"):
        release.package(tmp_path, tmp_path / "dist")
