"""The version of boto3 that Lambda's runtime brings is checked where it is first used."""

from __future__ import annotations

import runpy

import botocore
import pytest
from gallop.adapters import aws

from tests.support.scripts import ROOT


def load(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Import the module of the clients beside another version of boto3."""
    monkeypatch.setattr(botocore, "__version__", version)
    runpy.run_path(str(aws.__file__))


@pytest.mark.parametrize("version", ["1.35.99", "1.9.0", "0.36.0"])
def test_an_old_boto3_is_refused_with_the_reason(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function then fails before it takes a job, rather than at the one call that needs a newer version."""
    with pytest.raises(RuntimeError, match=rf"boto3 {version} is too old; Gallop needs 1\.36 or newer"):
        load(monkeypatch, version)


@pytest.mark.parametrize("version", ["1.36.0", "1.44.5", "1.100.0", "2.0.0"])
def test_a_newer_boto3_is_taken(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are compared as numbers."""
    load(monkeypatch, version)


def test_the_page_states_the_minimum() -> None:
    """Who deploys knows what the runtime must bring."""
    minimum = ".".join(map(str, aws.MINIMUM_BOTO3))
    assert f"boto3 {minimum}" in (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
