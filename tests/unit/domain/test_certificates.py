"""What is read of a certificate before anything is signed with it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from gallop.domain import certificates

# It makes these certificates, and has wheels for most machines only.
pytest.importorskip("c2pa")

from tests.support import signed

PEM = serialization.Encoding.PEM


def test_the_chain_and_the_key_are_read_in_any_order() -> None:
    """People put the files together as they have them, with texts between; only the certificates have an order."""
    chain, begin, key = signed.authority().secret().partition("-----BEGIN PRIVATE KEY-----")
    usual, other = (
        certificates.read(chain + begin + key),
        certificates.read(f"My key:\r\n{begin}{key}My chain:\n{chain}"),
    )
    assert usual
    assert usual == other
    assert 2 == usual.chain.count("BEGIN CERTIFICATE")
    assert tuple(one.timestamp() for one in signed.VALID) == (usual.valid_from, usual.valid_until)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "es256"),
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ec.generate_private_key(ec.SECP521R1()), "es512"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (ec.generate_private_key(ec.SECP256K1()), ""),
    ],
    ids=["P-256", "P-384", "P-521", "RSA", "Ed25519", "Bitcoin's curve"],
)
def test_the_algorithm_is_that_of_the_certificates_key(key: signed.Key, algorithm: str) -> None:
    """Those that C2PA allows are known; there is nothing to set."""
    found = certificates.read(signed.authority().certificate(key).public_bytes(PEM).decode())
    assert found
    assert algorithm == found.algorithm
    assert "" == found.key


def test_a_year_beyond_2049_is_read() -> None:
    """Certificates write it in another form."""
    until = datetime(2060, 1, 1, tzinfo=UTC)
    found = certificates.read(signed.authority().secret((signed.VALID[0], until)))
    assert found
    assert until.timestamp() == found.valid_until


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "sk-123",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUfo\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUfo",
    ],
    ids=["empty", "another secret", "no certificate", "cut off", "without an end"],
)
def test_what_is_no_certificate_is_refused(secret: str) -> None:
    """It does not fail in any other way, whatever was pasted."""
    assert None is certificates.read(secret)


def test_two_keys_are_refused() -> None:
    """Nobody knows which of them is meant."""
    secret = signed.authority().secret()
    assert None is certificates.read(secret + secret[secret.index("-----BEGIN PRIVATE KEY-----") :])
