"""Keys of the HTTPS door."""

from __future__ import annotations

import pytest
from gallop.domain.clients import keys


def test_keys_are_long_and_unique() -> None:
    """They have 256 random bits after a prefix that secret scanners can recognise."""
    created = {keys.generate() for _ in range(100)}
    assert 100 == len(created)
    assert {"gallop_"} == {key[:7] for key in created}
    assert {43} == {len(key.removeprefix("gallop_")) for key in created}


def test_a_hash_does_not_reveal_its_key() -> None:
    """The table stores the SHA-256 only."""
    assert "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" == keys.hash_of("key")


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("ada", True),
        ("ada.lovelace-2_x", True),
        ("7", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("s3", False),
        ("", False),
        ("Ada", False),
        ("-ada", False),
        ("ada/../x", False),
        ("ada\n", False),
    ],
)
def test_client_names_fit_into_object_keys(name: str, may: bool) -> None:
    """A client's name is part of its uploads' keys, and s3 is reserved for the S3 door."""
    assert may is keys.is_client_name(name)
